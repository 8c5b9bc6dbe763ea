// What the page and the worker say to each other.

import type { Build } from "./builds.js";
import type { WireError } from "./errors.js";
import type { Answer, Keyword, Label, Supported } from "./results.js";
import type { Point } from "./stream.js";

/** One file of a model, on its way to the worker. */
export type SourceFile = { name: string; optional?: boolean } & (
  | { url: string }
  | { blob: Blob }
  | { bytes: ArrayBuffer | ArrayBufferView<ArrayBuffer> }
);

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

export interface EngineInfo {
  name: string;
  architecture: string;
  /** Number of weights. */
  parameters: number;
  /** Tokens of prompt and output together. */
  contextLength: number;
  vocabSize: number;
  /** The type that most weights are stored in, such as `q8_0`. */
  weightType: string;
  device: DeviceInfo;
  /** What the model can do: `generate`, `tldr`, `key-points`, `headline`, `classify`, `entities`, `keywords`, `answer`. */
  tasks: string[];
  /** The sets of labels that the model was trained to classify by. */
  labelSets: string[];
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

export type JobEvent =
  | { type: "progress"; phase: string; done: number; total: number }
  | { type: "piece"; text: string; tokenId: number; logprob: number }
  | ({ type: "point" } & Point)
  | ({ type: "support" } & Supported)
  | ({ type: "label" } & Label)
  | { type: "entity"; text: string; kind: string; start: number; end: number; score: number }
  | ({ type: "keyword" } & Keyword)
  | ({ type: "answer" } & Answer)
  | { type: "done"; finishReason: FinishReason; text: string; usage: Usage; timings: Timings };

/** The engine's methods that give a job. */
export type JobMethod = "generate" | "summarize" | "classify" | "extractEntities" | "extractKeywords" | "answer";

export type RequestBody =
  | { method: "load"; files: SourceFile[]; device: string; cache: boolean; build: Build; threads: number | undefined }
  | { method: "tokenize"; text: string; addSpecial: boolean }
  | { method: "detokenize"; ids: Uint32Array }
  | { method: JobMethod; text: string; options: object }
  /** The id of the call is the session's from then on. */
  | { method: "session"; saved?: Uint8Array<ArrayBuffer> | undefined }
  | { method: "fork"; session: number }
  | { method: "append"; session: number; text: string }
  | { method: "continue"; session: number; options: object }
  | { method: "save" | "close"; session: number }
  /** Stops the call of the same id: it still answers, with what it has. */
  | { method: "cancel" };

export type Request = RequestBody & { id: number };

export interface LoadProgress {
  phase: string;
  loaded: number;
  total: number | undefined;
}

export type Reply =
  /** The first message: the worker's code runs. */
  | { type: "ready" }
  | { type: "progress"; id: number; progress: LoadProgress }
  /** The model moved to another device: before the events of the work that was done there. */
  | { type: "device"; device: DeviceInfo }
  | { type: "events"; id: number; events: JobEvent[] }
  | { type: "result"; id: number; value: unknown }
  | { type: "error"; id: number; error: WireError };
