// A model that runs in a worker of its own.

import type { Build } from "./builds.js";
import { report, runJob, streamJob } from "./call.js";
import type { Connection } from "./connection.js";
import { optionError } from "./errors.js";
import { launch } from "./launch.js";
import type { DeviceInfo, EngineInfo, JobEvent, JobMethod } from "./protocol.js";
import type { Answer, Entity, Keyword, Label } from "./results.js";
import { Session } from "./session.js";
import { filesOf, type ModelSource } from "./source.js";
import type { Piece, Point, TextStream } from "./stream.js";

export interface Progress {
  /**
   * While loading: `download` (bytes), `read` (the file, the tokenizer, the weights), `device` (putting the model on its device).
   * While a call runs: `prefill` (tokens of the prompt), `score` (sentences), `decode` (parts of a long text), `replay` (tokens
   * that are read again after a GPU was lost).
   */
  phase: "download" | "read" | "device" | "prefill" | "score" | "decode" | "replay" | (string & {});
  loaded: number;
  /** Not known for a download whose length the server does not tell. */
  total: number | undefined;
}

export interface LoadOptions {
  /**
   * `auto` (default): the GPU where it is there, passes its self-check and is measured to be faster with this model than the
   * CPU; `model.device.reason` tells. What was measured is kept for later loads, as far as `cache` allows.
   */
  device?: "auto" | "gpu" | "cpu" | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Aborts the download or the load at any moment. */
  signal?: AbortSignal | undefined;
  /**
   * Keep downloaded files in Cache Storage, where it can be used, so that the model loads offline (default). Only whole
   * files are kept, and a file that changed on the server is fetched anew.
   */
  cache?: boolean | undefined;
  /**
   * How many threads compute on the CPU, 1 to 16. By default as many as make this model faster, at most 4. More than one
   * need a cross-origin isolated page; elsewhere one is used, and `model.device.reason` says so.
   */
  threads?: number | undefined;
  /**
   * For tests and comparisons: this build of the engine and no other. Loading fails where it does not start. By default
   * the fastest that starts is used.
   */
  build?: Build | undefined;
}

/** How a call is computed; what it gives is the same. */
export interface SpeedOptions {
  /**
   * Read ahead what the text says elsewhere after the same words: less time where the model copies. By default where it is
   * measured to be faster; `true` whenever there is something to try, `false` never. On the GPU, never.
   */
  speculate?: boolean | undefined;
  /** Take nothing over that earlier calls have read, and leave nothing to later ones: for measurements. */
  fresh?: boolean | undefined;
}

export interface CallOptions {
  /** Rejects the call, queued or running, with the signal's reason. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface SamplingOptions {
  /** 0 (the usual default; a model's files may set another) always takes the likeliest token; above 1 flattens the choice. */
  temperature?: number | undefined;
  /** Only the k likeliest tokens; 0 keeps all. */
  topK?: number | undefined;
  /** Only the likeliest tokens that together have this probability; 1 keeps all. */
  topP?: number | undefined;
  /** Only tokens at least this likely relative to the likeliest; 0 keeps all. */
  minP?: number | undefined;
  /** Above 1 discourages tokens that were there already; 1 changes nothing. */
  repetitionPenalty?: number | undefined;
  /** No run of this many tokens comes twice; 0 (default) allows it. */
  noRepeatNgram?: number | undefined;
  /** The same seed gives the same text on the same device. Without one, each call draws its own. */
  seed?: number | undefined;
}

export interface GenerateOptions extends CallOptions, SamplingOptions, SpeedOptions {
  /** At most this many tokens; 128 unless the model's files say otherwise. */
  maxNewTokens?: number | undefined;
  /** Texts that end the output; they are not part of it. */
  stop?: string | readonly string[] | undefined;
  /** Only numbers and names that occur in this text can be written: what is written is held to its source. */
  groundedIn?: string | undefined;
}

