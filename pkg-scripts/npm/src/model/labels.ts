// Labels of one's own by an encoder's vectors. Downloaded when it is first used.

import { optionError, saying, unknownOption } from "../errors.js";
import { partsOf, room, sentencesOf } from "./instruct/text.js";
import { report } from "./job.js";
import { type CallOptions, checkCallOptions, checkText } from "./options.js";
import { embed, type Vector, type Vectors } from "./tasks/embed.js";

/**
 * What cosines are multiplied with before they become probabilities: the likeliest of some for topics and intents that no figure is told of
 * (pkg-scripts/embed/evaluate), by the vectors of all-MiniLM-L6-v2. It was trained with the same.
 */
const SCALE = 20;
/** Tokens that stand before and behind a text. */
const AROUND = 2;

/** A label as it is read: as the embedding table reads it. */
const words = (label: string): string => label.split(/[\s_]+/).filter(Boolean).join(" ").toLowerCase();

function checked(labels: readonly string[]): string[] {
  labels.forEach((label, i) => checkText(`labels[${i}]`, label));
  const read = labels.map(words);
  read.forEach((label, i) => {
    if (label === "") throw optionError("labels", "labels with words", labels[i]);
    if (read.indexOf(label) < i) throw optionError("labels", "each label once", saying(`${JSON.stringify(labels[i])} twice`));
  });
  return read;
}

/** How likely each label fits a text, the likeliest first: the nearer its vector is to the text's. Of a long text each part counts as it is long. */
export async function byVectors(source: Vectors, contextLength: number, text: string, labels: readonly string[], options: CallOptions): Promise<{ label: string; score: number }[]> {
  const { signal, onProgress, ...unknown } = options;
  for (const name of Object.keys(unknown)) throw unknownOption(name, ["method", "signal", "onProgress"]);
  checkCallOptions({ signal, onProgress });
  const read = checked(labels);
  signal?.throwIfAborted();
  const sentences = await sentencesOf(source.engine, text, false);
  if (sentences.length === 0) throw optionError("text", "a text with words", text.slice(0, 40));
  const parts = await partsOf(source.engine, text, sentences, room(contextLength, AROUND));
  const progress: CallOptions["onProgress"] = (progress) => report(onProgress, { ...progress, phase: "score" });
  const vectors = (await embed(source, [...parts, ...read], { signal, onProgress: progress, normalize: true })) as Vector[];
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  parts.forEach((part, i) => vectors[i]?.forEach((value, k) => void (sum[k] = (sum[k] as number) + part.length * value)));
  const length = Math.hypot(...sum) || 1;
  const logits = vectors.slice(parts.length).map((vector) => (SCALE * vector.reduce((total, value, k) => total + value * (sum[k] as number), 0)) / length);
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return labels.map((label, i) => ({ label, score: (powers[i] as number) / total })).sort((a, b) => b.score - a.score);
}
