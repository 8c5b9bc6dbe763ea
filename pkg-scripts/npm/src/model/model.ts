// A model that runs in a worker of its own.

import type { Connection } from "../engine/connection.js";
import { launch } from "../engine/launch.js";
import { optionError, unknownOption } from "../errors.js";
import { filesOf, folderAddress, hashesOf, LABEL_SETS, type ModelSource } from "../files/source.js";
import type { Build, DeviceInfo, EngineInfo, LoadedInfo, Progress } from "../info.js";
import { chat, messagesOf } from "./chat.js";
import type { ChatMessage, ChatOptions, ChatPiece } from "./chat/types.js";
import type { CheckOptions, ModelCheck } from "./check/types.js";
import { headed } from "./headed.js";
import type { Asked } from "./instruct/ask.js";
import type { Finders } from "./instruct/index.js";
import { type FinderOptions, type Found, found, written } from "./instructed.js";
import { report } from "./job.js";
import { described } from "./methods.js";
import { type CallOptions, checkCallOptions, checkedIds, checkFlags, checkOptions, checkSource, checkText, type ControlOptions, type Instructed, isLiteral, LOAD_OPTIONS } from "./options.js";
import { Parts } from "./parts.js";
import { Session } from "./session.js";
import { sourced } from "./sourced.js";
import type { Piece, Point, TextStream } from "./stream.js";
import { type Answer, answer, type AnswerOptions } from "./tasks/answer.js";
import { classify, type ClassifyOptions, type Label } from "./tasks/classify.js";
import type { CompleteOptions } from "./tasks/complete.js";
import { type DuplicateOptions, nearDuplicates } from "./tasks/duplicates.js";
import { embed, type EmbedOptions, rank, type Ranked, type RankOptions, similarity, type Vector, type Vectors } from "./tasks/embed.js";
import { type Entity, type EntityOptions, extractEntities } from "./tasks/entities.js";
import { generate, type GenerateOptions } from "./tasks/generate.js";
import { extractKeywords, type Keyword, type KeywordOptions } from "./tasks/keywords.js";
import type { Fill, FillMaskOptions, SparseVector } from "./tasks/masked.js";
import type { RewriteOptions, TranslateOptions } from "./tasks/rewrite.js";
import { summarize, type SummarizeOptions } from "./tasks/summarize.js";

