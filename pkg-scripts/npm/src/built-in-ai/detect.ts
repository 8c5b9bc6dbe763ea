// Which language a text is in: by its script where that is enough, else by the letters and what stands together of them.

import { BELOW, FLOOR, PROFILES, SHARPNESS, STRANGE, USUAL } from "./profiles.js";

/** The scripts that tell a language, and how surely: others are written in some of them, too. */
const SCRIPTS: readonly (readonly [RegExp, string, number])[] = [
  [/\p{Script=Greek}/u, "el", 0.99],
  [/\p{Script=Hebrew}/u, "he", 0.95],
  [/\p{Script=Devanagari}/u, "hi", 0.8],
  [/\p{Script=Bengali}/u, "bn", 0.9],
  [/\p{Script=Tamil}/u, "ta", 0.99],
  [/\p{Script=Thai}/u, "th", 0.99],
  [/\p{Script=Hangul}/u, "ko", 0.99],
  [/\p{Script=Georgian}/u, "ka", 0.95],
  [/\p{Script=Armenian}/u, "hy", 0.99],
];

/** The languages of each script that several are told apart in. */
const CYRILLIC = ["ru", "uk", "bg"];
const LATIN = Object.keys(PROFILES).filter((tag) => !CYRILLIC.includes(tag));

/** Every tag that may come out. */
export const LANGUAGES: readonly string[] = [...LATIN, ...CYRILLIC, ...SCRIPTS.map(([, tag]) => tag), "ar", "fa", "ja", "zh"];

export interface Detected {
  /** The share of the text, from 0 to 1, by language. */
  shares: Map<string, number>;
  /** The share that is in none of them. */
  unknown: number;
}

/** Text beyond this tells nothing more. In UTF-16 code units. */
const ENOUGH = 20_000;

export function detect(text: string): Detected {
  const words = text.slice(0, ENOUGH).toLowerCase().normalize("NFC").match(/[\p{L}\p{M}]+/gu) ?? [];
  const parts = { latin: [] as string[], cyrillic: [] as string[], arabic: [] as string[], han: [] as string[] };
  const shares = new Map<string, number>();
  let unknown = 0;
  const add = (tag: string, share: number): void => void shares.set(tag, (shares.get(tag) ?? 0) + share);
  for (const word of words) {
    const script = SCRIPTS.find(([letters]) => letters.test(word));
    if (script !== undefined) {
      add(script[1], script[2] * word.length);
      unknown += (1 - script[2]) * word.length;
    } else if (/\p{Script=Latin}/u.test(word)) parts.latin.push(word);
    else if (/\p{Script=Cyrillic}/u.test(word)) parts.cyrillic.push(word);
    else if (/\p{Script=Arabic}/u.test(word)) parts.arabic.push(word);
    else if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(word)) parts.han.push(word);
    else unknown += word.length;
  }
  const found = [among(parts.latin, LATIN), among(parts.cyrillic, CYRILLIC), arabic(parts.arabic.join("")), han(parts.han.join(""))];
  for (const { size, likely } of found) {
    let left = size;
    for (const [tag, share] of likely) {
      add(tag, share * size);
      left -= share * size;
    }
    unknown += left;
  }
  const all = words.join("").length;
  if (all === 0) return { shares: new Map(), unknown: 1 };
  for (const [tag, share] of shares) shares.set(tag, share / all);
  return { shares, unknown: unknown / all };
}

interface Likely {
  size: number;
  likely: readonly (readonly [string, number])[];
}

/** Letters that Persian has and Arabic has not, some that look the same among them, and those of Urdu, which is unknown here. */
function arabic(letters: string): Likely {
  const count = (some: RegExp): number => letters.match(some)?.length ?? 0;
  if (count(/[ٹڈڑںے]/g) > letters.length / 100) return { size: letters.length, likely: [] };
  return { size: letters.length, likely: [[count(/[پچژگکی]/g) > count(/[يكةىأإ]/g) ? "fa" : "ar", 0.9]] };
}

/** Japanese has kana between its characters. */
function han(letters: string): Likely {
  const kana = letters.match(/[\p{Script=Hiragana}\p{Script=Katakana}]/gu)?.length ?? 0;
  return { size: letters.length, likely: [[kana > letters.length / 10 ? "ja" : "zh", 0.98]] };
}

/** The logarithms of how frequent letters, pairs and triples are in a language, and what a text of it usually scores. */
interface Profile {
  tag: string;
  logs: ReadonlyMap<string, number>;
  usual: number;
}

let made: Profile[] | undefined;

/** A profile as it is written has levels of half a bit, the most frequent first. */
function read(tag: string, written: string): Profile {
  const logs = new Map<string, number>();
  for (const [level, group] of written.split("|").entries()) {
    for (const [longer, grams] of group.split("/").entries()) {
      const letters = [...grams];
      for (let at = 0; at < letters.length; at += longer + 1) logs.set(letters.slice(at, at + longer + 1).join(""), (-(level + 1) * Math.LN2) / 2);
    }
  }
  return { tag, logs, usual: USUAL[tag] ?? 0 };
}

/** The letters, pairs and triples of a word. */
function* gramsOf(word: string): Generator<string, void> {
  const letters = [...` ${word} `];
  for (let length = 1; length <= 3; length++) {
    for (let at = 0; at <= letters.length - length; at++) {
      const gram = letters.slice(at, at + length).join("");
      if (gram !== " ") yield gram;
    }
  }
}

/** The probabilities of the languages of a script, by Bayes' rule, with every letter, pair and triple taken for independent. */
function among(words: readonly string[], tags: readonly string[]): Likely {
  const size = words.join("").length;
  if (size === 0) return { size, likely: [] };
  made ??= Object.entries(PROFILES).map(([tag, written]) => read(tag, written));
  const grams = words.flatMap((word) => [...gramsOf(word)]);
  const scored = made
    .filter(({ tag }) => tags.includes(tag))
    .map(({ tag, logs, usual }) => {
      const score = grams.reduce((sum, gram) => sum + (logs.get(gram) ?? ([...gram].length === 1 ? STRANGE : FLOOR)), 0);
      return { tag, usual, score };
    });
  const nearest = scored.reduce((a, b) => (b.score > a.score ? b : a));
  // A text that scores far less than is usual in what it is nearest to is in none of them.
  const none = { tag: "und", usual: 0, score: grams.length * (nearest.usual - BELOW) };
  // Neighbours are anything but independent: what they say is taken for less than it looks.
  const most = Math.max(nearest.score, none.score);
  const weights = [...scored, none].map(({ tag, score }) => [tag, Math.exp((score - most) * SHARPNESS)] as const);
  const sum = weights.reduce((sum, [, weight]) => sum + weight, 0);
  return { size, likely: weights.slice(0, -1).map(([tag, weight]) => [tag, weight / sum] as const) };
}
