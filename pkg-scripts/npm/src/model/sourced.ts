// Tasks of encoder-decoders, which their files name with what to write before a text. All but this is downloaded when it is first used.

import type { Connection } from "../engine/connection.js";
import type { EngineInfo } from "../info.js";
import { deferred } from "./deferred.js";
import { type CallOptions, checkText } from "./options.js";
import type { Tasks } from "./sourced/index.js";
import type { Piece, Point, TextStream } from "./stream.js";

/** @internal */
export function sourced<Task extends keyof Tasks>(
  connection: Connection,
  { recipes = {}, contextLength }: EngineInfo,
  task: Task,
  text: string,
  options: Parameters<Tasks[Task]>[2] & CallOptions,
): TextStream<Piece & Point> {
  checkText("text", text);
  return deferred<Piece & Point>(options, async (sink, left) => {
    const { TASKS } = await import("./sourced/index.js");
    await TASKS[task]({ connection, recipes, contextLength, options, left }, text, options as never, sink);
  });
}