export interface LoadOptions {
  /**
   * `auto` (default): the GPU where it is there, passes its self-check and is measured to be faster with this model than the
   * CPU; `model.device.reason` tells. What was measured is kept for later loads, as far as `cache` allows.
   */
  device?: "auto" | "gpu" | "cpu" | undefined;
  /** Told how far the download and the load are. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Aborts the download or the load at any moment. */
  signal?: AbortSignal | undefined;
  /**
   * Keep downloaded files in Cache Storage, where it can be used, so that the model loads offline (default). They are kept in chunks with
   * a SHA-256 each: a download that broke off goes on where it stopped, a damaged chunk alone is fetched again, and a file that
   * changed on the server is fetched anew. What turns out to be no model is not kept.
   */
  cache?: boolean | undefined;
  /**
   * Where models are found by their id: with `hub: "https://huggingface.co"`, the source `"owner/name"` is that model's folder,
   * `"owner/name/model.gguf"` a file in it, and `"owner/name@revision"` another revision than `main`. Without it nothing is ever
   * asked of another origin than the source's own.
   */
  hub?: string | URL | undefined;
  /**
   * Fetch the embedding table (2 MB) along with the model. By default it is fetched when first needed: by `embed`, `similarity`
   * and `classify` with labels of your own. An app that may be offline by then asks for it here.
   */
  embeddings?: boolean | undefined;
  /**
   * How many threads compute on the CPU, 1 to 16. By default as many as make this model faster, at most 4. More than one
   * need a cross-origin isolated page; elsewhere one is used, and `model.device.reason` says so.
   */
  threads?: number | undefined;
  /**
   * What matrices of plain floats (safetensors, or GGUF with `F16`) become when they are loaded, so that they take a half (`q8_0`) to a
   * quarter (`q4_0`, `q4_k`) of the memory of 16 bits. The download stays as large as it is. By default they stay as they are.
   */
  quantize?: "q8_0" | "q4_0" | "q4_k" | undefined;
  /**
   * What the source must be: its SHA-256 as Subresource Integrity writes it, `"sha256-"` and base64. Of several files, by their names:
   * `{ "model.safetensors": "sha256-…" }`. Another file is refused with `download/integrity`, and not kept. The default model, and the
   * engine's wasm files on secure pages, are always checked in this way.
   */
  integrity?: string | Readonly<Record<string, string>> | undefined;
  /**
   * The folder with a copy of the package's large files, where they are not beside its modules: the `.wasm` files of `dist`, and its folder
   * `model`. On another origin it must allow this one (CORS).
   */
  assetsUrl?: string | URL | undefined;
  /**
   * Where the worker dies (out of memory, ended by the browser, a fault of the engine), every open call still ends with its error, and the
   * next one loads the model again, mostly from what is kept. Sessions go on from what they were after their last call that was
   * answered; for that, each is saved behind every call that changes it, into the page's memory. By default a model ends with its worker.
   */
  restart?: boolean | undefined;
  /**
   * One engine for all tabs of this site that load the same model with the same options: the tab that was first runs it. When that is
   * closed, or its model disposed of, another tab loads the model, mostly from what is kept; sessions, and streams under way, go on
   * there. Restarts as with `restart`. Needs a source with an address. Where tabs cannot find each other (no Web Locks), the
   * model runs in this tab alone, and `model.info.notes` says so.
   */
  shared?: boolean | undefined;
  /**
   * What work does while nobody sees the page (`document.hidden`): it goes on (`run`, the default), rests most of the time (`slow`), or waits
   * until the page is seen again (`pause`). Calls can be stopped meanwhile, and loading goes on. Outside of pages nothing is hidden. Not
   * together with `shared`, as other tabs may wait for the engine.
   */
  hidden?: "run" | "slow" | "pause" | undefined;
  /**
   * For tests and comparisons: this build of the engine and no other. Loading fails where it does not start. By default
   * the fastest that starts is used.
   */
  build?: Build | undefined;
}

export class Model {
  readonly #connection: Connection;
  readonly #parts: Parts;
  #info: Readonly<EngineInfo>;
  /** The model's own set that is taken where none is named. */
  readonly #defaultSet: string | undefined;

  private constructor(connection: Connection, info: LoadedInfo, cache: boolean, assets: string | undefined) {
    // JavaScript knows no private constructors.
    if (info === undefined) throw new TypeError("a Model is made by `await Model.load(source)`, not by `new Model()`");
    this.#connection = connection;
    this.#parts = new Parts(connection, cache, assets);
    // Sets that come with the package are any model's; of one name, they answer.
    this.#info = { ...described(info), labelSets: [...new Set([...info.labelSets, ...LABEL_SETS])] };
    if (info.labelSets.length > 0) this.#defaultSet = info.labelSets[0];
    connection.moved = (device) => {
      // Which build of the engine runs is not the engine's to know.
      this.#info = { ...this.#info, device: { ...device, build: device.build ?? this.#info.device.build } };
    };
  }

