// What was corrected in a text: the places where two texts differ, word by word, and whether that is still proofreading.

export type CorrectionType = "spelling" | "punctuation" | "capitalization" | "grammar";

/** `correction` stands in place of what is from `startIndex` to `endIndex`, in UTF-16 code units of the text as it was. */
export interface Correction {
  startIndex: number;
  endIndex: number;
  correction: string;
}

const TOKENS = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}]+)*|\s+|[^]/gu;
const tokensOf = (text: string): string[] => text.match(TOKENS) ?? [];
const isWord = (token: string): boolean => /[\p{L}\p{N}]/u.test(token);
const wordsOf = (text: string): string[] => tokensOf(text).filter(isWord);

/** Words count more than what is between them: they are what shall stay. */
const weight = (token: string): number => (isWord(token) ? 4 : 1);

/** The fewest changes that make one text the other. Those put in place from the last to the first give `after` exactly. */
export function corrections(before: string, after: string): Correction[] {
  const [a, b] = [tokensOf(before), tokensOf(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) [endA, endB] = [endA - 1, endB - 1];
  const [rows, columns] = [endA - start, endB - start];
  // What of the two remainders can stay, at most.
  const stays = new Uint32Array((rows + 1) * (columns + 1));
  const at = (i: number, j: number): number => stays[i * (columns + 1) + j] as number;
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      const token = a[start + i] as string;
      const both = token === b[start + j] ? at(i + 1, j + 1) + weight(token) : 0;
      stays[i * (columns + 1) + j] = Math.max(both, at(i + 1, j), at(i, j + 1));
    }
  }
  const found: Correction[] = [];
  let index = a.slice(0, start).join("").length;
  let open: Correction | undefined;
  for (let [i, j] = [0, 0]; i < rows || j < columns; ) {
    const [old, now] = [a[start + i] as string, b[start + j] as string];
    if (i < rows && j < columns && old === now && at(i, j) === at(i + 1, j + 1) + weight(old)) {
      open = undefined;
      index += old.length;
      i++;
      j++;
      continue;
    }
    if (open === undefined) found.push((open = { startIndex: index, endIndex: index, correction: "" }));
    if (j === columns || (i < rows && at(i + 1, j) >= at(i, j + 1))) {
      index += old.length;
      open.endIndex = index;
      i++;
    } else {
      open.correction += now;
      j++;
    }
  }
  return found;
}

/** How many letters have to be changed, added or taken away to make one word the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** Whether the two may be the same word, one of them misspelt: at most this share of the letters differs. */
const isNear = (a: string, b: string, share = 0.5): boolean => distance(a.toLowerCase(), b.toLowerCase()) <= Math.max(1, share * Math.max(a.length, b.length));

/** Of a text's words so many may be new or gone, that are near to none in their place. */
const SHARE = 0.3;
const ALWAYS = 2;

/** Whether the text was corrected, and not written anew: the same numbers, no new names, and most of its words. */
export function isProofread(before: string, after: string): boolean {
  const numbers = (text: string): string => (text.match(/\p{N}+/gu) ?? []).join(" ");
  if (numbers(before) !== numbers(after)) return false;
  const known = new Set(wordsOf(before).map((word) => word.toLowerCase()));
  let strange = 0;
  let moved = 0;
  for (const { startIndex, endIndex, correction } of corrections(before, after)) {
    const [old, now] = [wordsOf(before.slice(startIndex, endIndex)), wordsOf(correction)];
    const added = now.filter((word) => !old.some((each) => isNear(each, word)));
    // Where a sentence begins, nobody can tell a name.
    const begins = /(^|[.!?:]["'’”)]*\s+)["'‘“(]*$/u.test(before.slice(0, startIndex));
    if (added.some((word, i) => /^\p{Lu}/u.test(word) && !known.has(word.toLowerCase()) && !(begins && i === 0))) return false;
    strange += Math.max(added.length, old.filter((word) => !now.some((each) => isNear(each, word))).length);
    moved += Math.abs(now.length - old.length);
  }
  return Math.max(strange, moved) <= Math.max(ALWAYS, SHARE * known.size);
}

/** What kind of a mistake it was, as far as the change itself tells. */
export function typesOf(old: string, now: string): CorrectionType[] {
  const [a, b] = [wordsOf(old), wordsOf(now)];
  const types: CorrectionType[] = [];
  const rest = (text: string): string => tokensOf(text).filter((token) => !isWord(token)).join("");
  const lower = (words: string[]): string => words.join(" ").toLowerCase();
  if (lower(a) !== lower(b)) types.push(a.length === b.length && a.every((word, i) => isNear(word, b[i] as string, 0.34)) ? "spelling" : "grammar");
  else if (a.join(" ") !== b.join(" ")) types.push("capitalization");
  if (rest(old).trim() !== rest(now).trim() || types.length === 0) types.push("punctuation");
  return types;
}
