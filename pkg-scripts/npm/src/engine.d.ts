// The engine's surface as compiled from Rust (src/js): what wasm-bindgen writes to engine.js.

/** Instantiates a compiled build of the engine. */
export default function init(options: { module_or_path: WebAssembly.Module }): Promise<unknown>;

/** The named files of a model, in wasm memory. */
export class ModelFiles {
  constructor();
  /** Makes room for a file, zeroed. */
  add(name: string, byteLength: number): void;
  write(name: string, offset: number, chunk: Uint8Array): void;
  /** Throws where what is there of the files cannot be loaded. Says whether that is all that can be told before they are whole. */
  check(): boolean;
  free(): void;
}

export class Engine {
  /** Consumes `files`. `known`: what `measured` gave before, a line each. */
  static load(
    files: ModelFiles,
    device: string,
    known: string,
    onProgress?: (phase: string, done: number, total: number) => void,
    quantize?: string,
  ): Promise<Engine>;
  /** With the device of this moment. */
  info(): import("./info.js").LoadedInfo;
  /** What was measured to choose the device: a line to be kept for later loads. */
  measured(): string | undefined;
  /** How often the model has moved to another device, because the one before was lost. */
  moves(): number;
  chat(): ChatFiles;
  /**
   * Control tokens written out in the text act, but for those that take in one of the `literal` bytes of its UTF-8; without
   * these, none does.
   */
  tokenize(text: string, addSpecial: boolean, literal?: Uint32Array): Uint32Array;
  detokenize(ids: Uint32Array): string;
  /** The sentences of a text, or of the article in it, as they read, with their places. */
  sentences(text: string, prose: boolean): { text: string; start: number; end: number }[];
  /** The sentences of something written, with those of the text that support each. */
  support(text: string, written: string): { start: number; end: number; sources: { start: number; end: number }[] }[];
  /** Gives the model an embedding table, a set of labels, or what finds names. Consumes `files`. */
  addPart(files: ModelFiles): void;
  /** The vectors of the first of these texts, of as many as the model reads at once: one by a table. */
  embed(texts: string[], options: object): Float32Array<ArrayBuffer>[];
  /** How well the first of these texts answer the query, by a cross-encoder: one number each. */
  score(query: string, texts: string[]): Float32Array<ArrayBuffer>;
  /** What a head says of the beginning of a text, token by token; with a question where it answers such. */
  readTokens(text: string, question?: string): TokenLogits;
  /** By a masked language model: so many `Fill`s for each mask of a text; without a number its `SparseVector`. */
  masked(text: string, top?: number): unknown;
  /** Begins a task: `generate`, `summarize`, `classify`, `entities`, `keywords`, `answer`; see src/task/mod.rs. */
  start(task: string, input: string, options: object): Job;
  /** Begins to say how likely labels are as answers: prompts up to `ends`, then the one without a text; `end` ends an answer. */
  choose(labels: string[], tokens: Uint32Array, ends: Uint32Array, end: number): Job;
  /** Begins to continue token ids, with what the guide allows. */
  generate(tokens: Uint32Array, options: object, guide?: Guide): Job;
  /**
   * What each token writes: how many there are, where the bytes of each end, in 32 bits each with the lowest byte first, then the bytes.
   * A token without any may not be written.
   */
  vocabulary(): Uint8Array;
  /** A new session, or the one that was saved. */
  session(saved?: Uint8Array): Promise<Session>;
  free(): void;
}

/** What a head says of tokens. */
export interface TokenLogits {
  /** What the outputs of a row stand for. */
  labels: string[];
  /** The outputs of the first row, which no token of the text has, then those of each token, row by row. */
  logits: Float32Array<ArrayBuffer>;
  /** Where the word of each token starts and ends in the text, two numbers a token. */
  words: Uint32Array;
}

/** What chat prompts are made with. */
export interface ChatFiles {
  /** In Jinja. */
  template: string | undefined;
  /** The text of a `tokenizer_config.json`. */
  config: string | undefined;
  contextLength: number;
  /** Control tokens' ids by their texts. */
  controls: Record<string, number>;
  /** The tokens that begin and end a text. */
  start: number | undefined;
  end: number | undefined;
}

/**
 * Says what may come behind the token that was written, `undefined` at the beginning: a bit a token, lowest first, and one more, whether the
 * text may end. `undefined` where it is complete.
 */
export type Guide = (written: number | undefined) => Uint32Array | undefined;

/** A text that goes on. */
export class Session {
  /** Control tokens written out in the text act, unless it is `literal`. */
  append(text: string, literal: boolean): Job;
  /** Of what the last call wrote or appended, keeps the first `n` tokens. */
  keepWritten(n: number): void;
  /** Continues the text, or `tokens` in its place, with what the guide allows. */
  generate(options: object, tokens?: Uint32Array, guide?: Guide): Job;
  fork(): Promise<Session>;
  save(): Uint8Array<ArrayBuffer>;
  free(): void;
}

/** One call in steps: each `next` does one bounded unit of work, a chunk of the prompt or one token. */
export class Job {
  next(): Promise<import("./engine/protocol.js").JobEvent>;
  free(): void;
}