  /**
   * Loads a model in a worker of its own. Without a source: the default model of this package.
   *
   * @throws NanolmError by its `code`: `download/...`, `format/...`, `model/...`, `gpu/...`, `memory/...`, `worker/...`;
   * the signal's reason if it was aborted.
   */
  static async load(source?: ModelSource, options: LoadOptions = {}): Promise<Model> {
    const { device = "auto", cache = true, embeddings = false, hub, threads, quantize, build, restart, shared, integrity, assetsUrl, hidden = "run", signal, onProgress, ...unknown } = checkOptions(options);
    // A misspelt option must not silently do nothing. (The engine refuses those of calls.)
    for (const name of Object.keys(unknown)) throw unknownOption(name, LOAD_OPTIONS);
    checkSource(source);
    checkFlags({ cache, embeddings, restart, shared });
    if (!["auto", "gpu", "cpu"].includes(device)) {
      throw optionError("device", '"auto", "gpu" or "cpu"', device);
    }
    if (quantize !== undefined && !["q8_0", "q4_0", "q4_k"].includes(quantize)) {
      throw optionError("quantize", '"q8_0", "q4_0" or "q4_k"', quantize);
    }
    if (!["run", "slow", "pause"].includes(hidden)) throw optionError("hidden", '"run", "slow" or "pause"', hidden);
    if (shared && hidden !== "run") throw optionError("hidden", '"run" where the engine is shared', hidden);
    checkCallOptions({ signal, onProgress });
    const assets = assetsUrl === undefined ? undefined : folderAddress("assetsUrl", assetsUrl);
    const files = await filesOf(source, { hub, assets });
    const hashes = hashesOf(source, files, integrity);
    signal?.throwIfAborted();
    const wanted = { files, device, cache, threads, quantize, build, integrity: hashes, assets, hidden };
    const load = { signal, progress: (progress: Progress) => report(onProgress, progress) };
    const { connection, info } = shared
      ? await (await import("../engine/shared.js")).join(wanted, load)
      : restart
        ? await (await import("../engine/restart.js")).Restarting.begin({ launch: (options) => launch(wanted, options) }, load)
        : await launch(wanted, load);
    const model = new Model(connection, info, cache, assets);
    if (embeddings) {
      try {
        await model.#parts.ready("table", { signal, onProgress });
      } catch (error) {
        connection.close();
        throw error;
      }
    }
    return model;
  }

  /**
   * Whether a model can run here, and why not: by the headers of its files, a small part of the download. A model that cannot run is an
   * answer (`fits: false`); a source that cannot be read is an error, as for `load`.
   */
  static async check(source?: ModelSource, options: CheckOptions = {}): Promise<ModelCheck> {
    return (await import("./check/index.js")).check(source, options);
  }