export interface SummarizeOptions extends CallOptions, SpeedOptions {
  /**
   * `tldr` (default): the gist. `headline`: one line. Both are written by the model, or, with a model as small as the
   * default one, made of a sentence of the text, so that nothing is invented. `key-points`: the most telling sentences
   * of the text itself, in its order. The platform's `Summarizer` has `key-points` as its default instead.
   */
  type?: "tldr" | "key-points" | "headline" | undefined;
  /** 3, 5 or 7 key points; 1, 2 or 3 sentences of a copied `tldr`. `short` is the default. */
  length?: "short" | "medium" | "long" | undefined;
  /**
   * Where the model writes freely: only numbers and names that occur in the text can be written (default). The default
   * model copies, so it makes no difference there.
   */
  grounded?: boolean | undefined;
}

export interface EntityOptions extends CallOptions {
  /** Only these types, such as `["PER", "DATE"]`; all of them by default. */
  types?: readonly string[] | undefined;
}

export interface KeywordOptions extends CallOptions {
  /** At most this many; 10 by default. */
  limit?: number | undefined;
}

export interface AnswerOptions extends CallOptions {
  /** An answer with a lower score is none: 0 to 1. */
  minScore?: number | undefined;
}

export class Model {
  readonly #connection: Connection;
  #info: Readonly<EngineInfo>;

  private constructor(connection: Connection, info: EngineInfo) {
    this.#connection = connection;
    this.#info = info;
    connection.moved = (device) => {
      // Which build of the engine runs is not the engine's to know.
      this.#info = { ...this.#info, device: { ...device, build: this.#info.device.build } };
    };
  }

  /**
   * Loads a model in a worker of its own. Without a source: the default model of this package.
   *
   * @throws NanolmError by its `code`: `download/...`, `format/...`, `model/...`, `gpu/...`, `memory/...`, `worker/...`;
   * the signal's reason if it was aborted.
   */
  static async load(source?: ModelSource, options: LoadOptions = {}): Promise<Model> {
    const { device = "auto", cache = true, threads, build, signal, onProgress, ...unknown } = options;
    // A misspelt option must not silently do nothing. (The engine refuses those of calls.)
    for (const name of Object.keys(unknown)) {
      throw optionError(name, "one of device, cache, threads, build, signal, onProgress", "an unknown option");
    }
    if (!["auto", "gpu", "cpu"].includes(device)) {
      throw optionError("device", '"auto", "gpu" or "cpu"', device);
    }
    const files = filesOf(source);
    signal?.throwIfAborted();
    const { connection, info } = await launch(
      { files, device, cache, threads, build },
      { signal, progress: (progress) => report(onProgress, progress) },
    );
    return new Model(connection, info);
  }

  /** What was loaded, and where it runs. */
  get info(): Readonly<EngineInfo> {
    return this.#info;
  }

  /**
   * Where the model runs, and why. Where a GPU is lost while it is in use, the model goes on with another one or on the
   * CPU, and this says so from then on.
   */
  get device(): DeviceInfo {
    return this.info.device;
  }

  /** Continues a text. Calls on one model run one after the other, in the order they were made. */
  generate(prompt: string, options: GenerateOptions = {}): TextStream<Piece> {
    return this.#run("generate", prompt, options);
  }

  /** Summarizes a text of any length. */
  summarize(text: string, options: SummarizeOptions & { type: "key-points" }): TextStream<Point>;
  summarize(text: string, options?: SummarizeOptions & { type?: "tldr" | "headline" | undefined }): TextStream<Piece>;
  summarize(text: string, options?: SummarizeOptions): TextStream<Piece> | TextStream<Point>;
  summarize(text: string, options: SummarizeOptions = {}): TextStream<Piece> | TextStream<Point> {
    return this.#run("summarize", text, { ...options, type: options.type ?? "tldr" });
  }

