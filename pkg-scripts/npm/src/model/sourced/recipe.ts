// A recipe: what a model's files say of a task, such as the words before the text, and how it is written by one.

import type { Connection } from "../../engine/connection.js";
import type { EngineInfo } from "../../info.js";
import type { CallOptions, SpeedOptions } from "../options.js";
import type { Piece, Result } from "../stream.js";
import { generate, type GenerateOptions } from "../tasks/generate.js";

/** A call of a task. */
export interface Call {
  connection: Connection;
  /** By task and setting: `summarization.prefix`. */
  recipes: NonNullable<EngineInfo["recipes"]>;
  contextLength: number;
  options: CallOptions & SpeedOptions;
  /** Aborted where nobody reads any more. */
  left: AbortSignal;
}

/** How a text is written. */
export interface Recipe {
  /** Stands before the text. */
  prefix: string;
  options: GenerateOptions;
}

/** The names of the tasks that have recipes. */
export function names(recipes: Call["recipes"]): string[] {
  return [...new Set(Object.keys(recipes).map((key) => key.split(".")[0] ?? ""))];
}

/** By the names that `transformers` gives the settings; lengths there count the token that an output begins with. */
export function recipe({ recipes }: Call, task: string): Recipe {
  const of = <T>(name: string, kind: string): T | undefined => {
    const value: unknown = recipes[`${task}.${name}`];
    return typeof value === kind ? (value as T) : undefined;
  };
  const number = (name: string): number | undefined => of(name, "number");
  const less = (name: string): number | undefined => {
    const length = number(name);
    return length === undefined || length < 2 ? undefined : length - 1;
  };
  const never = of<string>("early_stopping", "string") === "never" ? "never" : undefined;
  return {
    prefix: of<string>("prefix", "string") ?? "",
    options: {
      maxNewTokens: less("max_length"),
      minNewTokens: less("min_length"),
      numBeams: number("num_beams"),
      lengthPenalty: number("length_penalty"),
      earlyStopping: never ?? of<boolean>("early_stopping", "boolean"),
      noRepeatNgram: number("no_repeat_ngram_size"),
    },
  };
}

/** Writes what a recipe makes of a text. Every token is given to `listen`. */
export async function write(call: Call, { prefix, options }: Recipe, text: string, listen: (piece: Piece) => void): Promise<Result> {
  const { signal, onProgress, speculate, fresh } = call.options;
  const all = { ...options, signal, onProgress, speculate, fresh, controls: "literal" as const };
  const made = generate(call.connection, prefix + text, all);
  const reader = made.getReader();
  const stop = (): void => void reader.cancel();
  if (call.left.aborted) stop();
  call.left.addEventListener("abort", stop);
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) listen(next.value);
    return await made.result;
  } finally {
    call.left.removeEventListener("abort", stop);
  }
}
