// Texts written anew paragraph by paragraph, with what stood between them.

import type { Piece, Result, StreamSink } from "../stream.js";
import { together } from "./ask.js";

/** `cut` says in which parts a paragraph is written, `write` writes one. */
export async function paragraphs(
  text: string,
  left: AbortSignal,
  cut: (paragraph: string) => Promise<string[]>,
  write: (part: string, give: (piece: Piece) => void) => Promise<Result>,
  sink: StreamSink<Piece>,
): Promise<void> {
  const results: Result[] = [];
  let written = "";
  let last: Piece | undefined;
  const give = (piece: Piece): void => {
    written += piece.text;
    last = piece;
    sink.piece(piece);
  };
  for (const [i, paragraph] of text.split(/(\s*\n\s*\n\s*|^\s+|\s+$)/).entries()) {
    if (left.aborted) break;
    if (i % 2 === 1 || paragraph.trim() === "") {
      // White space is nobody's token: it belongs to the one before it.
      if (paragraph !== "" && last !== undefined) give({ ...last, text: paragraph });
      continue;
    }
    for (const [k, part] of (await cut(paragraph)).entries()) {
      if (left.aborted) break;
      if (k > 0 && last !== undefined) give({ ...last, text: " " });
      results.push(await write(part, give));
    }
  }
  sink.done(together(results, written));
}
