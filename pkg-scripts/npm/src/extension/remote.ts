// A model from afar: the same methods, answered by the extension's one engine.

import { DisposedError, optionError, unknownOption } from "../errors.js";
import type { EngineInfo } from "../info.js";
import type { ChatMessage, ChatOptions, ChatPiece } from "../model/chat/types.js";
import type { Model } from "../model/model.js";
import { type CallOptions, checkCallOptions, checkOptions, checkText } from "../model/options.js";
import { type Piece, type Point, type Result, type StreamSink, TextStream } from "../model/stream.js";
import type { Answer, AnswerOptions } from "../model/tasks/answer.js";
import type { ClassifyOptions, Label } from "../model/tasks/classify.js";
import type { CompleteOptions } from "../model/tasks/complete.js";
import type { EmbedOptions, Vector } from "../model/tasks/embed.js";
import type { Entity, EntityOptions } from "../model/tasks/entities.js";
import type { GenerateOptions } from "../model/tasks/generate.js";
import type { Keyword, KeywordOptions } from "../model/tasks/keywords.js";
import type { RewriteOptions, TranslateOptions } from "../model/tasks/rewrite.js";
import type { SummarizeOptions } from "../model/tasks/summarize.js";
import type { ModelChoice } from "./choice.js";
import { Link, type Listener } from "./link.js";
import type { CallMessage, Method } from "./protocol.js";

/** What every call from afar takes besides its own options. */
export interface KeepOptions {
  /**
   * The call goes on, and its outcome stays, under this name when its page is closed. The same call with the same name, from
   * any page, is then answered from the start with what there is, and goes on where it was; another call with the name takes its
   * place. `resume(name)` finds it without asking again.
   */
  keep?: string | undefined;
}

/** What to run, and how. Every page of an extension should ask for the same, because one model is in memory at a time. */
export type ConnectOptions = ModelChoice;

/** The compiler holds them to one form. */
type Shared = Pick<
  Model,
  | "answer"
  | "chat"
  | "classify"
  | "complete"
  | "detokenize"
  | "embed"
  | "extractEntities"
  | "extractKeywords"
  | "generate"
  | "rewrite"
  | "summarize"
  | "tokenize"
  | "translate"
>;

const LOAD_OPTIONS = ["source", "device", "threads", "hub"];

/**
 * The extension's engine, seen from a panel, popup, options page or content script. The engine starts with the first call, is
 * let go when idle and comes back with the next; a call under way survives the end of the service worker, and of the engine's page.
 *
 * Texts, options and results cross a port as JSON. Sessions do not cross it.
 */
export class RemoteModel implements Shared {
  readonly #link = new Link();
  readonly #load: ModelChoice;

  constructor(options: ConnectOptions = {}) {
    for (const name of Object.keys(checkOptions(options))) {
      if (!LOAD_OPTIONS.includes(name)) throw unknownOption(name, LOAD_OPTIONS);
    }
    // Without what is undefined: calls with the same choice must look the same.
    const load = JSON.parse(JSON.stringify(options)) as ModelChoice;
    if (typeof load.source === "string") load.source = new URL(load.source, globalThis.location?.href).href;
    this.#load = load;
  }

  /** As `Model.summarize`. */
  summarize(text: string, options: SummarizeOptions & KeepOptions & { type: "key-points" }): TextStream<Point>;
  summarize(text: string, options?: SummarizeOptions & KeepOptions & { type?: "tldr" | "headline" | undefined }): TextStream<Piece>;
  summarize(text: string, options?: SummarizeOptions & KeepOptions): TextStream<Piece> | TextStream<Point>;
  summarize(text: string, options: SummarizeOptions & KeepOptions = {}): TextStream<Piece> | TextStream<Point> {
    checkText("text", text);
    return this.#stream<Piece>("summarize", [text], options) as TextStream<Piece> | TextStream<Point>;
  }

  /** As `Model.generate`. */
  generate(prompt: string, options: GenerateOptions & KeepOptions = {}): TextStream<Piece> {
    checkText("prompt", prompt);
    return this.#stream<Piece>("generate", [prompt], seeded(options));
  }

  /** As `Model.chat`. */
  chat(messages: string | ChatMessage | readonly ChatMessage[], options: ChatOptions & KeepOptions = {}): TextStream<ChatPiece> {
    return this.#stream<ChatPiece>("chat", [messages], seeded(options));
  }

  /** As `Model.rewrite`. */
  rewrite(text: string, options: RewriteOptions & KeepOptions = {}): TextStream<Piece> {
    checkText("text", text);
    return this.#stream<Piece>("rewrite", [text], options);
  }

  /** As `Model.translate`. */
  translate(text: string, options: TranslateOptions & KeepOptions): TextStream<Piece> {
    checkText("text", text);
    return this.#stream<Piece>("translate", [text], options);
  }

  /** As `Model.complete`. */
  complete(before: string, options: CompleteOptions & KeepOptions = {}): TextStream<Piece> {
    checkText("before", before);
    return this.#stream<Piece>("complete", [before], seeded(options));
  }

  /** As `Model.embed`. */
  embed(text: string, options?: EmbedOptions & KeepOptions): Promise<Vector>;
  embed(texts: readonly string[], options?: EmbedOptions & KeepOptions): Promise<Vector[]>;
  async embed(texts: string | readonly string[], options: EmbedOptions & KeepOptions = {}): Promise<Vector | Vector[]> {
    const found = await this.#value<number[] | number[][]>("embed", [texts], options);
    return typeof texts === "string" ? Float32Array.from(found as number[]) : (found as number[][]).map((each) => Float32Array.from(each));
  }

