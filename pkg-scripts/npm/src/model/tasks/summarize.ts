// Summaries of texts of any length.

import type { Connection } from "../../engine/connection.js";
import { stream } from "../job.js";
import { type CallOptions, checkOptions, checkText, type SpeedOptions } from "../options.js";
import type { Piece, Point, TextStream } from "../stream.js";

export interface SummarizeOptions extends CallOptions, SpeedOptions {
  /**
   * `tldr` (default): the gist. `headline`: one line. Both are written by the model, or, with a model as small as the
   * default one, made of a sentence of the text, so that nothing is invented. `key-points`: the most telling sentences
   * of the text itself, in its order; by a chat model, points in its own words, each with the place of the sentence that says the same,
   * and none that no sentence supports. The platform's `Summarizer` has `key-points` as its default instead.
   */
  type?: "tldr" | "key-points" | "headline" | undefined;
  /** 3, 5 or 7 key points; 1, 2 or 3 sentences of a copied `tldr`, some more of one by a chat model. `short` is the default. */
  length?: "short" | "medium" | "long" | undefined;
  /**
   * Where the model writes freely: only numbers and names that occur in the text can be written (default). The default
   * model copies, so it makes no difference there.
   */
  grounded?: boolean | undefined;
  /**
   * Of a `headline`: the title of the page that the text is from (`extract` of `nanolm/extract` gives it). Where it fits the text, it is the
   * headline, without the name of the site; `result.sentences` then says so. A title that the text does not bear out is not taken: of another
   * article, of the site, of a notice.
   */
  title?: string | undefined;
}

/** @internal As the model was trained to. */
export function summarize(engine: Connection, text: string, options: SummarizeOptions): TextStream<Piece> | TextStream<Point> {
  checkText("text", text);
  const type = checkOptions(options).type ?? "tldr";
  const start = { task: "summarize", input: text, options: { ...options, type } };
  return type === "key-points"
    ? stream<Point>(engine, start, { pieces: "point", lists: { points: "point" } })
    : stream<Piece>(engine, start, { pieces: "piece", lists: { sentences: "support" } });
}
