// What the engine tells of itself and of its work: the words that every part of the package shares.

/**
 * The builds of the engine, from the slowest to the fastest:
 *
 * - `simd128`: 128-bit vectors. Every current browser runs it.
 * - `relaxed`: relaxed SIMD too, whose integer dot products are several times faster.
 * - `threads`: `relaxed` on several threads over shared memory, which browsers give to cross-origin isolated pages only.
 */
export type Build = "simd128" | "relaxed" | "threads";

export interface DeviceInfo {
  /** Where the model runs. */
  kind: "cpu" | "gpu";
  /** Why it runs there, in words. */
  reason: string;
  /** The graphics adapter, as far as the browser tells. */
  adapter?: string | undefined;
  /** Which variants of the kernels run on the GPU, in words. */
  kernels?: string | undefined;
  /** Which build of the engine runs; `reason` says why. */
  build: Build;
  /** How many threads compute. */
  threads: number;
}

/**
 * - `model`: the model was trained for the task.
 * - `instruction`: it is asked in words, by its chat template.
 * - `package`: rules, vectors and heads that come with the package, for any model.
 */
export type TaskMethod = "model" | "instruction" | "package";

export interface EngineInfo {
  /** What its files call it. */
  name: string;
  /** Its family as its files name it: `llama`, or a class such as `BertModel`. */
  architecture: string;
  /** Number of weights. */
  parameters: number;
  /** Tokens of prompt and output together, or of a text that an encoder reads. */
  contextLength: number;
  /** How many different tokens there are. */
  vocabSize: number;
  /** The type that most weights are stored in, such as `q8_0`. */
  weightType: string;
  /** Where it runs, and why. */
  device: DeviceInfo;
  /**
   * What the model can do: `generate`, `chat` and `complete`, or `embed` where it is an encoder; `tldr`, `key-points`, `headline`, `classify`,
   * `fill-mask` and `embed-sparse` where it is a masked language model, `entities`, `keywords`, `answer`, `rewrite`, `translate`.
   */
  tasks: string[];
  /** Which way each task goes by default. */
  methods: Readonly<Record<string, TaskMethod>>;
  /** The sets of labels that the model can classify by: those of its file, its default first, and those of this package. */
  labelSets: string[];
  /** What an encoder was trained with before texts, by the names that its files give: `embed` takes one as its `prompt`. Mostly none. */
  prompts: Readonly<Record<string, string>>;
  /**
   * Of an encoder-decoder, and of no other model: the settings that its files have for the tasks that it was trained for, such as
   * `summarization.prefix`.
   */
  recipes?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** What the model's files left open and what was taken for it, and what of them could not be kept, in words: mostly none. */
  notes: string[];
}

/** @internal What the engine knows of it. */
export type LoadedInfo = Omit<EngineInfo, "methods">;

export interface Progress {
  /**
   * While loading: `download` (bytes), `read` (the file, the tokenizer, the weights), `device` (putting the model on its device).
   * While a call runs: `prefill` (tokens of the prompt), `score` (sentences), `decode` (parts of a long text), `replay` (tokens
   * that are read again after a GPU was lost), `embed` (texts), `compare` (texts, by `nearDuplicates`).
   */
  phase: "download" | "read" | "device" | "embed" | "compare" | "prefill" | "score" | "decode" | "replay" | (string & {});
  /** How far it is, in what the phase counts. */
  loaded: number;
  /** Not known for a download whose length the server does not tell. */
  total: number | undefined;
}

export interface Timings {
  /** Reading the prompt. */
  prefillMs: number;
  /** From the start of the work to the first piece. */
  firstTokenMs: number;
  /** Everything after the first piece. */
  decodeMs: number;
}

export interface Usage {
  /** Tokens of the prompt, or of the text that was read. */
  promptTokens: number;
  /** Tokens that were written. */
  completionTokens: number;
  /** Tokens of the prompt that a call before had read, so that this one need not. */
  cachedTokens: number;
  /** Tokens read ahead of being written, because the text says the same elsewhere. */
  draftedTokens: number;
  /** Those of them that were written. */
  acceptedTokens: number;
  /** What the GPU was told to do, where the call ran there; not known of a call that was aborted. */
  gpu?: GpuUsage | undefined;
}

/** On a GPU a nano model costs these, hardly arithmetic: tens of microseconds a dispatch, milliseconds a readback. */
export interface GpuWork {
  /** Kernels started. */
  dispatches: number;
  /** Command buffers submitted. */
  submits: number;
  /** Results waited for. */
  readbacks: number;
}

export interface GpuUsage extends GpuWork {
  /** For each token of the output, without what reading took; absent where nothing was written. */
  perToken?: GpuWork | undefined;
}

export type FinishReason = "stop" | "length" | "abort";
