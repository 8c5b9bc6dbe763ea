// What the tasks that find things give back. Every offset counts UTF-16 code units: `text.slice(start, end)`.

/** A part of the text. */
export interface Place {
  start: number;
  /** Exclusive. */
  end: number;
}

/** A sentence of a summary: where it stands in the summary, and the sentences of the text that it is made of or agrees with. */
export interface Supported extends Place {
  /** In the order of the text; empty where no sentence supports it. */
  sources: Place[];
}

/** A label and how likely the text bears it. */
export interface Label {
  label: string;
  /** Probability, against the other labels: together they are 1. */
  score: number;
}

/** A name, number, date or the like. */
export interface Entity extends Place {
  text: string;
  /**
   * `PER`, `LOC`, `ORG`, `MISC` with the default model; `NUMBER`, `DATE`, `TIME`, `MONEY`, `EMAIL`, `URL` with any, found by
   * their form.
   */
  type: string;
  /** 0 to 1: how sure the model is; 1 for what is found by its form. */
  score: number;
}

/** A phrase that says what the text is about. */
export interface Keyword {
  /** As it stands at its first place. */
  text: string;
  /** 0 to 1, relative to the best of the text. */
  score: number;
  /** Every place where it stands, in any form (singular, plural, capitals). */
  places: Place[];
}

/** The part of a text that answers a question. */
export interface Answer extends Place {
  text: string;
  /** 0 to 1: how well the sentence fits the question, and the part what it asks for. */
  score: number;
  /** The sentence around it. */
  sentence: Place;
}
