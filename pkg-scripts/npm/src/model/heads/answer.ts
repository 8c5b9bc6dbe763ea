// The span of a text that answers a question, by a head that says where answers begin and end.

import type { Connection } from "../../engine/connection.js";
import { optionError } from "../../errors.js";
import type { Answer, AnswerOptions } from "../tasks/answer.js";
import { checkNames, softmax, type Window, windowsOf } from "./read.js";

/** Tokens of an answer, at most. */
const MOST_TOKENS = 30;

interface Span {
  start: number;
  end: number;
  /** The probability that it begins there times the one that it ends there, in its window. */
  score: number;
}

/** The likeliest span; `null` where it is likelier that there is none (the first row, as in SQuAD 2), or below `minScore`. */
export async function answer(
  connection: Connection,
  text: string,
  contextLength: number,
  { question, minScore = 0, method: _, ...call }: AnswerOptions & { question: string },
): Promise<Answer | null> {
  if (!(minScore >= 0 && minScore <= 1)) throw optionError("minScore", "a number from 0 to 1", minScore);
  checkNames(call, ["minScore", "method"]);
  const windows = await windowsOf(connection, text, question, contextLength, call);
  const best = bestOf(windows);
  if (best === null || best.score < minScore) return null;
  const { start, end, score } = best;
  type Sentence = { start: number; end: number };
  const sentences = await connection.send<Sentence[]>({ method: "sentences", text, prose: false }).answer;
  const around = sentences.find((sentence) => sentence.start <= start && start < sentence.end);
  const sentence = around === undefined ? { start, end } : { start: around.start, end: Math.max(around.end, end) };
  return { text: text.slice(start, end), start, end, score, sentence };
}

/**
 * The best span of whole words, or `null` where no answer is likelier: in every window the first row has a probability of its own, and the
 * lowest of these counts, as a text answers a question where one of its parts does.
 */
export function bestOf(windows: readonly Window[]): Span | null {
  let best: Span | null = null;
  let none = 1;
  for (const { first, words } of windows) {
    const tokens = words.flatMap((word) => word.tokens.map((row) => ({ word, row })));
    const rows = [first, ...tokens.map(({ row }) => row)];
    const begins = softmax(rows.map((row) => row[0] as number));
    const ends = softmax(rows.map((row) => row[1] as number));
    none = Math.min(none, (begins[0] as number) * (ends[0] as number));
    tokens.forEach(({ word: { start } }, i) => {
      tokens.slice(i, i + MOST_TOKENS).forEach(({ word: { end } }, n) => {
        const score = (begins[1 + i] as number) * (ends[1 + i + n] as number);
        if (score > (best?.score ?? 0)) best = { start, end, score };
      });
    });
  }
  return best !== null && (best as Span).score > none ? best : null;
}
