// What the page and the worker say to each other. No task is known here: a call names its task, and what it finds passes
// through as the engine gives it (model/tasks/ knows the fields).

import type { WireError } from "../errors.js";
import type { Hashes, SourceFile } from "../files/source.js";
import type { Build, DeviceInfo, FinishReason, Progress, Timings, Usage } from "../info.js";

/** What a call tells while it runs: progress, what it finds (the type says what, and so which fields there are), how it ended. */
export interface JobEvent {
  type: string;
  /** Of what is part of the output: a token's text, a sentence. */
  text?: string;
}

export interface ProgressEvent extends JobEvent {
  type: "progress";
  phase: string;
  done: number;
  total: number;
}

export interface DoneEvent extends JobEvent {
  type: "done";
  finishReason: FinishReason;
  text: string;
  usage: Usage;
  timings: Timings;
}

export function isProgress(event: JobEvent): event is ProgressEvent {
  return event.type === "progress";
}

/** The last event of every call. */
export function isDone(event: JobEvent): event is DoneEvent {
  return event.type === "done";
}

export type RequestBody =
  | {
      method: "load";
      files: SourceFile[];
      device: string;
      cache: boolean;
      build: Build;
      threads: number | undefined;
      quantize: string | undefined;
      /** What the bytes of files must be. */
      integrity: Hashes | undefined;
      /** Where the page has put a copy of the package's files. */
      assets: string | undefined;
    }
  /** `literal`: bytes that no control token of the text may take in; without these, none acts. */
  | { method: "tokenize"; text: string; addSpecial: boolean; literal: Uint32Array | undefined }
  | { method: "detokenize"; ids: Uint32Array }
  | { method: "chatFiles" }
  /** The sentences of a text, or, with `prose`, of the article in it. */
  | { method: "sentences"; text: string; prose: boolean }
  /** The sentences of something written, with those of the text that support each. */
  | { method: "support"; text: string; written: string }
  /** Fetches a part, such as the embedding table, and gives it to the model. */
  | { method: "part"; files: SourceFile[]; cache: boolean }
  /** Answered with the vectors, one behind the other, in one `Float32Array`. With a query: one number a text, by a cross-encoder. */
  | { method: "embed"; texts: string[]; options: object; query?: string | undefined }
  /** Answered with `TokenLogits` of the beginning of a text, by a head over tokens. */
  | { method: "readTokens"; text: string; question: string | undefined }
  /** By a head over the vocabulary: answered with so many `Fill`s for each mask of a text, or without `top` with its `SparseVector`. */
  | { method: "masked"; text: string; top?: number }
  /** Starts a task on a text. */
  | { method: "start"; task: string; input: string; options: object }
  /**
   * How likely each label is as the answer to prompts: `tokens` has them one behind the other, up to `ends`, and then the prompt without a
   * text. `end`: the token that ends an answer.
   */
  | { method: "choose"; labels: string[]; tokens: Uint32Array; ends: Uint32Array; end: number }
  /** The id of the call is the session's from then on. */
  | { method: "session"; saved?: Uint8Array | undefined }
  | { method: "fork"; session: number }
  | { method: "append"; session: number; text: string; literal: boolean }
  | { method: "continue"; session: number; options: object }
  /** Continues tokens, or, in a session, puts them in the place of its text. */
  | { method: "chat"; session?: number | undefined; tokens: Uint32Array; options: object }
  | { method: "save" | "close"; session: number }
  /**
   * Stops the call of the same id: it still answers, with what it has. `given`: so many pieces its caller had, and takes no more;
   * a session keeps no others.
   */
  | { method: "cancel"; given?: number | undefined }
  /** How fast work goes on from now. */
  | { method: "pace"; pace: Pace };

/** `background`: other calls go first. */
export type Request = RequestBody & { id: number; background?: boolean | undefined };

/** What work does while nobody sees the page: it goes on, rests most of the time, or waits. */
export type Pace = "run" | "slow" | "pause";

export type Reply =
  /** The first message: the worker's code runs. It has the lock of this name until it ends, whatever ends it. */
  | { type: "ready"; life?: string | undefined }
  | { type: "progress"; id: number; progress: Progress }
  /** The model moved to another device: before the events of the work that was done there. */
  | { type: "device"; device: DeviceInfo }
  | { type: "events"; id: number; events: JobEvent[] }
  | { type: "result"; id: number; value: unknown }
  | { type: "error"; id: number; error: WireError };
