// The part of a text that answers a question.

import type { Connection } from "../../engine/connection.js";
import { collect } from "../job.js";
import { type CallOptions, checkText } from "../options.js";
import type { Place } from "../places.js";

export interface AnswerOptions extends CallOptions {
  /** An answer with a lower score is none: 0 to 1. */
  minScore?: number | undefined;
}

/** The part of a text that answers a question. */
export interface Answer extends Place {
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
): Promise<Answer | null> {
  checkText("question", question);
  checkText("text", text);
  const answers = await collect<Answer>(engine, { task: "answer", input: text, options: { ...options, question } as AnswerOptions }, "answer");
  return answers[0] ?? null;
}
