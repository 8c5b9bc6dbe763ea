// What a text is about, in its own phrases.

import type { Connection } from "../../engine/connection.js";
import { collect } from "../job.js";
import { type CallOptions, checkText } from "../options.js";
import type { Place } from "../places.js";

export interface KeywordOptions extends CallOptions {
  /** At most this many; 10 by default. */
  limit?: number | undefined;
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

/** @internal */
export async function extractKeywords(engine: Connection, text: string, options: KeywordOptions): Promise<Keyword[]> {
  checkText("text", text);
  return collect(engine, { task: "keywords", input: text, options }, "keyword");
}
