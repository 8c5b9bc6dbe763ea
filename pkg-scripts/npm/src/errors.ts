// Errors: a stable code for programs, a message for people, a class for `instanceof`. They are made in three places (the
// page, the worker, the engine inside wasm) and travel as { code, message, details }; `errorFrom` is the one way back.

/** Facts about an error, by name: the file, what was expected and found, and so on. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** An error as it travels from the worker to the page. */
export interface WireError {
  code: string;
  message: string;
  details: ErrorDetails;
}

/** Any error of this package. Match on `code`, which is stable; `message` says what to do. */
export class NanolmError extends Error {
  /** Stable, of the form `area/problem`. */
  readonly code: string;
  readonly details: ErrorDetails;

  constructor(code: string, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}
// On the prototype, as for the platform's errors: minifiers rename classes, not these.
NanolmError.prototype.name = "NanolmError";

/** `download/...`: a file could not be fetched. Check the address and the network, then load again. */
export class DownloadError extends NanolmError {}
DownloadError.prototype.name = "DownloadError";

/** `format/...`, `model/missing-file`, `model/weights`: the bytes are no model, or a damaged one. Get another file. */
export class ModelFileError extends NanolmError {}
ModelFileError.prototype.name = "ModelFileError";

/** `model/unsupported`, `task/unsupported`: a sound model that cannot do this. Use another model. */
export class UnsupportedError extends NanolmError {}
UnsupportedError.prototype.name = "UnsupportedError";

/** `option/...`: an argument has a value that makes no sense. */
export class OptionError extends NanolmError {}
OptionError.prototype.name = "OptionError";

/** `text/...`: the tokenizer refused its input. */
export class TokenizerError extends NanolmError {}
TokenizerError.prototype.name = "TokenizerError";

/** `session/context-full`: the prompt is longer than the model's context. Shorten it, or use `summarize`. */
export class ContextError extends NanolmError {}
ContextError.prototype.name = "ContextError";

/** `session/invalid`: bytes that are no saved session, are damaged, or come of another model. Begin a new session. */
export class SessionError extends NanolmError {}
SessionError.prototype.name = "SessionError";

/** `gpu/...`: the GPU cannot be used or failed. Load with `device: "cpu"`. */
export class GpuError extends NanolmError {}
GpuError.prototype.name = "GpuError";

/** `memory/...`: use a smaller model or a shorter context. */
export class MemoryError extends NanolmError {}
MemoryError.prototype.name = "MemoryError";

/** `worker/...`: the worker could not start or died. Load the model again. */
export class WorkerError extends NanolmError {}
WorkerError.prototype.name = "WorkerError";

/** `model/disposed`, `session/disposed`: it was disposed of; load the model again, begin a new session. */
export class DisposedError extends NanolmError {}
DisposedError.prototype.name = "DisposedError";

/** `internal`, `session/busy`: a bug in this package. Please report it. */
export class InternalError extends NanolmError {}
InternalError.prototype.name = "InternalError";

type ErrorClass = typeof NanolmError;

const BY_CODE: Record<string, ErrorClass> = {
  "model/missing-file": ModelFileError,
  "model/weights": ModelFileError,
  "model/unsupported": UnsupportedError,
  "model/disposed": DisposedError,
  "session/context-full": ContextError,
  "session/busy": InternalError,
  "session/disposed": DisposedError,
  "session/invalid": SessionError,
};

const BY_AREA: Record<string, ErrorClass> = {
  download: DownloadError,
  format: ModelFileError,
  gpu: GpuError,
  internal: InternalError,
  memory: MemoryError,
  option: OptionError,
  task: UnsupportedError,
  text: TokenizerError,
  worker: WorkerError,
};

/** The error of the class that belongs to its code. A code of a newer engine still gives a `NanolmError`. */
export function errorFrom({ code, message, details }: WireError): NanolmError {
  const Class = BY_CODE[code] ?? BY_AREA[code.split("/", 1)[0] ?? ""] ?? NanolmError;
  return new Class(code, message, details);
}

/** Any thrown value in the form that crosses the worker. */
export function toWire(thrown: unknown): WireError {
  if (thrown instanceof Error) {
    const { code, details } = thrown as { code?: unknown; details?: unknown };
    if (typeof code === "string") {
      return { code, message: thrown.message, details: plain(details) };
    }
    return {
      code: "internal",
      message: `internal error: ${thrown.name}: ${thrown.message}. Please report this`,
      details: { stack: thrown.stack },
    };
  }
  return { code: "internal", message: `internal error: ${String(thrown)}. Please report this`, details: {} };
}

/** Details survive only if they can be posted: whatever else an error carries is left behind. */
function plain(details: unknown): ErrorDetails {
  try {
    return structuredClone((details ?? {}) as ErrorDetails);
  } catch {
    return {};
  }
}

export function optionError(name: string, expected: string, found: unknown): OptionError {
  const shown = typeof found === "string" ? JSON.stringify(found) : String(found);
  return new OptionError("option/invalid", `option ${name}: expected ${expected}, found ${shown}`, {
    name,
    expected,
    found: shown,
  });
}
