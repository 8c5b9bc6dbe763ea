// Errors: a stable code for programs, a message for people, a class for `instanceof`. They are made in three places (the
// page, the worker, the engine inside wasm) and travel as { code, message, details }; `errorFrom` is the one way back.

/** Facts about an error, by name: the file, what was expected and found, and so on. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** What went wrong, for programs: stable, of the form `area/problem`. */
export type ErrorCode =
  /** The server or the network did not answer, or another origin's server does not allow this page to read from it (CORS). */
  | "download/network"
  /** The server answered with an error, such as 404. Check the address. */
  | "download/status"
  /** The server answered with a page instead of a file: the address is probably wrong. */
  | "download/not-a-file"
  /** The connection broke or stood still before the end of a file. Load again: it goes on from what was kept. */
  | "download/incomplete"
  /** The file is not the one whose hash is known (`integrity`). The details have both hashes. */
  | "download/integrity"
  /** A chosen file cannot be read any more, because it was moved or changed. Choose it again. */
  | "download/unreadable"
  /** The file ends too early. Get it again. */
  | "format/truncated"
  /** The bytes are no model file, or one that is damaged. Get another file. */
  | "format/invalid"
  /** A file of the model's folder is not there, such as `config.json`. */
  | "model/missing-file"
  /** Weights are missing, or have another shape or type than the model needs; the details list them. */
  | "model/weights"
  /** A sound model of a kind that this version cannot run. Use another model. */
  | "model/unsupported"
  /** The model computed what is no number. Its weights are damaged, or it cannot be run at this precision. */
  | "model/not-finite"
  /** The model was disposed of. Load it again. */
  | "model/disposed"
  /** The model was not made for this task. `model.info.tasks` lists what it can do. */
  | "task/unsupported"
  /** An argument has a value that makes no sense, or an option that is not known. */
  | "option/invalid"
  /** The chat template cannot be read or rendered; the message and the details show the place. Give another one as the option `template`. */
  | "chat/template"
  /** The model's chat template does not take such a conversation, and says why: most want user and assistant in turns. */
  | "chat/refused"
  /** The tokenizer refused its input. */
  | "text/tokenizer"
  /** The text is longer than the model's context. Shorten it, or use `summarize`. */
  | "session/context-full"
  /** Bytes that are no saved session, are damaged, or come of another model. Begin a new session. */
  | "session/invalid"
  /** The session ended with the worker that had it, before it could be saved. Begin a new one. */
  | "session/lost"
  /** The session was disposed of. Begin a new one. */
  | "session/disposed"
  /** A bug in this package. Please report it. */
  | "session/busy"
  /** Bytes that are no saved index of `nanolm/search`, or are damaged. Build the index again. */
  | "index/invalid"
  /** Another model has made the vectors of a saved index. Load that one, or build the index again. */
  | "index/model"
  /** The GPU is not there or failed. Load with `device: "cpu"`. */
  | "gpu/failed"
  /** There is not enough memory. Use a smaller model or a shorter text. */
  | "memory/exhausted"
  /** What the call needs is not there: workers, a service worker, an extension, a page. The message says where it works. */
  | "worker/unavailable"
  /** The worker's script was not found or is refused by the page's Content-Security-Policy. */
  | "worker/start"
  /** The engine's wasm file was not found, is refused by the page's Content-Security-Policy, or the browser cannot run it. */
  | "worker/wasm"
  /** The worker died. Load the model again. */
  | "worker/crashed"
  /** The worker ended itself, or the browser ended it. Load the model again. */
  | "worker/ended"
  /** A bug in this package. Please report it. */
  | "worker/no-model"
  /** A bug in this package. Please report it. */
  | "internal";

/** @internal An error as it travels from the worker to the page. */
export interface WireError {
  code: ErrorCode;
  message: string;
  details: ErrorDetails;
}

/** Of an error's message and of a value in one, in UTF-16 code units: what is longer hides what there is to do. */
const LONGEST_MESSAGE = 2000;
const LONGEST_VALUE = 200;

/** A text with its middle left out where it is longer: the beginning says what is wrong, the end what to do. */
function shortened(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const tail = Math.floor(longest / 4);
  return `${text.slice(0, longest - tail - 3)} … ${text.slice(-tail)}`;
}

