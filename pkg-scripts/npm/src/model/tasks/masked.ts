// What a masked language model says of texts. What asks it is downloaded when it is first used (model/heads/masked.ts).

import type { CallOptions } from "../options.js";

export interface FillMaskOptions extends CallOptions {
  /** Tokens for each mask, 1 to 1000 (default 5). */
  topK?: number | undefined;
}

/** A token that may stand where a text is masked. */
export interface Fill {
  /** Which of the text's masks, from 0. */
  mask: number;
  /** Its id. */
  token: number;
  /** Its probability among all tokens, 0 to 1. */
  score: number;
  /** What it writes. */
  text: string;
  /** The text with it in the mask's place, as the model's tokenizer writes texts; other masks are left out. */
  sequence: string;
}

/** A text as weights of tokens: those that it has, and those that it could have. */
export interface SparseVector {
  /** Tokens with a weight, the lowest id first; `model.detokenize([id])` is what one writes. */
  ids: Uint32Array;
  /** Of each, above 0. */
  weights: Float32Array;
}
