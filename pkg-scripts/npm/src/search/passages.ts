// Long texts in passages: whole sentences, as many as fit.

import type { Place } from "../model/places.js";

/** Where there is no segmenter: a sentence ends at its mark, or with the line. */
const SENTENCE = /[^.!?\n]*(?:[.!?]+["')\]]*\s*|\n+|$)/g;

function sentences(text: string): Place[] {
  const places: Place[] = [];
  const add = (start: number, part: string): void => void (part.trim() !== "" && places.push({ start, end: start + part.length }));
  if (typeof Intl.Segmenter === "function") {
    const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
    // A line ends a sentence anyway, and of long texts engines segment a part four times as fast as the whole.
    for (const { index: start, 0: line } of text.matchAll(/.+/g)) {
      for (const { index, segment } of segmenter.segment(line)) add(start + index, segment);
    }
  } else {
    for (const found of text.matchAll(SENTENCE)) add(found.index, found[0]);
  }
  return places;
}

/** A sentence that is too long by itself, cut between words where that can be. */
function* pieces(text: string, { start, end }: Place, longest: number): Generator<Place> {
  let at = start;
  while (end - at > longest) {
    let cut = at + longest;
    while (cut > at && !/\s/.test(text[cut] as string)) cut -= 1;
    if (cut === at) {
      cut = at + longest;
      // Not within a character of two units.
      if (/[\uDC00-\uDFFF]/.test(text[cut] as string) && cut - 1 > at) cut -= 1;
    }
    yield { start: at, end: cut };
    at = cut;
  }
  yield { start: at, end };
}

/** The passages of a text, without white space around them; none of a text that is blank. `longest`: in UTF-16 code units. */
export function passagesOf(text: string, longest: number): Place[] {
  const found: Place[] = [];
  let open: Place | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const part = text.slice(open.start, open.end);
    const start = open.start + (part.length - part.trimStart().length);
    const end = open.end - (part.length - part.trimEnd().length);
    if (start < end) found.push({ start, end });
    open = undefined;
  };
  for (const sentence of sentences(text)) {
    for (const piece of pieces(text, sentence, longest)) {
      if (open !== undefined && piece.start + text.slice(piece.start, piece.end).trimEnd().length - open.start > longest) close();
      open = { start: open?.start ?? piece.start, end: piece.end };
    }
  }
  close();
  return found;
}
