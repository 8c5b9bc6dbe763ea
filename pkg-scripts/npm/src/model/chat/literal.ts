// Text from elsewhere inside a template's text: control tokens written out in it must not act, and the template must see the
// text as it is. So a character that nobody uses is put before what could act, and taken out of the rendered prompt again.

/** Unicode's noncharacters: no text has them, unless somebody puts one there. */
const FIRST_MARK = 0xfdd0;
const MARKS = 32;

/** What control tokens consist of, for looking them up in a text. */
export interface ControlTexts {
  tokens: ReadonlySet<string>;
  /** Beginnings and ends of tokens, whole ones not among them. */
  beginnings: ReadonlySet<string>;
  ends: ReadonlySet<string>;
  /** By their first character: the lengths there are. */
  lengths: ReadonlyMap<string, readonly number[]>;
  longest: number;
}

export function controlTexts(texts: Iterable<string>): ControlTexts {
  const tokens = new Set([...texts].filter((text) => text !== ""));
  const beginnings = new Set<string>();
  const ends = new Set<string>();
  const lengths = new Map<string, number[]>();
  let longest = 0;
  for (const token of tokens) {
    longest = Math.max(longest, token.length);
    for (let at = 1; at < token.length; at++) {
      beginnings.add(token.slice(0, at));
      ends.add(token.slice(at));
    }
    const known = lengths.get(token.charAt(0)) ?? [];
    if (!known.includes(token.length)) lengths.set(token.charAt(0), [...known, token.length]);
  }
  return { tokens, beginnings, ends, lengths, longest };
}

/**
 * Where a text could act: where a control token begins; where its end could be the beginning of one that goes on in what
 * follows; and its own beginning, where that could be the end of one.
 */
export function placesIn(text: string, { tokens, beginnings, ends, lengths, longest }: ControlTexts): number[] {
  const places = new Set<number>();
  for (let at = 0; at < text.length; at++) {
    if (lengths.get(text.charAt(at))?.some((length) => tokens.has(text.slice(at, at + length)))) places.add(at);
  }
  for (let length = Math.min(longest - 1, text.length); length > 0; length--) {
    if (beginnings.has(text.slice(-length))) places.add(text.length - length);
    if (ends.has(text.slice(0, length))) places.add(0);
  }
  return [...places].sort((a, b) => a - b);
}

export interface Marker {
  /** The value with the texts in it marked. */
  mark<T>(value: T): T;
  /** The rendered text without marks, and which of its UTF-8 bytes no control token may take in. */
  unmark(rendered: string): Marked;
  /** Whether anything was marked. */
  readonly used: boolean;
}

export interface Marked {
  text: string;
  literal: Uint32Array;
}

/** Under these keys stand words that the template compares, not text from elsewhere. */
const WORDS = ["role", "type"];

/** A marker for these values; undefined where they hold every character that could be used as a mark. */
export function markerFor(values: unknown, controls: ControlTexts): Marker | undefined {
  const all = JSON.stringify(values) ?? "";
  const mark = Array.from({ length: MARKS }, (_, i) => String.fromCharCode(FIRST_MARK + i)).find((code) => !all.includes(code));
  if (mark === undefined) return undefined;
  let used = false;
  const markText = (text: string): string => {
    const at = placesIn(text, controls);
    used ||= at.length > 0;
    return at.reduceRight((marked, place) => marked.slice(0, place) + mark + marked.slice(place), text);
  };
  const markValue = (value: unknown): unknown => {
    if (typeof value === "string") return markText(value);
    if (Array.isArray(value)) return value.map(markValue);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([key, each]) => [
      /^\w+$/.test(key) ? key : markText(key),
      WORDS.includes(key) && typeof each === "string" ? each : markValue(each),
    ]);
    return Object.fromEntries(entries);
  };
  return {
    mark: <T>(value: T) => markValue(value) as T,
    unmark(rendered) {
      const parts = rendered.split(mark);
      const encoder = new TextEncoder();
      let bytes = 0;
      const literal = parts.slice(0, -1).map((part) => (bytes += encoder.encode(part).length));
      return { text: parts.join(""), literal: Uint32Array.from(literal) };
    },
    get used() {
      return used;
    },
  };
}
