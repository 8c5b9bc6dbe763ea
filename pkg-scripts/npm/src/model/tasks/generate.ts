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
