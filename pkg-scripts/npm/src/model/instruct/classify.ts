// Labels as a chat model's answers.

import { UnsupportedError } from "../../errors.js";
import { promptFor } from "../chat/prompt.js";
import { sourceOf } from "../chat/source.js";
import type { JobEvent } from "../../engine/protocol.js";
import { runJob } from "../job.js";
import { checkText } from "../options.js";
import type { ClassifyOptions, Label } from "../tasks/classify.js";
import { type Call, question } from "./ask.js";
import { checkNames, checkOneOf, METHODS, requireChat } from "./check.js";
import { partsOf, room, sentencesOf } from "./text.js";

/** Tokens that the template and what is asked need beside text and labels, generously. */
const ASKED = 256;
/** What stands in the place of a text when it is asked how likely the labels are without one. */
const NO_TEXT = "N/A";

function instruction(labels: readonly string[]): string {
  const list = labels.map((label) => `"${label}"`).join(", ");
  return `Which of these labels fits the text best: ${list}? Answer with the label alone.`;
}

/** How likely each label is as the answer, the likeliest first. */
export async function classify(call: Call, text: string, given: ClassifyOptions & { labels: readonly string[] }): Promise<Label[]> {
  const { connection, options } = call;
  const { labels } = given;
  checkOneOf("method", given.method, METHODS);
  checkNames(given, ["method", "labels"]);
  labels.forEach((label, i) => checkText(`labels[${i}]`, label));
  requireChat(call, "classify by instruction");
  const source = await sourceOf(connection);
  const asked = instruction(labels);
  const size = (await connection.send<Uint32Array>({ method: "tokenize", text: asked, addSpecial: false, literal: undefined }).answer).length;
  const sentences = await sentencesOf(connection, text, false);
  const parts = await partsOf(connection, text, sentences, room(source.contextLength, ASKED + size));
  const prompt = (text: string) =>
    promptFor(connection, source, question(text, asked), { maxNewTokens: 1, variables: { enable_thinking: false } });
  const [baseline, ...prompts] = await Promise.all([NO_TEXT, ...parts].map(prompt));
  const end = baseline?.stopTokens[0] ?? source.controls.get(source.specials["eos_token"] ?? "");
  if (baseline === undefined || end === undefined) {
    throw new UnsupportedError("task/unsupported", "classify: the model's files name no token that ends an answer", { task: "classify" });
  }
  let at = 0;
  const ends = Uint32Array.from(prompts, ({ tokens }) => (at += tokens.length));
  const all = [...prompts, baseline].flatMap(({ tokens }) => [...tokens]);
  const found: Label[] = [];
  const listen = (event: JobEvent): void => {
    const { label, score } = event as unknown as Label;
    if (event.type === "label") found.push({ label, score });
  };
  const request = { method: "choose" as const, labels: [...labels], tokens: Uint32Array.from(all), ends, end };
  await runJob(connection, request, options, listen).answer;
  return found;
}