  #instructed<Task extends keyof Finders>(task: Task): Instructed<FinderOptions<Task>, Found<Task>> {
    const asked = this.#asked;
    return { chats: asked.chats, ask: (text, options) => found(asked, task, text, options) };
  }

  get #asked(): Asked {
    return { connection: this.#connection, chats: this.#info.methods["rewrite"] !== undefined };
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

  /**
   * Continues a text; an encoder-decoder (T5, Opus-MT, BART) makes another text of it. Calls on one model run one after the other, in the order they were made.
   */
  generate(prompt: string, options: GenerateOptions = {}): TextStream<Piece> {
    return generate(this.#connection, prompt, options);
  }

  /**
   * Answers a conversation, or a string that the user says, by the chat template of the model's files. What a model thinks first comes apart, as `reasoning`.
   * Where the last message is the assistant's, the answer goes on from it. What the conversation has in common with the ones
   * before is not read again.
   *
   * A model without a template, such as the default one, gets the conversation in lines that begin with `User:` and
   * `Assistant:`, and answers as well as it completes texts. Rejects with a `TemplateError` for a template that cannot be
   * rendered, or refuses the conversation.
   */
  chat(messages: string | ChatMessage | readonly ChatMessage[], options: ChatOptions = {}): TextStream<ChatPiece> {
    return chat(this.#connection, { messages: () => messagesOf(messages) }, options);
  }

  /**
   * Writes what comes at a place in a text, of which `before` is what comes before it: code, mostly. With the option `after`, what comes
   * after it counts, too, by models that were trained to fill in the middle.
   */
  complete(before: string, options: CompleteOptions = {}): TextStream<Piece> {
    return written(this.#asked, "complete", before, options);
  }

  /**
   * Summarizes a text of any length: as the model was trained to, or, where it was not, as a chat model is asked to in words
   * (`model.info.methods`).
   */
  summarize(text: string, options: SummarizeOptions & { type: "key-points" }): TextStream<Point>;
  /** Summarizes a text of any length in a sentence (`tldr`, the default) or a headline. */
  summarize(text: string, options?: SummarizeOptions & { type?: "tldr" | "headline" | undefined }): TextStream<Piece>;
  summarize(text: string, options?: SummarizeOptions): TextStream<Piece> | TextStream<Point>;
  summarize(text: string, options: SummarizeOptions = {}): TextStream<Piece> | TextStream<Point> {
    if (this.#info.recipes !== undefined) return sourced(this.#connection, this.#info, "summarize", text, options);
    return this.#info.methods["tldr"] === "instruction" ? written(this.#asked, "summarize", text, options) : summarize(this.#connection, text, options);
  }

  /** Writes a text anew, in another tone or length, or as you say: by chat models. Paragraph by paragraph. */
  rewrite(text: string, options: RewriteOptions = {}): TextStream<Piece> {
    return written(this.#asked, "rewrite", text, options);
  }

  /**
   * Translates a text paragraph by paragraph: by encoder-decoders whose files name the languages (T5, Opus-MT), sentence by sentence, and by chat models that
   * know both languages.
   */
  translate(text: string, options: TranslateOptions): TextStream<Piece> {
    if (typeof options !== "object" || options === null) throw optionError("options", 'an object with the language, such as { to: "de" }', options);
    if (this.#info.recipes !== undefined) return sourced(this.#connection, this.#info, "translate", text, options);
    return written(this.#asked, "translate", text, options);
  }

  /**
   * How likely each label fits the text, the likeliest first. The whole text counts, whatever its length.
   *
   * A chat model is asked which label of your own fits; its likelihoods without the text are divided out. With any other model, labels of
   * your own are compared with the text by meaning, by the vectors of `embed`: words and short phrases that say what the
   * texts are about do best ("sport", "cancel an order"). Without an encoder they have to be English. A best score that is not well above an even share says that the labels do
   * not tell. A high one is no proof: it may be high where no label fits. Tone, irony and negation ("not happy") are not told apart
   * by such labels.
   *
   * A set of trained labels (`topic`, `sentiment`, `clinc150`, `banking77`, `snips`) goes by the text's words, with any model. It is fetched
   * when first needed. Scores are calibrated for texts like those that it was trained on.
   *
   * @param labels A list of your own, or the name of a set (`model.info.labelSets`); without it, the model's default set.
   */
  classify(text: string, labels?: string | readonly string[], options: ClassifyOptions = {}): Promise<Label[]> {
    return classify(this.#vectors, this.#info.contextLength, text, labels, this.#defaultSet, options, this.#instructed("classify"));
  }

  /**
   * The vectors of texts, for search, grouping and finding what is nearly the same: the nearer two texts are in what they say, the
   * greater the product of their vectors. A model that is an encoder (`model.info.tasks` has `embed`) makes them itself. With any
   * other, English only, a table does that is fetched when first needed (`LoadOptions.embeddings`).
   */
  embed(text: string, options?: EmbedOptions): Promise<Vector>;
  /** The vector of each text, in their order. */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Vector[]>;
  embed(texts: string | readonly string[], options: EmbedOptions = {}): Promise<Vector | Vector[]> {
    return embed(this.#vectors, texts, options);
  }

  /**
   * Texts as weights of tokens (SPLADE), by a masked language model (`model.info.tasks` has `embed-sparse`) that was trained for it: the
   * sum over the tokens that two of them share, of the products of their weights, says how near they are.
   */
  embedSparse(text: string, options?: CallOptions): Promise<SparseVector>;
  /** Each text as weights of tokens, in their order. */
  embedSparse(texts: readonly string[], options?: CallOptions): Promise<SparseVector[]>;
  async embedSparse(texts: string | readonly string[], options: CallOptions = {}): Promise<SparseVector | SparseVector[]> {
    return (await import("./heads/masked.js")).embedSparse(this.#connection, texts, options);
  }

  /**
   * The likeliest tokens for what is masked in a text, by a masked language model (`model.info.tasks` has `fill-mask`). A mask is written as
   * the model has it, `[MASK]` or `<mask>`; other control tokens are text. First those for the first mask, the likeliest first.
   */
  async fillMask(text: string, options: FillMaskOptions = {}): Promise<Fill[]> {
    return (await import("./heads/masked.js")).fillMask(this.#connection, text, options);
  }

  /**
   * How near two texts are in what they say: the cosine of their vectors, -1 to 1; about 0 for texts that have nothing to do with
   * each other. With a list, how near the first text is to each of it. Vectors of `embed` can stand for texts.
   */
  similarity(a: string | Vector, b: string | Vector, options?: EmbedOptions): Promise<number>;
  /** How near the first text is to each of the others, -1 to 1, in their order. */
  similarity(a: string | Vector, b: readonly (string | Vector)[], options?: EmbedOptions): Promise<number[]>;
  similarity(
    a: string | Vector,
    b: string | Vector | readonly (string | Vector)[],
    options: EmbedOptions = {},
  ): Promise<number | number[]> {
    return similarity(this.#vectors, a, b, options);
  }

  /** The texts by how near they are to the query in what they say, the nearest first. Vectors of `embed` can stand for texts. */
  rank(query: string | Vector, texts: readonly (string | Vector)[], options: RankOptions = {}): Promise<Ranked[]> {
    return rank(this.#vectors, query, texts, options);
  }

  /**
   * Groups of texts that say nearly the same in nearly the same words, such as copies of an article, or a question asked again; what is like no
   * other text is in none. The first of a group stands for it, and the scores of the others say how near they are to it. By the
   * embedding table, which is fetched when first needed, and the words: English, with any model. For some thousands of texts.
   */
  nearDuplicates(texts: readonly string[], options: DuplicateOptions = {}): Promise<Ranked[][]> {
    return nearDuplicates(this.#vectors, texts, options);
  }

  get #vectors(): Vectors {
    return { engine: this.#connection, parts: this.#parts, encodes: this.#info.tasks.includes("embed"), scores: this.#info.tasks.includes("rank"), prompts: this.#info.prompts };
  }

  /**
   * Names of people, places and organisations, and numbers, dates, sums of money and addresses, in the order of the text. What
   * finds names is fetched when first needed, and works with any model.
   */
  extractEntities(text: string, options: EntityOptions = {}): Promise<Entity[]> {
    return extractEntities(this.#connection, this.#parts, text, options, this.#instructed("extractEntities"), headed(this.#connection, this.#info).entities);
  }

  /** The phrases that say what the text is about, the best first. */
  extractKeywords(text: string, options: KeywordOptions = {}): Promise<Keyword[]> {
    return extractKeywords(this.#connection, text, options);
  }

  /** The part of the text that answers the question; `null` where none seems to. */
  answer(question: string, text: string, options: AnswerOptions = {}): Promise<Answer | null> {
    return answer(this.#connection, question, text, options, this.#instructed("answer"), headed(this.#connection, this.#info).answer);
  }

  /**
   * A text that goes on, kept in the model's memory: empty, or the one that `session.save()` gave.
   *
   * @throws SessionError where the bytes are damaged, or of another model.
   */
  session(saved?: Uint8Array): Promise<Session> {
    return Session.open(this.#connection, saved);
  }

  /**
   * The token ids of a text, without special tokens unless asked for. Control tokens written out in it count as such, unless
   * `controls` is `literal`.
   */
  async tokenize(text: string, options: { addSpecial?: boolean | undefined } & ControlOptions = {}): Promise<Uint32Array> {
    checkText("text", text);
    const { addSpecial = false, controls = "parse", ...unknown } = checkOptions(options);
    for (const name of Object.keys(unknown)) throw unknownOption(name, ["addSpecial", "controls"]);
    checkFlags({ addSpecial });
    const literal = isLiteral(controls) ? undefined : new Uint32Array();
    return this.#connection.send<Uint32Array>({ method: "tokenize", text, addSpecial, literal }).answer;
  }

  /** The text of token ids. */
  async detokenize(ids: Iterable<number>): Promise<string> {
    return this.#connection.send<string>({ method: "detokenize", ids: Uint32Array.from(checkedIds(ids)) }).answer;
  }

  /** Ends the worker and frees its memory. Open calls reject with a `DisposedError`. */
  async dispose(): Promise<void> {
    this.#connection.close();
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
