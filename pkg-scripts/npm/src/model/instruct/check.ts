// Options of tasks by instruction: the engine checks only what reaches it.

import { optionError, unknownOption, UnsupportedError } from "../../errors.js";
import type { Call } from "./ask.js";

/** Options of any task. */
const CALL = ["signal", "onProgress", "priority", "speculate", "fresh"];

/** Ways of a task that may go another way, too. */
export const METHODS = ["instruction", "package"];

/** A misspelt option must not silently do nothing. */
export function checkNames(options: object, names: readonly string[]): void {
  const known = [...names, ...CALL];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, known);
}

/** One of some values, or nothing. */
export function checkOneOf(name: string, value: unknown, values: readonly string[]): void {
  if (value === undefined || values.some((each) => each === value)) return;
  throw optionError(name, values.map((each) => `"${each}"`).join(", "), value);
}

export function requireChat({ chats }: Call, task: string): void {
  if (chats) return;
  const why = 'its files have no chat template. Use a model that was made for conversations ("instruct")';
  throw new UnsupportedError("task/unsupported", `the model cannot do ${task}: ${why}`, { task, why });
}
