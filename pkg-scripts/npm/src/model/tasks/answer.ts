// The part of a text that answers a question.

import type { Connection } from "../../engine/connection.js";
import { collect } from "../job.js";
import { type CallOptions, checkOptions, checkText, type Instructed } from "../options.js";
import type { Place } from "../places.js";

export interface AnswerOptions extends CallOptions {
  /** An answer with a lower score is none: 0 to 1. By default 0.4 for the package's rules, 0.35 for a chat model, 0 for a trained head. */
  minScore?: number | undefined;
  /**
   * `model`: the model was trained to (`model.info.methods.answer`), and is the default there. `package`, the default elsewhere: the sentence that shares most with the question, and the part of it that is of the kind that is asked for, with
   * any model and in a millisecond; English. `instruction`: a chat model is asked, and what it says is found again in the text.
   */
  method?: "instruction" | "model" | "package" | undefined;
}

/** The part of a text that answers a question. */
export interface Answer extends Place {
  /** As it stands in the text. */
  text: string;
  /** 0 to 1: how well the sentence fits the question, and the part what it asks for. */
  score: number;
  /** The sentence around it. */
  sentence: Place;
}

/** @internal */
export async function answer(
  engine: Connection,
  question: string,
  text: string,
  options: AnswerOptions,
  { ask }: Instructed<AnswerOptions & { question: string }, Answer | null>,
  bySpan?: (text: string, options: AnswerOptions & { question: string }) => Promise<Answer | null>,
): Promise<Answer | null> {
  checkText("question", question);
  checkText("text", text);
  const { method = bySpan === undefined ? "package" : "model", ...rest } = checkOptions(options);
  if (method === "model" && bySpan !== undefined) return bySpan(text, { ...rest, question });
  if (method !== "package") return ask(text, { ...rest, method, question });
  const answers = await collect<Answer>(engine, { task: "answer", input: text, options: { ...rest, question } as CallOptions }, "answer");
  return answers[0] ?? null;
}
