// Which label fits a text.

import { optionError } from "../../errors.js";
import { LABEL_SETS } from "../../files/source.js";
import { collect } from "../job.js";
import { type CallOptions, checkOptions, checkText, type Instructed } from "../options.js";
import type { Vectors } from "./embed.js";

export interface ClassifyOptions extends CallOptions {
  /**
   * Of labels of your own. `instruction`: a chat model is asked which one fits; the default there. `model`: an encoder compares its vectors of
   * the labels with the text's; the default there. `package`: the embedding table does, with any model and in a few milliseconds.
   */
  method?: "instruction" | "model" | "package" | undefined;
}

/** A label and how likely the text bears it. */
export interface Label {
  /** As it was given, or as the set names it. */
  label: string;
  /** Probability, against the other labels: together they are 1. */
  score: number;
}

/** @internal */
export async function classify(
  source: Vectors,
  contextLength: number,
  text: string,
  labels: string | readonly string[] | undefined,
  defaultSet: string | undefined,
  options: ClassifyOptions,
  { chats, ask }: Instructed<ClassifyOptions & { labels: readonly string[] }, Label[]>,
): Promise<Label[]> {
  checkText("text", text);
  const { engine, parts, encodes } = source;
  const { method = chats ? "instruction" : encodes ? "model" : "package", ...rest } = checkOptions(options);
  if (isList(labels) && method === "model") {
    if (!encodes) throw optionError("method", '"instruction" or "package": the model makes no vectors', method);
    return (await import("../labels.js")).byVectors(source, contextLength, text, labels, rest);
  }
  if (isList(labels) && method !== "package") {
    return asAsked(await ask(text, { ...rest, method, labels }), labels);
  }
  const start = { task: "classify", input: text, options: { ...rest, labels } as CallOptions };
  const set = LABEL_SETS.find((set) => set === (labels ?? defaultSet));
  if (set !== undefined) await parts.ready(set, options);
  if (!isList(labels)) return collect(engine, start, "label");
  await parts.ready("table", options);
  return asAsked(await collect<Label>(engine, start, "label"), labels);
}

function isList(labels: string | readonly string[] | undefined): labels is readonly string[] {
  return Array.isArray(labels) && labels.length > 0;
}

/** A label with half a character in it went through the engine as U+FFFD. */
function asAsked(given: readonly Label[], labels: readonly string[]): Label[] {
  const asked = new Map(labels.map((label) => [wellFormed(label), label]));
  return given.map(({ label, score }) => ({ label: asked.get(label) ?? label, score }));
}

function wellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}
