// Calls that take a while: their events become pieces of a stream, progress reports, a result.

import type { Connection } from "../engine/connection.js";
import { type DoneEvent, isDone, isProgress, type JobEvent, type RequestBody } from "../engine/protocol.js";
import type { Progress } from "../info.js";
import { type CallOptions, checkCallOptions, checkOptions, inBackground } from "./options.js";
import { type Result, type StreamSink, TextStream } from "./stream.js";

/** What a task is asked. */
export interface Start {
  /** Its name in the engine. */
  task: string;
  input: string;
  /** The caller's, with those of every call. */
  options: CallOptions;
}

/** The request of a task: everything in the options but what stays on this side. */
function startRequest({ task, input, options }: Start): { request: RequestBody; call: CallOptions } {
  const { signal, onProgress, priority, ...rest } = checkOptions(options);
  return { request: { method: "start", task, input, options: rest }, call: { signal, onProgress, priority } };
}

/** Starts a job; its answer comes after the last event. Progress is reported, every other event given to `listen`. */
export function runJob(
  connection: Connection,
  request: RequestBody,
  call: CallOptions,
  listen: (event: JobEvent) => void,
  stopped?: (reason: unknown) => number,
): { id: number; answer: Promise<void> } {
  checkCallOptions(call);
  const { signal, onProgress } = call;
  const events = (batch: JobEvent[]): void => {
    for (const event of batch) {
      if (isProgress(event)) {
        report(onProgress, { phase: event.phase, loaded: event.done, total: event.total });
      } else {
        listen(event);
      }
    }
  };
  return connection.send<void>(request, { signal, events, stopped, background: inBackground(call) });
}

/** Runs a task to its end and gives the fields of every item of one type. */
export async function collect<T>(connection: Connection, start: Start, type: string): Promise<T[]> {
  const { request, call } = startRequest(start);
  const found: T[] = [];
  const listen = (event: JobEvent): void => {
    if (event.type === type) found.push(fieldsOf<T>(event));
  };
  await runJob(connection, request, call, listen).answer;
  return found;
}

/** A task as a stream. */
export function stream<T>(connection: Connection, start: Start, items: Items): TextStream<T> {
  const { request, call } = startRequest(start);
  return streamJob(connection, request, call, items);
}

/** Which of a job's items are pieces of its stream, and which are kept for its result. */
export interface Items {
  pieces: string;
  /** By the name of the list in the result: the type of its items. */
  lists?: Partial<Record<"points" | "sentences", string>>;
}

/** A job as a stream. */
export function streamJob<T>(
  connection: Connection,
  request: RequestBody,
  call: CallOptions,
  { pieces, lists = {} }: Items,
): TextStream<T> {
  checkCallOptions(call);
  return new TextStream<T>((sink: StreamSink<T>) => {
    const kept = Object.entries(lists).map(([name, type]) => ({ name, type, items: [] as unknown[] }));
    let result: Result | undefined;
    const listen = (event: JobEvent): void => {
      if (isDone(event)) {
        result = resultOf(event);
        return;
      }
      if (event.type === pieces) sink.piece(fieldsOf<T>(event));
      for (const { type, items } of kept) if (event.type === type) items.push(fieldsOf(event));
    };
    const { id, answer } = runJob(connection, request, call, listen, sink.stopped);
    answer.then(
      () => sink.done({ ...(result as Result), ...Object.fromEntries(kept.map(({ name, items }) => [name, items])) }),
      (error: unknown) => sink.fail(error),
    );
    return () => connection.cancel(id);
  });
}

/** An item as callers get it. */
function fieldsOf<T>(event: JobEvent): T {
  const { type: _, ...fields } = event;
  return fields as T;
}

export function resultOf({ text, finishReason, usage, timings }: DoneEvent): Result {
  const later = usage.completionTokens - 1;
  const tokensPerSecond = later > 0 && timings.decodeMs > 0 ? later / (timings.decodeMs / 1000) : 0;
  return { text, finishReason, usage, timings: { ...timings, tokensPerSecond } };
}

/** An error in the caller's callback is the caller's: it is reported as any uncaught one and the work goes on. */
export function report(onProgress: ((progress: Progress) => void) | undefined, progress: Progress): void {
  try {
    onProgress?.(progress);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
