// Texts in other words, or in another language: for chat models.

import type { CallOptions, SpeedOptions } from "../options.js";

export interface RewriteOptions extends CallOptions, SpeedOptions {
  /** `as-is` is the default. */
  tone?: "as-is" | "more-formal" | "more-casual" | undefined;
  /** `as-is` is the default. */
  length?: "as-is" | "shorter" | "longer" | undefined;
  /** What else to heed, in a sentence: `"Use short sentences."` */
  instruction?: string | undefined;
}

export interface TranslateOptions extends CallOptions, SpeedOptions {
  /** The language to translate into: `"de"`, `"pt-BR"`, `"German"`. */
  to: string;
  /** The language of the text, where the model shall not find out. */
  from?: string | undefined;
}
