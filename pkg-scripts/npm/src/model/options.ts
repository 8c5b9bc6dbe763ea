// What every call takes, and the check of it.

import { optionError } from "../errors.js";
import type { Progress } from "../info.js";

export interface CallOptions {
  /** Rejects the call, queued or running, with the signal's reason. */
  signal?: AbortSignal | undefined;
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

/** @internal The options as an object, whatever the caller gave. */
export function checkOptions<T extends object>(options: T): T {
  if (typeof options !== "object" || options === null) throw optionError("options", "an object", options);
  return options;
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
