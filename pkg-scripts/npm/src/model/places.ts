// Parts of a text. Every offset counts UTF-16 code units: `text.slice(start, end)`.

/** A part of the text. */
export interface Place {
  start: number;
  /** Exclusive. */
  end: number;
}
