// Which label fits a text.

import type { Connection } from "../../engine/connection.js";
import { LABEL_SETS } from "../../files/source.js";
import { collect } from "../job.js";
import { type CallOptions, checkOptions, checkText } from "../options.js";
import type { Parts } from "../parts.js";

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
  parts: Parts,
  text: string,
  labels: string | readonly string[] | undefined,
  defaultSet: string | undefined,
  options: ClassifyOptions,
): Promise<Label[]> {
  checkText("text", text);
  const start = { task: "classify", input: text, options: { ...checkOptions(options), labels } as ClassifyOptions };
  const set = LABEL_SETS.find((set) => set === (labels ?? defaultSet));
  if (set !== undefined) await parts.ready(set, options);
  if (!Array.isArray(labels) || labels.length === 0) return collect(engine, start, "label");
  await parts.ready("table", options);
  const found = await collect<Label>(engine, start, "label");
  // A label with half a character in it went through the engine as U+FFFD.
  const asked = new Map(labels.map((label: string) => [wellFormed(label), label]));
  return found.map(({ label, score }) => ({ label: asked.get(label) ?? label, score }));
}

function wellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}
