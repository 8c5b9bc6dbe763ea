// Tasks that a model is asked for in words. All but this is downloaded when it is first used.

import { deferred } from "./deferred.js";
import type { Asked } from "./instruct/ask.js";
import type { Finders, Writers } from "./instruct/index.js";
import { type CallOptions, checkText } from "./options.js";
import type { Piece, Point, TextStream } from "./stream.js";

/** @internal A task that writes. */
export function written<Task extends keyof Writers>(
  asked: Asked,
  task: Task,
  text: string,
  options: Parameters<Writers[Task]>[2] & CallOptions,
): TextStream<Piece & Point> {
  checkText("text", text);
  return deferred<Piece & Point>(options, async (sink, left) => {
    const { WRITERS } = await import("./instruct/index.js");
    await WRITERS[task]({ ...asked, options, left }, text, options as never, sink);
  });
}

/** @internal */
export type FinderOptions<Task extends keyof Finders> = Parameters<Finders[Task]>[2];
/** @internal */
export type Found<Task extends keyof Finders> = Awaited<ReturnType<Finders[Task]>>;

/** @internal A task that gives a value. */
export async function found<Task extends keyof Finders>(
  asked: Asked,
  task: Task,
  text: string,
  options: FinderOptions<Task>,
): Promise<Found<Task>> {
  const { FINDERS } = await import("./instruct/index.js");
  const call = { ...asked, options: options as CallOptions, left: new AbortController().signal };
  return (await FINDERS[task](call, text, options as never)) as Found<Task>;
}
