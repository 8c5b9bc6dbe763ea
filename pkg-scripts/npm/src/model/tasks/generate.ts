// Free completion.

import type { Connection } from "../../engine/connection.js";
import type { FormatOptions } from "../format.js";
import { stream } from "../job.js";
import { type CallOptions, checkText, type ControlOptions, type SpeedOptions } from "../options.js";
import type { Piece, TextStream } from "../stream.js";

export interface SamplingOptions {
  /** 0 (the usual default; a model's files may set another) always takes the likeliest token; above 1 flattens the choice. */
  temperature?: number | undefined;
  /** Only the k likeliest tokens; 0 keeps all. */
  topK?: number | undefined;
  /** Only the likeliest tokens that together have this probability; 1 keeps all. */
  topP?: number | undefined;
  /** Only tokens at least this likely relative to the likeliest; 0 keeps all. */
  minP?: number | undefined;
  /** Above 1 discourages tokens that were there already; 1 changes nothing. */
  repetitionPenalty?: number | undefined;
  /** No run of this many tokens comes twice; 0 (default) allows it. */
  noRepeatNgram?: number | undefined;
  /** The same seed gives the same text on the same device. Without one, each call draws its own. */
  seed?: number | undefined;
}

export interface GenerateOptions extends CallOptions, ControlOptions, FormatOptions, SamplingOptions, SpeedOptions {
  /** At most this many tokens; 128 unless the model's files say otherwise. */
  maxNewTokens?: number | undefined;
  /**
   * By an encoder-decoder (T5, Opus-MT, BART): so many outputs are written at once, 1 to 16, and the likeliest is given when it is complete; by default as many as
   * its files say. Above 1 there are no pieces before that.
   */
  numBeams?: number | undefined;
  /** With `numBeams`: above 0 longer outputs are preferred, below 0 shorter ones; 1 unless the model's files say otherwise. */
  lengthPenalty?: number | undefined;
  /**
   * With `numBeams`: `true` ends the search when `numBeams` outputs are complete; `false` when it is not likely that a better one follows, the usual
   * default; `"never"` when none can follow.
   */
  earlyStopping?: boolean | "never" | undefined;
  /** By an encoder-decoder: no end before so many tokens. */
  minNewTokens?: number | undefined;
  /** Texts that end the output; they are not part of it. */
  stop?: string | readonly string[] | undefined;
  /** Ids of tokens that end the output, beside those that the model's files name. */
  stopTokens?: readonly number[] | undefined;
  /** Only numbers and names that occur in this text can be written: what is written is held to its source. */
  groundedIn?: string | undefined;
}

/** @internal */
export function generate(engine: Connection, prompt: string, options: GenerateOptions): TextStream<Piece> {
  checkText("prompt", prompt);
  return stream(engine, { task: "generate", input: prompt, options }, { pieces: "piece" });
}
