// Code and texts completed at a place in their middle, by the tokens that a model was trained with for that (Bavarian et al. 2022, arXiv
// 2207.14255).

import { UnsupportedError } from "../../errors.js";
import { isDone, type JobEvent } from "../../engine/protocol.js";
import { sourceOf } from "../chat/source.js";
import { resultOf, runJob } from "../job.js";
import { checkText } from "../options.js";
import type { Piece, Result, StreamSink } from "../stream.js";
import type { CompleteOptions } from "../tasks/complete.js";
import { NOTHING } from "../chat/run.js";
import type { Call } from "./ask.js";

/** What comes before, what comes after, and what is to be written: as model families call them. */
const MARKS = [
  ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"],
  ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"],
  ["<fim-prefix>", "<fim-suffix>", "<fim-middle>"],
  ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"],
  ["▁<PRE>", "▁<SUF>", "▁<MID>"],
  ["<PRE>", "<SUF>", "<MID>"],
] as const;
/** Control tokens that no completion has in it: where one is written, it is over. */
const ENDS = /fim|file_sep|file_separator|repo_name|cursor|<EOT>|▁<EOT>|endoftext|end_of_text/;
/** Tokens written where the caller does not say: a few lines. */
const MAX_NEW_TOKENS = 128;
/** Of the room for what is read, what comes before gets so much where both are too long. */
const BEFORE = 0.75;

export async function complete({ connection, left }: Call, before: string, options: CompleteOptions, sink: StreamSink<Piece>): Promise<void> {
  const { after = "", signal, onProgress, priority, ...rest } = options;
  checkText("after", after);
  const source = await sourceOf(connection);
  const marks = MARKS.find((marks) => marks.every((mark) => source.controls.has(mark)));
  if (marks === undefined && after !== "") {
    const why = "its vocabulary has no tokens for filling in the middle. Leave out the option after, or use a code model";
    throw new UnsupportedError("task/unsupported", `the model cannot do complete with after: ${why}`, { task: "complete", why });
  }
  const read = async (text: string, addSpecial = false): Promise<number[]> => [
    ...(await connection.send<Uint32Array>({ method: "tokenize", text, addSpecial, literal: undefined }).answer),
  ];
  const maxNewTokens = rest.maxNewTokens ?? MAX_NEW_TOKENS;
  const [special, prefix, suffix] = await Promise.all([read("", true), read(before), read(after)]);
  const room = Math.max(1, source.contextLength - special.length - 3 - maxNewTokens);
  const least = Math.min(suffix.length, Math.floor(room * (1 - BEFORE)));
  // What is nearest to the place counts most.
  const kept = prefix.slice(-Math.max(1, Math.min(prefix.length, room - least)));
  const mark = (i: number): number => source.controls.get(marks?.[i] ?? "") as number;
  const tokens =
    marks === undefined || after === ""
      ? [...special, ...kept]
      : [...special, mark(0), ...kept, mark(1), ...suffix.slice(0, Math.max(0, room - kept.length)), mark(2)];
  const stopTokens = [...source.controls].filter(([text]) => ENDS.test(text)).map(([, id]) => id);
  signal?.throwIfAborted();
  if (left.aborted) return sink.done(NOTHING);

  let result: Result = NOTHING;
  const listen = (event: JobEvent): void => {
    if (isDone(event)) {
      result = resultOf(event);
    } else if (event.type === "piece") {
      const { text, tokenId, logprob } = event as unknown as Piece;
      sink.piece({ text, tokenId, logprob });
    }
  };
  const all = { temperature: 0, ...rest, maxNewTokens, stopTokens: [...(rest.stopTokens ?? []), ...stopTokens] };
  const { id, answer } = runJob(connection, { method: "chat", tokens: Uint32Array.from(tokens), options: all }, { signal, onProgress, priority }, listen, sink.stopped);
  left.addEventListener("abort", () => connection.cancel(id));
  await answer;
  sink.done(result);
}
