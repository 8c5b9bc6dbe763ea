// Whether a text looks personal: what has a form of its own, such as addresses of e-mail and numbers of cards. Names have none.

/** A place in a text, in UTF-16 code units. */
export interface Span {
  start: number;
  end: number;
  /** What stands there, such as `email`; it names what takes its place. */
  type?: string | undefined;
}

interface Pattern {
  type: string;
  form: RegExp;
  /** Whether what has the form is one. */
  fits?: (text: string) => boolean;
}

const digitsOf = (text: string): string => text.replace(/\D/g, "");

/** The check digit of cards (Luhn). */
function isCard(text: string): boolean {
  const digits = digitsOf(text);
  if (digits.length < 13 || digits.length > 19 || /^0+$/.test(digits)) return false;
  const sum = [...digits].reverse().reduce((sum, digit, i) => {
    const value = Number(digit) * (i % 2 === 1 ? 2 : 1);
    return sum + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

/** The check digits of an IBAN: as a number with letters from 10 to 35, what remains of 97 is 1. */
function isIban(text: string): boolean {
  const plain = text.replace(/\s/g, "");
  if (plain.length < 15 || plain.length > 34) return false;
  const moved = plain.slice(4) + plain.slice(0, 4);
  let rest = 0;
  for (const character of moved) for (const digit of String(Number.parseInt(character, 36))) rest = (rest * 10 + Number(digit)) % 97;
  return rest === 1;
}

const isPhone = (text: string): boolean => {
  const digits = digitsOf(text);
  return digits.length >= 8 && digits.length <= 15 && !/^\d{4}-\d{2}-\d{2}/.test(text);
};

const isAddress = (text: string): boolean => text.split(".").every((part) => Number(part) < 256);

/** The earlier ones win where two find the same place. */
const PATTERNS: readonly Pattern[] = [
  { type: "email", form: /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu },
  { type: "key", form: /\b(?:sk|pk|rk|ghp|gho|github_pat|xox[abp]|AKIA|AIza)[-_A-Za-z0-9]{16,}/g },
  { type: "iban", form: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b/g, fits: isIban },
  { type: "card", form: /\b\d(?:[ -]?\d){12,18}\b/g, fits: isCard },
  { type: "ssn", form: /\b\d{3}-\d{2}-\d{4}\b/g },
  { type: "ip", form: /\b(?:\d{1,3}\.){3}\d{1,3}\b/g, fits: isAddress },
  { type: "phone", form: /(?:\+\d{1,3}[ ./-]?)?(?:\(\d{1,5}\)[ ./-]?)?\b\d{2,5}(?:[ ./-]?\d{2,5}){1,5}\b/g, fits: (text) => isPhone(text) && /^\+|^\(|^0|[ ./-]/.test(text) },
];

/** What looks personal in a text, in its order and without overlaps. */
export function personalIn(text: string): Span[] {
  const spans: Span[] = [];
  for (const { type, form, fits } of PATTERNS) {
    for (const match of text.matchAll(form)) {
      const span = { start: match.index, end: match.index + match[0].length, type };
      if ((fits?.(match[0]) ?? true) && !spans.some((other) => overlap(span, other))) spans.push(span);
    }
  }
  return spans.sort((a, b) => a.start - b.start);
}

const overlap = (a: Span, b: Span): boolean => a.start < b.end && b.start < a.end;

/** What names things and says nothing. */
const NAMES = new Set([
  "model", "role", "type", "id", "call_id", "tool_call_id", "previous_response_id", "encoding_format", "tool_choice", "reasoning_effort", "service_tier", "truncation",
]);

/** A value, such as a body, with its texts changed. Keys stay, and what names things. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((each) => mapTexts(each, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, NAMES.has(key) ? each : mapTexts(each, change)]));
}

/** Every text in a value. */
export function textsIn(value: unknown): string[] {
  const found: string[] = [];
  mapTexts(value, (text) => {
    found.push(text);
    return text;
  });
  return found;
}

const PLACEHOLDER = /\[[A-Z]+_\d+\]/g;

/** Finds what is personal, and puts something else in its place. */
export class Redaction {
  readonly #more: ((text: string) => readonly Span[] | Promise<readonly Span[]>) | undefined;
  readonly #byOriginal = new Map<string, string>();
  readonly #byPlaceholder = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  #texts: readonly string[] = [];

  constructor(more: ((text: string) => readonly Span[] | Promise<readonly Span[]>) | undefined) {
    this.#more = more;
  }

  /** Whether anything was found. */
  get found(): boolean {
    return this.#byOriginal.size > 0;
  }

  /** Looks at all texts of a body. */
  async read(body: unknown): Promise<void> {
    this.#texts = textsIn(body);
    for (const text of this.#texts) {
      const more = (await this.#more?.(text)) ?? [];
      for (const { start, end, type } of [...more, ...personalIn(text)]) this.#name(text.slice(start, end), type ?? "personal");
    }
  }

  #name(original: string, type: string): void {
    if (original.trim() === "" || this.#byOriginal.has(original)) return;
    const word = type.toUpperCase().replace(/[^A-Z]/g, "") || "PERSONAL";
    let placeholder: string;
    do {
      const count = (this.#counts.get(word) ?? 0) + 1;
      this.#counts.set(word, count);
      placeholder = `[${word}_${count}]`;
      // What the text has of this form is the visitor's own.
    } while (this.#texts.some((text) => text.includes(placeholder)));
    this.#byOriginal.set(original, placeholder);
    this.#byPlaceholder.set(placeholder, original);
  }

  /** A body without what was found, and how many places that were. Wherever the same words stand, they are replaced. */
  hide(body: unknown): { body: unknown; places: number } {
    // The longer ones first: one may stand in another. All at once: one may stand in what takes another's place.
    const originals = [...this.#byOriginal.keys()].sort((a, b) => b.length - a.length);
    if (originals.length === 0) return { body, places: 0 };
    const any = new RegExp(originals.map((original) => original.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"), "g");
    let places = 0;
    const change = (text: string): string =>
      text.replace(any, (original) => {
        places++;
        return this.#byOriginal.get(original) as string;
      });
    return { body: mapTexts(body, change), places };
  }

  /** A whole text of an answer with the originals in it. */
  restore = (text: string): string => text.replace(PLACEHOLDER, (placeholder) => this.#byPlaceholder.get(placeholder) ?? placeholder);

  /** For an answer that comes in pieces: what may be the beginning of a placeholder is held back. */
  stream(): { push(text: string): string; finish(): string } {
    const longest = Math.max(0, ...[...this.#byPlaceholder.keys()].map((placeholder) => placeholder.length));
    let held = "";
    return {
      push: (text) => {
        held = this.restore(held + text);
        const open = held.lastIndexOf("[");
        const waits = open >= 0 && held.length - open < longest && /^\[[A-Z]*(_\d*)?$/.test(held.slice(open));
        const given = waits ? held.slice(0, open) : held;
        held = held.slice(given.length);
        return given;
      },
      finish: () => {
        const given = this.restore(held);
        held = "";
        return given;
      },
    };
  }
}
