// Parts of a text. Every offset counts UTF-16 code units: `text.slice(start, end)`. Where the text is HTML or
// Markdown they are those of the source.

/** A part of the text. */
export interface Place {
  /** Inclusive. */
  start: number;
  /** Exclusive. */
  end: number;
}
