// A question about a text to a chat model.

import type { Connection } from "../../engine/connection.js";
import type { FinishReason } from "../../info.js";
import { NOTHING, run } from "../chat/run.js";
import type { ChatMessage, ChatOptions } from "../chat/types.js";
import type { CallOptions, SpeedOptions } from "../options.js";
import type { Piece, Result } from "../stream.js";

/** A model that may be asked. */
export interface Asked {
  connection: Connection;
  /** It has a chat template. */
  chats: boolean;
}

/** A call of a task. */
export interface Call extends Asked {
  options: CallOptions & SpeedOptions;
  /** Aborted where nobody reads any more. */
  left: AbortSignal;
}

/** How an answer is written. */
export interface Writing extends Omit<ChatOptions, keyof CallOptions> {
  /** Only numbers and names of this text. */
  groundedIn?: string | undefined;
}

/** Questions have one likely answer; models that think first are asked not to, where their templates know that. */
const PLAIN: Writing = { temperature: 0, variables: { enable_thinking: false } };

/** The text comes first: what several calls ask about one text, they have in common, and it is read once. */
export function question(text: string, instruction: string, begun?: string): ChatMessage[] {
  const asked: ChatMessage = { role: "user", content: `Text:\n"""\n${text}\n"""\n\n${instruction}` };
  return begun === undefined ? [asked] : [asked, { role: "assistant", content: begun }];
}

/** Has the model answer. Every token is given to `listen`. */
export async function ask(
  { connection, options, left }: Call,
  messages: readonly ChatMessage[],
  writing: Writing,
  listen: (piece: Piece) => void = () => {},
): Promise<Result> {
  const { signal, onProgress, priority, speculate, fresh } = options;
  let result: Result = NOTHING;
  const sink = {
    piece: ({ text, tokenId, logprob }: Piece) => listen({ text, tokenId, logprob }),
    done: (all: Result) => (result = all),
    fail: () => {},
    stopped: () => 0,
  };
  const all = { ...PLAIN, ...writing, signal, onProgress, priority, speculate, fresh };
  await run(connection, { messages: () => messages }, all, sink, left);
  return result;
}

/** What several answers cost. */
export function together(results: readonly Result[], text: string): Result {
  const sum = <T extends object>(parts: readonly T[]): T => {
    const all: Record<string, number> = {};
    for (const part of parts) {
      for (const [name, value] of Object.entries(part)) if (typeof value === "number") all[name] = (all[name] ?? 0) + value;
    }
    return all as T;
  };
  const last = results.at(-1) ?? NOTHING;
  const usage = { ...last.usage, ...sum(results.map((result) => result.usage)) };
  const timings = { ...last.timings, ...sum(results.map((result) => result.timings)) };
  const later = usage.completionTokens - results.length;
  timings.tokensPerSecond = later > 0 && timings.decodeMs > 0 ? later / (timings.decodeMs / 1000) : 0;
  timings.firstTokenMs = results[0]?.timings.firstTokenMs ?? 0;
  const ended = (reason: FinishReason): boolean => results.some(({ finishReason }) => finishReason === reason);
  return { text, finishReason: ended("abort") ? "abort" : ended("length") ? "length" : "stop", usage, timings };
}

/** How sure the model was of what it wrote: the mean of its tokens' probabilities, by their logarithms. */
export function confidence(pieces: readonly Piece[]): number {
  if (pieces.length === 0) return 0;
  return Math.min(1, Math.exp(pieces.reduce((sum, { logprob }) => sum + logprob, 0) / pieces.length));
}

/** What a list that the model writes begins with. The space behind it belongs to the first word, in most vocabularies. */
export const BULLET = "-";

/** A line of a list: its text without what marks it, and its tokens. */
export interface Line {
  text: string;
  pieces: Piece[];
}

/** The lines of a list, as they become whole. The list was begun with its first bullet. */
export class Lines {
  #open: Piece[] = [];

  /** The lines that end with a token. */
  push(piece: Piece): Line[] {
    const [first = "", ...rest] = piece.text.split("\n");
    this.#open.push({ ...piece, text: first });
    const ended: Line[] = [];
    for (const text of rest) {
      ended.push(...this.finish());
      this.#open.push({ ...piece, text });
    }
    return ended;
  }

  /** What is left; nothing where it has no words. */
  finish(): Line[] {
    const pieces = this.#open;
    this.#open = [];
    const text = pieces.map(({ text }) => text).join("");
    const said = text.replace(/^[\s*•"“-]*(\d+[.)] )?|["”\s]+$/g, "");
    return said === "" ? [] : [{ text: said, pieces: pieces.filter(({ text }) => text !== "") }];
  }
}

/** All lines of a list. */
export function lines(pieces: readonly Piece[]): Line[] {
  const all = new Lines();
  return [...pieces.flatMap((piece) => all.push(piece)), ...all.finish()];
}
