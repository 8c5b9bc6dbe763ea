// What a head over tokens says of a whole text, window by window.

import type { TokenLogits } from "../../engine.js";
import type { Connection } from "../../engine/connection.js";
import { type CallOptions, checkCallOptions, inBackground } from "../options.js";
import { unknownOption } from "../../errors.js";
import { report } from "../job.js";
import type { Place } from "../places.js";

/** A word as the model's tokenizer has it. */
export interface Word extends Place {
  /** Outputs of each of its tokens. */
  tokens: Float32Array[];
}

/** What one pass of the model read. */
export interface Window {
  /** Its words, with their places in the whole text. */
  words: Word[];
  /** Outputs of the first row, which stands for no word. */
  first: Float32Array;
  labels: string[];
}

/** More of a text than a window takes of any language, so that a long one is not tokenized to its end for each. */
const UNITS_A_TOKEN = 16;
/** Of a window's words, those that the next one reads again: each is then read with something on both sides. */
const OVERLAP = 4;

/** The windows of a text, from its beginning to its end, each overlapping the one before by a quarter. */
export async function windowsOf(
  connection: Connection,
  text: string,
  question: string | undefined,
  contextLength: number,
  call: CallOptions,
): Promise<Window[]> {
  checkCallOptions(call);
  const { signal, onProgress } = call;
  const windows: Window[] = [];
  for (let from = 0; ; ) {
    signal?.throwIfAborted();
    const end = cutAt(text, from, from + contextLength * UNITS_A_TOKEN);
    const request = { method: "readTokens", text: text.slice(from, end), question } as const;
    const window = windowOf(await connection.send<TokenLogits>(request, { signal, background: inBackground(call) }).answer, from);
    windows.push(window);
    const last = window.words.at(-1);
    // Behind the last word there is nothing that the model could read.
    const read = last === undefined || text.slice(last.end, end).trim() === "" ? end : last.end;
    report(onProgress, { phase: "score", loaded: read, total: text.length });
    if (read >= text.length) return windows;
    from = nextFrom(text, window.words, read, from);
  }
}

/** Where the next window begins: at the space before a word, as that is how a word reads that is not the first of a text. */
function nextFrom(text: string, words: readonly Word[], read: number, from: number): number {
  const again = words[words.length - Math.floor(words.length / OVERLAP)];
  const start = again === undefined ? read : again.start - Number(/\s/.test(text[again.start - 1] ?? ""));
  return start > from ? start : read;
}

/** Between words where there is a space in the window's second half, and not inside a character: always behind `from`. */
function cutAt(text: string, from: number, end: number): number {
  if (end >= text.length) return text.length;
  for (let at = end; at > (from + end) / 2; at--) if (/\s/.test(text[at] as string)) return at;
  return end - Number(/[\uD800-\uDBFF]/.test(text[end - 1] ?? ""));
}

function windowOf({ labels, logits, words: places }: TokenLogits, from: number): Window {
  const n = labels.length;
  const words: Word[] = [];
  for (let i = 0; i * 2 < places.length; i++) {
    const [start, end] = [from + (places[i * 2] as number), from + (places[i * 2 + 1] as number)];
    const token = logits.subarray((i + 1) * n, (i + 2) * n);
    const last = words.at(-1);
    if (last?.start === start && last.end === end) last.tokens.push(token);
    else if (end > start) words.push({ start, end, tokens: [token] });
  }
  return { labels, first: logits.subarray(0, n), words };
}

/** Refuses what is no option of a call: a misspelt one must not silently do nothing. */
export function checkNames({ signal: _, onProgress: __, priority: ___, ...unknown }: CallOptions, known: readonly string[] = []): void {
  for (const name of Object.keys(unknown)) throw unknownOption(name, [...known, "signal", "onProgress", "priority"]);
}

/** Probabilities of logits. */
export function softmax(logits: ArrayLike<number>): number[] {
  const all = Array.from(logits);
  const most = Math.max(...all);
  const powers = all.map((x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
