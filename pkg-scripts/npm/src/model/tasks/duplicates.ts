// Texts that are nearly the same.

import { optionError } from "../../errors.js";
import { collect } from "../job.js";
import { type CallOptions, checkOptions, checkText } from "../options.js";
import type { Ranked, Vectors } from "./embed.js";

export interface DuplicateOptions extends CallOptions {
  /** The least cosine of the vectors of two texts, above 0, at most 1; 0.9 by default. */
  threshold?: number | undefined;
  /** Texts that differ in a number, a negation, a direction or a name are no duplicates (default): `up 5 %` and `down 5 %`. */
  sameFacts?: boolean | undefined;
}

/** @internal */
export async function nearDuplicates({ engine, parts }: Vectors, texts: readonly string[], options: DuplicateOptions): Promise<Ranked[][]> {
  if (!Array.isArray(texts)) throw optionError("texts", "an array of strings", texts);
  texts.forEach((text, i) => checkText(`texts[${i}]`, text));
  const { signal, onProgress } = checkOptions(options);
  await parts.ready("table", { signal, onProgress });
  const start = { task: "nearDuplicates", input: "", options: { ...options, texts } as CallOptions };
  return (await collect<{ members: Ranked[] }>(engine, start, "group")).map(({ members }) => members);
}
