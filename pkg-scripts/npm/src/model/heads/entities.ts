// Entities by the labels of tokens, in the scheme that the labels' names show.

import type { Connection } from "../../engine/connection.js";
import { optionError } from "../../errors.js";
import type { Entity, EntityOptions } from "../tasks/entities.js";
import { checkNames, softmax, type Window, windowsOf } from "./read.js";

/** What the model says of a word. */
interface Said {
  start: number;
  end: number;
  label: string;
  score: number;
}

/**
 * Where in an entity a word stands: `B` begins one, `L` ends one, `U` is one by itself; `I` goes on, as do all words of one type in schemes
 * that have no marks. BILOU, BIOES (`E` and `S` for `L` and `U`) and BIO.
 */
type Mark = "B" | "I" | "L" | "U";
const MARKS: Readonly<Record<string, Mark>> = { B: "B", I: "I", L: "L", E: "L", U: "U", S: "U" };
const MARKED = /^([BILUES])[-_](.+)$/;

/**
 * The entities that the model finds in the whole text, in its order, and which of the types that were asked for are not the model's. The
 * label of a word is that of its first token.
 */
export async function byTokens(
  connection: Connection,
  text: string,
  contextLength: number,
  { types, ...call }: EntityOptions,
): Promise<{ found: Entity[]; others: readonly string[] }> {
  if (types !== undefined && !(Array.isArray(types) && types.length > 0)) throw optionError("types", "a list of at least one type", types);
  checkNames(call, ["types"]);
  const windows = await windowsOf(connection, text, undefined, contextLength, call);
  const own = new Set(windows[0]?.labels.map(typeOf));
  const found = merged(wordsOf(windows))
    .filter(({ type }) => types?.includes(type) ?? true)
    .map(({ start, end, type, score }) => ({ text: text.slice(start, end), type, start, end, score }));
  return { found, others: types?.filter((type) => !own.has(type)) ?? [] };
}

function typeOf(label: string): string {
  return MARKED.exec(label)?.[2] ?? label;
}

/** Every word once: of two windows, as the one says that has more of the text around it. */
export function wordsOf(windows: readonly Window[]): Said[] {
  const best = new Map<number, Said & { room: number }>();
  for (const { words, labels } of windows) {
    words.forEach(({ start, end, tokens }, i) => {
      const room = Math.min(i, words.length - 1 - i);
      if (room <= (best.get(start)?.room ?? -1)) return;
      const all = softmax(tokens[0] as Float32Array);
      const score = Math.max(...all);
      best.set(start, { start, end, label: labels[all.indexOf(score)] as string, score, room });
    });
  }
  return [...best.values()].sort((a, b) => a.start - b.start);
}

/** Words of one entity as one: its score is the mean of theirs. */
export function merged(words: readonly Said[]): { start: number; end: number; type: string; score: number }[] {
  const all: { start: number; end: number; type: string; scores: number[] }[] = [];
  let isOpen = false;
  for (const { start, end, label, score } of words) {
    const [, letter, marked] = MARKED.exec(label) ?? [];
    const mark: Mark = MARKS[letter ?? ""] ?? "I";
    const type = marked ?? label;
    const last = all.at(-1);
    if (label === "O") {
      isOpen = false;
    } else {
      if (isOpen && last?.type === type && (mark === "I" || mark === "L")) {
        last.end = end;
        last.scores.push(score);
      } else {
        all.push({ start, end, type, scores: [score] });
      }
      isOpen = mark === "B" || mark === "I";
    }
  }
  return all.map(({ scores, ...place }) => ({ ...place, score: scores.reduce((a, b) => a + b, 0) / scores.length }));
}
