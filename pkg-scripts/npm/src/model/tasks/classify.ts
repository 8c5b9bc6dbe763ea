// Which label fits a text.

import type { Connection } from "../../engine/connection.js";
import type { Embeddings } from "../embeddings.js";
import { collect } from "../job.js";
import { type CallOptions, checkOptions, checkText } from "../options.js";

export type ClassifyOptions = CallOptions;

/** A label and how likely the text bears it. */
export interface Label {
  label: string;
  /** Probability, against the other labels: together they are 1. */
  score: number;
}

/** @internal */
export async function classify(
  engine: Connection,
  table: Embeddings,
  text: string,
  labels: string | readonly string[] | undefined,
  options: ClassifyOptions,
): Promise<Label[]> {
  checkText("text", text);
  const start = { task: "classify", input: text, options: { ...checkOptions(options), labels } as ClassifyOptions };
  if (!Array.isArray(labels) || labels.length === 0) return collect(engine, start, "label");
  await table.ready(options);
  const found = await collect<Label>(engine, start, "label");
  // A label with half a character in it went through the engine as U+FFFD.
  const asked = new Map(labels.map((label: string) => [wellFormed(label), label]));
  return found.map(({ label, score }) => ({ label: asked.get(label) ?? label, score }));
}

function wellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}
