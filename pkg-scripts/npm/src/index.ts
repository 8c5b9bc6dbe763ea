/// <reference lib="esnext.disposable" preserve="true" />

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
  TemplateError,
  TokenizerError,
  UnsupportedError,
  WorkerError,
} from "./errors.js";
export type { ErrorCode, ErrorDetails } from "./errors.js";
export type { FileSource, ModelSource, NamedFiles } from "./files/source.js";
export type * from "./info.js";
export { Model } from "./model/model.js";
export type { ChatMessage, ChatOptions, ChatPiece, ChatTextPart } from "./model/chat/types.js";
export type { CheckedCpu, CheckedGpu, CheckedMemory, CheckedSpeed, CheckOptions, ModelCheck } from "./model/check/types.js";
export type { FormatOptions, JsonSchema, ResponseFormat } from "./model/format.js";
export type { LoadOptions } from "./model/model.js";
export type { CallOptions, ControlOptions, SpeedOptions } from "./model/options.js";
export type { Place } from "./model/places.js";
export { Session } from "./model/session.js";
export type { AppendOptions, SavedSession } from "./model/session.js";
export { TextStream } from "./model/stream.js";
export type { Piece, PieceIterator, Point, Result, Supported } from "./model/stream.js";
// The tasks: a line each.
export type { Answer, AnswerOptions } from "./model/tasks/answer.js";
export type { ClassifyOptions, Label } from "./model/tasks/classify.js";
export type { CompleteOptions } from "./model/tasks/complete.js";
export type { DuplicateOptions } from "./model/tasks/duplicates.js";
export type { EmbedOptions, Ranked, RankOptions, Vector } from "./model/tasks/embed.js";
export type { Entity, EntityOptions } from "./model/tasks/entities.js";
export type { GenerateOptions, SamplingOptions } from "./model/tasks/generate.js";
export type { Keyword, KeywordOptions } from "./model/tasks/keywords.js";
export type { Fill, FillMaskOptions, SparseVector } from "./model/tasks/masked.js";
export type { RewriteOptions, TranslateOptions } from "./model/tasks/rewrite.js";
export type { SummarizeOptions } from "./model/tasks/summarize.js";
