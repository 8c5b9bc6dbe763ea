// Summaries by models that were trained for them. Of a long text, parts are summarized, and then what was written of them.

import { optionError, UnsupportedError } from "../../errors.js";
import { together } from "../instruct/ask.js";
import { checkNames } from "../instruct/check.js";
import { partsOf, room, sentencesOf, tokens } from "../instruct/text.js";
import type { Piece, Result, StreamSink, Supported } from "../stream.js";
import type { SummarizeOptions } from "../tasks/summarize.js";
import { type Call, names, type Recipe, recipe, write } from "./recipe.js";

export async function summarize(call: Call, text: string, options: SummarizeOptions, sink: StreamSink<Piece>): Promise<void> {
  const { type = "tldr", length = "short", grounded = false } = options;
  checkNames(options, ["type", "length", "grounded", "title"]);
  const name = names(call.recipes).find((each) => each.startsWith("summarization"));
  const refuse = (why: string): never => {
    throw new UnsupportedError("task/unsupported", `the model cannot do ${type}: ${why}`, { task: type, why });
  };
  if (name === undefined) return refuse("its files name no summaries (task_specific_params): use generate");
  if (type !== "tldr") return refuse("it was trained to write summaries of one kind (tldr)");
  if (length !== "short") throw optionError("length", '"short": the model writes as much as it was trained to', length);
  if (typeof grounded !== "boolean") throw optionError("grounded", "true or false", grounded);
  const own = recipe(call, name);
  const most = room(call.contextLength, 2 + (await tokens(call.connection, own.prefix)));
  const results: Result[] = [];
  let parts = await partsOf(call.connection, text, await sentencesOf(call.connection, text, true), most);
  while (parts.length > 1 && !call.left.aborted) {
    const written: string[] = [];
    for (const part of parts) {
      if (call.left.aborted) break;
      const result = await write(call, groundedIn(own, grounded, part), part, () => {});
      // Of these a limit may cut the last sentence.
      results.push({ ...result, finishReason: result.finishReason === "abort" ? "abort" : "stop" });
      written.push(result.text.trim());
    }
    const shorter = written.join("\n").trim();
    if (shorter === "" || call.left.aborted) break;
    const next = await partsOf(call.connection, shorter, await sentencesOf(call.connection, shorter, false), most);
    // A model that writes as much as it reads comes to no end by itself.
    parts = next.length < parts.length ? next : next.slice(0, 1);
  }
  const last = await write(call, groundedIn(own, grounded, text), parts[0] ?? text, (piece) => sink.piece(piece));
  results.push(last);
  const sentences = await call.connection.send<Supported[]>({ method: "support", text, written: last.text }).answer;
  sink.done({ ...together(results, last.text), sentences });
}

/** Held to a text, one output is written at a time. */
function groundedIn({ prefix, options }: Recipe, grounded: boolean, text: string): Recipe {
  if (!grounded) return { prefix, options };
  const { lengthPenalty: _, earlyStopping: __, ...rest } = options;
  return { prefix, options: { ...rest, numBeams: 1, groundedIn: text } };
}
