// What texts say as vectors, and how near they are to each other.

import type { Connection } from "../../engine/connection.js";
import { optionError, saying, unknownOption } from "../../errors.js";
import { report } from "../job.js";
import { type CallOptions, checkCallOptions, checkOptions, checkText, inBackground } from "../options.js";
import type { Parts } from "../parts.js";

/** Where the model is an encoder (`model.info.tasks` has `embed`), it takes all of these; the embedding table has no choices. */
export interface EmbedOptions extends CallOptions {
  /** How a text's rows become one vector: their mean, the first or the last one. By default as the model's files say. */
  pooling?: "mean" | "cls" | "last" | undefined;
  /** Bring vectors to length 1. By default as the model's files say. */
  normalize?: boolean | undefined;
  /** Only so many numbers of each vector, the first: for models that were trained for it (Matryoshka). */
  dimensions?: number | undefined;
  /** Put before each text, as some models want it: `"query: "`, `"passage: "`. */
  prefix?: string | undefined;
  /** Which of the prefixes that the model's files give (`model.info.prompts`) to put before each text, such as `"query"`. */
  prompt?: string | undefined;
}

export interface RankOptions extends EmbedOptions {
  /**
   * Put before the query in place of `prefix`. Without any of these, query and texts get the prompts `query` and `document` where the
   * model's files give such.
   */
  queryPrefix?: string | undefined;
  /** Only so many, the best. */
  top?: number | undefined;
}

/** One of the texts that were ranked. */
export interface Ranked {
  /** Its place in the list that was given. */
  index: number;
  /** The cosine of its vector and the query's, -1 to 1; the logit of the pair by a cross-encoder (`model.info.tasks` has `rank`). */
  score: number;
}

/** The vector of a text: of length 1 unless an encoder says otherwise; by the table, all zero where no word of the text is known. */
export type Vector = Float32Array;

/** @internal Where vectors come from. */
export interface Vectors {
  engine: Connection;
  parts: Parts;
  /** The model makes them itself. */
  encodes: boolean;
  /** It reads query and text together, and scores the pair. */
  scores: boolean;
  /** What its files want before texts. */
  prompts: Readonly<Record<string, string>>;
}

const NAMES: readonly string[] = ["pooling", "normalize", "dimensions", "prefix", "prompt"];
const OF_CALL = ["signal", "onProgress", "priority"];

/** @internal */
export async function embed(
  { engine, parts, encodes }: Vectors,
  texts: string | readonly string[],
  options: EmbedOptions,
): Promise<Vector | Vector[]> {
  const { signal, onProgress, priority, ...rest } = checkOptions(options);
  for (const name of Object.keys(rest)) {
    if (!NAMES.includes(name)) throw unknownOption(name, [...NAMES, ...OF_CALL]);
  }
  checkCallOptions({ signal, onProgress, priority });
  const list = typeof texts === "string" ? [texts] : texts;
  if (!Array.isArray(list)) throw optionError("texts", "a string or an array of strings", texts);
  list.forEach((text, i) => checkText(`texts[${i}]`, text));
  signal?.throwIfAborted();
  if (list.length === 0) return [];
  if (!encodes) await parts.ready("table", { signal, onProgress });
  const progress = (progress: Parameters<typeof report>[1]): void => report(onProgress, progress);
  const all = await engine.send<Vector>({ method: "embed", texts: [...list], options: rest }, { signal, progress, background: inBackground({ priority }) }).answer;
  const size = all.length / list.length;
  // Each owns its numbers: a view would take all of them along wherever it is stored.
  const vectors = list.map((_, i) => all.slice(i * size, (i + 1) * size));
  return typeof texts === "string" ? (vectors[0] as Vector) : vectors;
}

/** @internal */
export async function similarity(
  source: Vectors,
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
  const embedded = (await embed(source, texts, options)) as Vector[];
  const vectors = all.map((item) => (typeof item === "string" ? (embedded.shift() as Vector) : item));
  const first = vectors[0] as Vector;
  const found = vectors.slice(1).map((vector, i) => {
    if (vector.length !== first.length) {
      throw optionError(Array.isArray(b) ? `b[${i}]` : "b", `a vector of ${first.length} numbers, as a has`, saying(`one of ${vector.length}`));
    }
    return cosine(first, vector);
  });
  return Array.isArray(b) ? found : (found[0] as number);
}

/** @internal */
export async function rank(
  source: Vectors,
  query: string | Vector,
  texts: readonly (string | Vector)[],
  options: RankOptions,
): Promise<Ranked[]> {
  const { queryPrefix, top, ...rest } = checkOptions(options);
  const unknown = Object.keys(rest).find((name) => ![...NAMES, ...OF_CALL].includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, ["top", "queryPrefix", ...NAMES, ...OF_CALL]);
  if (!Array.isArray(texts)) throw optionError("texts", "an array of strings or vectors", texts);
  if (top !== undefined && !(Number.isInteger(top) && top > 0)) throw optionError("top", "a whole number of at least 1", top);
  if (source.scores) return best(await score(source, query, texts, { ...rest, queryPrefix } as RankOptions), top);
  const byFile = queryPrefix === undefined && rest.prefix === undefined && rest.prompt === undefined;
  const prompted = (prompt: string): EmbedOptions => (byFile && source.prompts[prompt] !== undefined ? { ...rest, prompt } : rest);
  const own = queryPrefix === undefined ? prompted("query") : { ...rest, prefix: queryPrefix };
  if (typeof query !== "string" && !(query instanceof Float32Array)) throw optionError("query", "a string or a vector of embed", query);
  const first = typeof query === "string" ? ((await embed(source, query, own)) as Vector) : query;
  const scores = (await similarity(source, first, texts, prompted("document"))) as number[];
  return best(scores, top);
}

function best(scores: readonly number[], top: number | undefined): Ranked[] {
  const ranked = scores.map((score, index) => ({ index, score })).sort((a, b) => b.score - a.score || a.index - b.index);
  return ranked.slice(0, top);
}

/** By a cross-encoder, which has no vectors and so no options of them. */
async function score(
  { engine }: Vectors,
  query: string | Vector,
  texts: readonly (string | Vector)[],
  { signal, onProgress, priority, ...rest }: RankOptions,
): Promise<number[]> {
  for (const [name, value] of Object.entries(rest)) {
    if (value !== undefined) throw optionError(name, "one of top, signal, onProgress, priority: this model reads query and text together", value);
  }
  checkCallOptions({ signal, onProgress, priority });
  checkText("query", query as string);
  texts.forEach((text, i) => checkText(`texts[${i}]`, text as string));
  signal?.throwIfAborted();
  if (texts.length === 0) return [];
  const progress = (progress: Parameters<typeof report>[1]): void => report(onProgress, progress);
  const request = { method: "embed", query: query as string, texts: texts as string[], options: {} } as const;
  return [...(await engine.send<Float32Array>(request, { signal, progress, background: inBackground({ priority }) }).answer)];
}

function cosine(a: Vector, b: Vector): number {
  const product = (x: Vector, y: Vector): number => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  const lengths = Math.sqrt(product(a, a) * product(b, b));
  return lengths === 0 ? 0 : product(a, b) / lengths;
}