  /** As `Model.classify`. */
  classify(text: string, labels?: string | readonly string[], options: ClassifyOptions & KeepOptions = {}): Promise<Label[]> {
    return this.#value("classify", [text, labels ?? null], options);
  }

  /** As `Model.extractEntities`. */
  extractEntities(text: string, options: EntityOptions & KeepOptions = {}): Promise<Entity[]> {
    return this.#value("extractEntities", [text], options);
  }

  /** As `Model.extractKeywords`. */
  extractKeywords(text: string, options: KeywordOptions & KeepOptions = {}): Promise<Keyword[]> {
    return this.#value("extractKeywords", [text], options);
  }

  /** As `Model.answer`. */
  answer(question: string, text: string, options: AnswerOptions & KeepOptions = {}): Promise<Answer | null> {
    return this.#value("answer", [question, text], options);
  }

  /** As `Model.tokenize`. */
  async tokenize(text: string, options: { addSpecial?: boolean } = {}): Promise<Uint32Array> {
    return Uint32Array.from(await this.#value<number[]>("tokenize", [String(text)], options));
  }

  /** As `Model.detokenize`. */
  detokenize(ids: Iterable<number>): Promise<string> {
    return this.#value("detokenize", [[...ids]], {});
  }

  /** What is loaded, and where it runs. Loads the model where it is not. */
  info(options: CallOptions = {}): Promise<EngineInfo> {
    return this.#value("info", [], options);
  }

  /** The stream that is kept under a name, from its first piece on; null where there is none. */
  async resume<T = Piece>(name: string, options: CallOptions = {}): Promise<TextStream<T> | null> {
    const { signal, onProgress } = checkOptions(options);
    checkCallOptions({ signal, onProgress });
    let found!: (found: boolean) => void;
    let failed!: (error: unknown) => void;
    const there = new Promise<boolean>((resolve, reject) => {
      found = resolve;
      failed = reject;
    });
    const stream = new TextStream<T>((sink) => {
      const message = { type: "resume", id: crypto.randomUUID(), name } as const;
      const fail = (error: unknown): void => {
        failed(error);
        sink.fail(error);
      };
      return this.#start(message, { ...asListener(sink), fail }, { signal, onProgress }, found);
    });
    return (await there) ? stream : null;
  }

  /** Leaves the engine: calls that are kept go on, others end with a `DisposedError`. */
  close(): void {
    this.#link.close(new DisposedError("model/disposed", "the connection to the engine was closed. Connect again"));
  }

  #stream<T>(method: Method, args: unknown[], options: object): TextStream<T> {
    const { message, call } = this.#message(method, args, options);
    return new TextStream<T>((sink) => this.#start(message, asListener(sink), call));
  }

  #value<T>(method: Method, args: unknown[], options: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const { message, call } = this.#message(method, args, options);
      this.#start(message, { piece() {}, progress() {}, done: (value) => resolve(value as T), fail: reject }, call);
    });
  }

  #message(method: Method, args: unknown[], options: object): { message: CallMessage; call: CallOptions } {
    const { signal, onProgress, keep, ...rest } = checkOptions<CallOptions & KeepOptions>(options);
    checkCallOptions({ signal, onProgress });
    if (keep !== undefined && (typeof keep !== "string" || keep === "")) throw optionError("keep", "a name", keep);
    for (const [name, value] of Object.entries(rest)) {
      if (typeof value === "function") throw optionError(name, "a value that can cross a port, as JSON", value);
    }
    const message = { type: "call", id: crypto.randomUUID(), method, args, options: rest, load: this.#load, keep, from: 0 } as const;
    return { message, call: { signal, onProgress } };
  }

  /** Begins a call; gives what stops it. */
  #start(
    message: CallMessage | { type: "resume"; id: string; name: string },
    listener: Listener,
    { signal, onProgress }: CallOptions,
    kept?: (found: boolean) => void,
  ): () => void {
    const { id } = message;
    if (signal?.aborted) {
      listener.fail(signal.reason);
      return () => {};
    }
    const onAbort = (): void => {
      this.#link.cancel(id, true);
      listener.fail(signal?.reason);
    };
    const settle = (): void => signal?.removeEventListener("abort", onAbort);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#link.send(
      message,
      {
        piece: listener.piece,
        progress: (progress) => onProgress?.(progress),
        done(value) {
          settle();
          listener.done(value);
        },
        fail(error) {
          settle();
          listener.fail(error);
        },
      },
      kept,
    );
    return () => this.#link.cancel(id, false);
  }
}

/** Where the engine's page ends in the middle, the same text has to be written again. Kept calls must look the same. */
function seeded<T extends { seed?: number | undefined } & KeepOptions>(options: T): T {
  const { seed, keep } = checkOptions(options);
  return { ...options, seed: seed ?? (keep === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : 0) };
}

function asListener<T>(sink: StreamSink<T>): Listener {
  return {
    piece: (piece) => sink.piece(piece as T),
    progress() {},
    done: (value) => sink.done(value as Result),
    fail: (error) => sink.fail(error),
  };
}
