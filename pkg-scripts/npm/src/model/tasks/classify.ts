// Which label fits a text.

import type { Connection } from "../../engine/connection.js";
import { collect } from "../job.js";
import { type CallOptions, checkText } from "../options.js";

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
  text: string,
  labels: string | readonly string[] | undefined,
  options: ClassifyOptions,
): Promise<Label[]> {
  checkText("text", text);
  return collect(engine, { task: "classify", input: text, options: { ...options, labels } as ClassifyOptions }, "label");
}