/** Any error of this package. Match on `code`, which is stable; `message` says what to do. */
export class NanolmError extends Error {
  /** What went wrong: docs/errors.md lists the codes. */
  readonly code: ErrorCode;
  /** Facts by name: the file, what was expected and found, and so on. */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(shortened(message, LONGEST_MESSAGE), options);
    this.code = code;
    this.details = details;
  }

  /** For `JSON.stringify`, and for a worker's message: of an error that is posted, browsers keep the message alone. */
  toJSON(): { name: string; code: ErrorCode; message: string; details: ErrorDetails } {
    const { name, code, message, details } = this;
    return { name, code, message, details };
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

/** `chat/...`: the conversation cannot be made a prompt. `details` has `line`, `column` and `tag` of the template. */
export class TemplateError extends NanolmError {}
TemplateError.prototype.name = "TemplateError";

/** `session/context-full`: the prompt is longer than the model's context. Shorten it, or use `summarize`. */
export class ContextError extends NanolmError {}
ContextError.prototype.name = "ContextError";

/** `session/invalid`, `session/lost`: bytes that are no saved session, are damaged, or come of another model; a session whose worker died. Begin a new one. */
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

const BY_CODE: Partial<Record<ErrorCode, ErrorClass>> = {
  "model/missing-file": ModelFileError,
  "model/weights": ModelFileError,
  "model/unsupported": UnsupportedError,
  "model/disposed": DisposedError,
  "session/context-full": ContextError,
  "session/busy": InternalError,
  "session/disposed": DisposedError,
  "session/invalid": SessionError,
  "session/lost": SessionError,
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

/** @internal The error of the class that belongs to its code. A code of a newer engine still gives a `NanolmError`. */
export function errorFrom({ code, message, details }: WireError): NanolmError {
  const Class = BY_CODE[code] ?? BY_AREA[code.split("/", 1)[0] ?? ""] ?? NanolmError;
  const { name, expected, found } = details;
  // The engine knows its options, not how others call them.
  const hint = found === UNKNOWN && typeof name === "string" && typeof expected === "string" ? meant(name, expected) : "";
  return new Class(code, message + hint, details);
}

/** @internal Any thrown value in the form that crosses the worker. */
export function toWire(thrown: unknown): WireError {
  if (thrown instanceof Error) {
    const { code, details } = thrown as { code?: unknown; details?: unknown };
    if (typeof code === "string") {
      return { code: code as ErrorCode, message: thrown.message, details: plain(details) };
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

/** @internal */
export function optionError(name: string, expected: string, found: unknown): OptionError {
  const shown = shortened(inWords(found), LONGEST_VALUE);
  return new OptionError("option/invalid", `option ${name}: expected ${expected}, found ${shown}`, {
    name,
    expected,
    found: shown,
  });
}

/** @internal What was found, where that is no value of the caller's but said in words. */
export function saying(found: string): { toString(): string } {
  return { toString: () => found };
}

const UNKNOWN = "an unknown option";

/** @internal The error for a name that is none of those an option may have: a misspelt option must not silently do nothing. */
export function unknownOption(name: string, known: readonly string[], before = ""): OptionError {
  const expected = `one of ${known.join(", ")}`;
  const error = optionError(before + name, expected, saying(UNKNOWN));
  return new OptionError(error.code, error.message + meant(name, expected), error.details);
}

/** What other packages call options of this one, in small letters and without signs. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  maxtokens: "maxNewTokens",
  maxlength: "maxNewTokens",
  maxoutputtokens: "maxNewTokens",
  maxcompletiontokens: "maxNewTokens",
  npredict: "maxNewTokens",
  dosample: "temperature",
  stopsequences: "stop",
  abortsignal: "signal",
  progresscallback: "onProgress",
  initprogresscallback: "onProgress",
  progress: "onProgress",
  dtype: "quantize",
  quantized: "quantize",
  nthreads: "threads",
  usecache: "cache",
  topk: "top k limit",
  top: "limit k",
  limit: "top k",
  normalise: "normalize",
};
/** Options of every call, which the engine does not list. */
const OF_CALLS = ["signal", "onProgress"];

/** What a name that is not known may stand for, as the end of a message. */
function meant(name: string, expected: string): string {
  const known = [...expected.replace("one of ", "").split(", "), ...OF_CALLS];
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z]/g, "");
  const given = plain(name);
  const found =
    known.find((other) => plain(other) === given) ??
    ELSEWHERE[given]?.split(" ").find((other) => known.includes(other)) ??
    known.find((other) => other.length > 3 && isNear(given, plain(other)));
  return found === undefined ? "" : `. Did you mean ${found}?`;
}

/** Whether one letter too many, too few, wrong or in its neighbour's place makes the difference. */
function isNear(a: string, b: string): boolean {
  let same = 0;
  while (same < a.length && a[same] === b[same]) same += 1;
  const [x, y] = [a.slice(same), b.slice(same)];
  const swapped = (y[1] ?? "") + (y[0] ?? "") + y.slice(2);
  return x.slice(1) === y || x === y.slice(1) || x.slice(1) === y.slice(1) || x === swapped;
}

/** A value of a caller, who may have given anything. */
function inWords(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  try {
    if (typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function") return "a promise: await it first";
    if (Array.isArray(value)) return value.length === 0 ? "an empty array" : `an array of ${value.length}`;
    if (ArrayBuffer.isView(value)) return `a ${value.constructor.name} of ${value.byteLength} bytes`;
    const text = String(value);
    return text === "[object Object]" ? `an object with ${Object.keys(value as object).join(", ") || "nothing in it"}` : text;
  } catch {
    // An object without a prototype, or with a toString of its own.
    return "an object";
  }
}
