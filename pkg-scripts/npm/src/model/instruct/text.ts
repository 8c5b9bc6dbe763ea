// A text as a model is given it: without markup, in parts that it has room for.

import type { Connection } from "../../engine/connection.js";
import type { Place } from "../places.js";

export interface Sentence extends Place {
  /** As it reads, in one line. */
  text: string;
}

/** Tokens of a part, at most: small models lose the thread of longer ones. */
const PART = 2048;

/** Tokens of a part in a model's context, where so many are needed for what else is read and written. */
export function room(contextLength: number, reserve: number): number {
  return Math.max(16, Math.min(PART, contextLength - reserve));
}

/** The sentences of a text, or, with `prose`, of the article in it, without what a page has around it. */
export function sentencesOf(connection: Connection, text: string, prose: boolean): Promise<Sentence[]> {
  return connection.send<Sentence[]>({ method: "sentences", text, prose }).answer;
}

export async function tokens(connection: Connection, text: string): Promise<number> {
  return (await connection.send<Uint32Array>({ method: "tokenize", text, addSpecial: false, literal: undefined }).answer).length;
}

/** Sentences in parts of at most so many tokens. A sentence that is longer alone is cut. */
export async function partsOf(connection: Connection, source: string, sentences: readonly Sentence[], most: number): Promise<string[]> {
  const whole = joined(source, sentences);
  if ((await tokens(connection, whole)) <= most) return [whole];
  const sizes = await Promise.all(sentences.map(({ text }) => tokens(connection, ` ${text}`)));
  const parts: string[] = [];
  let part: Sentence[] = [];
  let size = 0;
  const close = (): void => {
    if (part.length > 0) parts.push(joined(source, part));
    [part, size] = [[], 0];
  };
  sentences.forEach((sentence, i) => {
    const more = sizes[i] ?? 0;
    if (size + more > most) close();
    if (more > most) {
      parts.push(...cut(sentence.text, Math.ceil(more / most)));
    } else {
      part.push(sentence);
      size += more;
    }
  });
  close();
  return parts;
}

/** A text in so many parts of about the same length, between words where there are any. */
export function cut(text: string, n: number): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let i = 1; i <= n && from < text.length; i++) {
    const end = i === n ? text.length : Math.ceil((text.length * i) / n);
    const space = i === n ? -1 : text.lastIndexOf(" ", end);
    const to = space > from ? space : end;
    parts.push(text.slice(from, to).trim());
    from = to;
  }
  return parts.filter((part) => part !== "");
}

/** Every place where a text says something as whole words, whatever the white space between them. */
export function placesOf(text: string, said: string, flags = ""): Place[] {
  const words = said.split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return [];
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+");
  const all = text.matchAll(new RegExp(`(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])`, `gu${flags}`));
  return Array.from(all, (match) => ({ start: match.index, end: match.index + match[0].length }));
}

/** Sentences behind each other. What stood on lines of its own does so again. */
function joined(source: string, sentences: readonly Sentence[]): string {
  let text = "";
  sentences.forEach((sentence, i) => {
    const before = sentences[i - 1];
    if (before !== undefined) text += /\n\s*\n|</.test(source.slice(before.end, sentence.start)) ? "\n" : " ";
    text += sentence.text;
  });
  return text;
}