  /**
   * How likely each label fits the text, the likeliest first.
   *
   * @param labels A list of your own, or the name of a set that the model was trained on (`model.info.labelSets`); without
   * it, the model's default set.
   */
  async classify(text: string, labels?: string | readonly string[], options: CallOptions = {}): Promise<Label[]> {
    return this.#collect("classify", text, { ...options, labels }, (event) =>
      event.type === "label" ? { label: event.label, score: event.score } : undefined,
    );
  }

  /** Names of people, places and organisations, and numbers, dates, sums of money and addresses, in the order of the text. */
  async extractEntities(text: string, options: EntityOptions = {}): Promise<Entity[]> {
    return this.#collect("extractEntities", text, options, (event) => {
      if (event.type !== "entity") return undefined;
      const { text, kind, start, end, score } = event;
      return { text, type: kind, start, end, score };
    });
  }

  /** The phrases that say what the text is about, the best first. */
  async extractKeywords(text: string, options: KeywordOptions = {}): Promise<Keyword[]> {
    return this.#collect("extractKeywords", text, options, (event) =>
      event.type === "keyword" ? { text: event.text, score: event.score, places: event.places } : undefined,
    );
  }

  /** The part of the text that answers the question; `null` where none seems to. */
  async answer(question: string, text: string, options: AnswerOptions = {}): Promise<Answer | null> {
    if (typeof question !== "string") {
      throw optionError("question", "a string", question);
    }
    const answers = await this.#collect("answer", text, { ...options, question }, (event): Answer | undefined => {
      if (event.type !== "answer") return undefined;
      const { text, start, end, score, sentence } = event;
      return { text, start, end, score, sentence };
    });
    return answers[0] ?? null;
  }

  /**
   * A text that goes on, kept in the model's memory: empty, or the one that `session.save()` gave.
   *
   * @throws SessionError where the bytes are damaged, or of another model.
   */
  async session(saved?: Uint8Array<ArrayBuffer>): Promise<Session> {
    if (saved !== undefined && !(saved instanceof Uint8Array)) {
      throw optionError("saved", "the Uint8Array of session.save()", saved);
    }
    return Session.open(this.#connection, saved);
  }

  /** The token ids of a text, without special tokens unless asked for. */
  async tokenize(text: string, options: { addSpecial?: boolean } = {}): Promise<Uint32Array> {
    const addSpecial = options.addSpecial ?? false;
    return this.#connection.send<Uint32Array>({ method: "tokenize", text: String(text), addSpecial }).answer;
  }

  /** The text of token ids. */
  async detokenize(ids: Iterable<number>): Promise<string> {
    return this.#connection.send<string>({ method: "detokenize", ids: Uint32Array.from(ids) }).answer;
  }

  /** Ends the worker and frees its memory. Open calls reject with a `DisposedError`. */
  async dispose(): Promise<void> {
    this.#connection.close();
  }

  /** Runs a job to its end and keeps what `pick` takes of its events. */
  async #collect<T, O extends CallOptions>(
    method: JobMethod,
    text: string,
    { signal, onProgress, ...options }: O,
    pick: (event: JobEvent) => T | undefined,
  ): Promise<T[]> {
    if (typeof text !== "string") {
      throw optionError("text", "a string", text);
    }
    const found: T[] = [];
    const listen = (event: JobEvent): void => {
      const item = pick(event);
      if (item !== undefined) found.push(item);
    };
    await runJob(this.#connection, { method, text, options }, { signal, onProgress }, listen).answer;
    return found;
  }

  #run(
    method: "generate" | "summarize",
    text: string,
    { signal, onProgress, ...options }: GenerateOptions & SummarizeOptions,
  ): TextStream {
    if (typeof text !== "string") {
      throw optionError(method === "generate" ? "prompt" : "text", "a string", text);
    }
    const lists = method === "generate" ? undefined : options.type === "key-points" ? "points" : "sentences";
    return streamJob(this.#connection, { method, text, options }, { signal, onProgress }, lists);
  }
}

export interface Model {
  /** The same as `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
// Where the language does not have the symbol yet, nobody can ask for it.
if (Symbol.asyncDispose !== undefined) {
  Model.prototype[Symbol.asyncDispose] = Model.prototype.dispose;
}
