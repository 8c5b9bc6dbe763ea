// What texts say as vectors, and how near they are to each other.

import type { Connection } from "../../engine/connection.js";
import { optionError } from "../../errors.js";
import { report } from "../job.js";
import { type CallOptions, checkCallOptions, checkOptions, checkText } from "../options.js";
import type { Parts } from "../parts.js";

export type EmbedOptions = CallOptions;

/** The vector of a text: of length 1, or all zero where no word of the text is known. */
export type Vector = Float32Array;

const NAMES = "signal, onProgress";

/** @internal */
export async function embed(
  engine: Connection,
  parts: Parts,
  texts: string | readonly string[],
  options: EmbedOptions,
): Promise<Vector | Vector[]> {
  const { signal, onProgress, ...unknown } = checkOptions(options);
  for (const name of Object.keys(unknown)) throw optionError(name, `one of ${NAMES}`, "an unknown option");
  checkCallOptions({ signal, onProgress });
  const list = typeof texts === "string" ? [texts] : texts;
  if (!Array.isArray(list)) throw optionError("texts", "a string or an array of strings", texts);
  list.forEach((text, i) => checkText(`texts[${i}]`, text));
  signal?.throwIfAborted();
  if (list.length === 0) return [];
  await parts.ready("table", { signal, onProgress });
  const progress = (progress: Parameters<typeof report>[1]): void => report(onProgress, progress);
  const all = await engine.send<Vector>({ method: "embed", texts: [...list] }, { signal, progress }).answer;
  const size = all.length / list.length;
  // Each owns its numbers: a view would take all of them along wherever it is stored.
  const vectors = list.map((_, i) => all.slice(i * size, (i + 1) * size));
  return typeof texts === "string" ? (vectors[0] as Vector) : vectors;
}

/** @internal */
export async function similarity(
  engine: Connection,
  parts: Parts,
  a: string | Vector,
  b: string | Vector | readonly (string | Vector)[],
  options: EmbedOptions,
): Promise<number | number[]> {
  const others = Array.isArray(b) ? (b as readonly (string | Vector)[]) : [b as string | Vector];
  const all = [a, ...others];
  all.forEach((item, i) => {
    if (typeof item === "string" || item instanceof Float32Array) return;
    throw optionError(i === 0 ? "a" : Array.isArray(b) ? `b[${i - 1}]` : "b", "a string or a vector of embed", item);
  });
  const texts = all.filter((item) => typeof item === "string");
  const embedded = (await embed(engine, parts, texts, options)) as Vector[];
  const vectors = all.map((item) => (typeof item === "string" ? (embedded.shift() as Vector) : item));
  const first = vectors[0] as Vector;
  const found = vectors.slice(1).map((vector, i) => {
    if (vector.length !== first.length) {
      throw optionError(Array.isArray(b) ? `b[${i}]` : "b", `a vector of ${first.length} numbers, as a has`, `one of ${vector.length}`);
    }
    return cosine(first, vector);
  });
  return Array.isArray(b) ? found : (found[0] as number);
}

function cosine(a: Vector, b: Vector): number {
  const product = (x: Vector, y: Vector): number => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  const lengths = Math.sqrt(product(a, a) * product(b, b));
  return lengths === 0 ? 0 : product(a, b) / lengths;
}
