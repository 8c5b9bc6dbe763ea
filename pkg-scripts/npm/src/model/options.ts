// What every call takes, and the check of it.

import { optionError } from "../errors.js";
import type { Progress } from "../info.js";

export interface CallOptions {
  /** Rejects the call, queued or running, with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Told how far the call is. What it throws is reported as any uncaught error. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /**
   * `background`: calls of the model that are not in the background go first, also before one that runs, and the processor is left to others
   * for a moment now and then; for work that nobody waits for. By default `user`.
   */
  priority?: "user" | "background" | undefined;
}

export interface ControlOptions {
  /**
   * What control tokens do that stand written out in the text, such as `<|end|>`. `parse`: they act; for texts that the program
   * writes itself. `literal`: they are text like any other; for what a visitor typed.
   */
  controls?: "literal" | "parse" | undefined;
}

/** @internal */
export function isLiteral(controls: "literal" | "parse"): boolean {
  if (controls !== "literal" && controls !== "parse") throw optionError("controls", '"literal" or "parse"', controls);
  return controls === "literal";
}

/** How a call is computed; what it gives is the same. */
export interface SpeedOptions {
  /**
   * Read ahead what the text says elsewhere after the same words: less time where the model copies. By default where it is
   * measured to be faster; `true` whenever there is something to try, `false` never. On the GPU, and where layers keep states, never.
   */
  speculate?: boolean | undefined;
  /** Take nothing over that earlier calls have read, and leave nothing to later ones: for measurements. */
  fresh?: boolean | undefined;
}

/** @internal Token ids that a caller gave. */
export function checkedIds(ids: Iterable<number>): number[] {
  if (typeof ids !== "object" || ids === null || !(Symbol.iterator in ids)) throw optionError("ids", "token ids, such as those of tokenize", ids);
  const list = [...ids];
  const wrong = list.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < 2 ** 32));
  if (wrong >= 0) throw optionError(`ids[${wrong}]`, "a whole number of at least 0", list[wrong]);
  return list;
}

/** @internal Refuses what is no signal or no function: ignored, it would be a stop button that does nothing. */
export function checkCallOptions({ signal, onProgress, priority }: CallOptions): void {
  // By its form: a signal may come from another frame, where it has a class of its own.
  if (signal !== undefined && (typeof signal?.aborted !== "boolean" || typeof signal.addEventListener !== "function")) {
    throw optionError("signal", "an AbortSignal", signal);
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw optionError("onProgress", "a function", onProgress);
  }
  if (priority !== undefined && priority !== "user" && priority !== "background") {
    throw optionError("priority", '"user" or "background"', priority);
  }
}

/** @internal What the engine is told of them. */
export function inBackground({ priority }: CallOptions): boolean {
  return priority === "background";
}

/** @internal What `Model.load` takes. */
export const LOAD_OPTIONS = [
  "device",
  "cache",
  "embeddings",
  "hub",
  "threads",
  "quantize",
  "integrity",
  "assetsUrl",
  "restart",
  "shared",
  "hidden",
  "build",
  "signal",
  "onProgress",
];

/** @internal Refuses options in the source's place: they would be taken for files by their names. */
export function checkSource(source: unknown): void {
  // Looked for by their names before all names are listed: bytes in memory have as many as they are long.
  if (typeof source !== "object" || source === null || !LOAD_OPTIONS.some((name) => Object.hasOwn(source, name))) return;
  if (!Object.keys(source).every((name) => LOAD_OPTIONS.includes(name))) return;
  throw optionError("source", "a model, or undefined for the default one, and options behind it: Model.load(undefined, { … })", source);
}

/** @internal The options as an object, whatever the caller gave. */
export function checkOptions<T extends object>(options: T): T {
  // Bytes or a list would be taken apart into as many unknown options as they are long.
  if (typeof options !== "object" || options === null || Array.isArray(options) || ArrayBuffer.isView(options)) {
    throw optionError("options", "an object", options);
  }
  return options;
}

/** @internal Refuses what is neither: a text such as "no" would count as yes. */
export function checkFlags(flags: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(flags)) {
    if (value !== undefined && typeof value !== "boolean") throw optionError(name, "true or false", value);
  }
}

/** @internal */
export function checkText(name: string, text: string): void {
  if (typeof text !== "string") throw optionError(name, "a string", text);
}

/** @internal How a chat model is asked for a task in words; known to whoever has the model. */
export interface Instructed<Options, Value> {
  /** Whether it can be. */
  chats: boolean;
  ask: (text: string, options: Options) => Promise<Value>;
}
