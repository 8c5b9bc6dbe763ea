// Answers of a chat model, found again in the text.

import { optionError } from "../../errors.js";
import { sourceOf } from "../chat/source.js";
import type { Piece, Supported } from "../stream.js";
import type { Answer, AnswerOptions } from "../tasks/answer.js";
import { ask, type Call, confidence, question } from "./ask.js";
import { checkNames, checkOneOf, METHODS, requireChat } from "./check.js";
import { partsOf, placesOf, room, sentencesOf } from "./text.js";

const MAX_TOKENS = 64;
const ASKED = 256;
const NONE = "none";
const MIN_SCORE = 0.35;

function instruction(asked: string): string {
  return (
    `Question: ${asked}\n\nAnswer with the shortest part of the text that answers the question, word for word. ` +
    `If the text does not answer it, write "${NONE}".`
  );
}

/** The best answer that a text has, in its own words; of a long one, that of the part where the model is the surest. */
export async function answer(call: Call, text: string, options: AnswerOptions & { question: string }): Promise<Answer | null> {
  const { question: asked, minScore = MIN_SCORE } = options;
  checkOneOf("method", options.method, METHODS);
  if (!(minScore >= 0 && minScore <= 1)) throw optionError("minScore", "a number from 0 to 1", minScore);
  checkNames(options, ["question", "minScore", "method"]);
  requireChat(call, "answer by instruction");
  const { contextLength } = await sourceOf(call.connection);
  const most = room(contextLength, ASKED + MAX_TOKENS);
  const sentences = await sentencesOf(call.connection, text, false);
  let best: Answer | undefined;
  for (const part of await partsOf(call.connection, text, sentences, most)) {
    const pieces: Piece[] = [];
    const writing = { maxNewTokens: MAX_TOKENS, groundedIn: `${part}\n${NONE}`, stop: "\n" };
    const { text: said } = await ask(call, question(part, instruction(asked)), writing, (piece) => pieces.push(piece));
    const score = confidence(pieces);
    const found = await locate(call, text, said.replace(/^["“'\s]+|["”'\s.]+$/g, ""), sentences);
    if (found !== undefined && score > (best?.score ?? 0)) best = { ...found, score };
  }
  return best !== undefined && best.score >= minScore ? best : null;
}

/** Where the text says it; the whole sentence where the model put it in other words. */
async function locate(
  { connection }: Call,
  text: string,
  said: string,
  sentences: readonly { start: number; end: number }[],
): Promise<Omit<Answer, "score"> | undefined> {
  if (said === "" || said.toLowerCase() === NONE) return undefined;
  const [place] = placesOf(text, said, "i");
  if (place !== undefined) {
    const around = sentences.find(({ start, end }) => start <= place.start && place.start < end);
    const sentence = around === undefined ? place : { start: around.start, end: Math.max(around.end, place.end) };
    return { text: text.slice(place.start, place.end), ...place, sentence };
  }
  const { answer } = connection.send<Supported[]>({ method: "support", text, written: said });
  const source = (await answer)[0]?.sources[0];
  return source && { text: text.slice(source.start, source.end), ...source, sentence: source };
}
