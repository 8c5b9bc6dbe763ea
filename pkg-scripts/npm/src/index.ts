/// <reference lib="esnext.disposable" preserve="true" />

export type { Build } from "./builds.js";
export {
  ContextError,
  DisposedError,
  DownloadError,
  GpuError,
  InternalError,
  MemoryError,
  ModelFileError,
  NanolmError,
  OptionError,
  SessionError,
  TokenizerError,
  UnsupportedError,
  WorkerError,
} from "./errors.js";
export type { ErrorDetails } from "./errors.js";
export { Model } from "./model.js";
export type {
  AnswerOptions,
  CallOptions,
  EntityOptions,
  GenerateOptions,
  KeywordOptions,
  LoadOptions,
  Progress,
  SamplingOptions,
  SpeedOptions,
  SummarizeOptions,
} from "./model.js";
export type { DeviceInfo, EngineInfo, FinishReason, GpuUsage, GpuWork, Timings, Usage } from "./protocol.js";
export type { Answer, Entity, Keyword, Label, Place, Supported } from "./results.js";
export type { FileSource, ModelSource, NamedFiles } from "./source.js";
export { Session } from "./session.js";
export type { AppendOptions } from "./session.js";
export { TextStream } from "./stream.js";
export type { Piece, Point, Result } from "./stream.js";
