// Calls that take steps: their events become pieces of a stream, progress reports, a result.

import type { Connection } from "./connection.js";
import type { CallOptions, Progress } from "./model.js";
import type { JobEvent, LoadProgress, RequestBody } from "./protocol.js";
import type { Supported } from "./results.js";
import { type Piece, type Point, type Result, type StreamSink, TextStream } from "./stream.js";

/** Starts a job; its answer comes after the last event. Progress is reported, every other event given to `listen`. */
export function runJob(
  connection: Connection,
  request: RequestBody,
  { signal, onProgress }: CallOptions,
  listen: (event: JobEvent) => void,
): { id: number; answer: Promise<void> } {
  const events = (batch: JobEvent[]): void => {
    for (const event of batch) {
      if (event.type === "progress") {
        report(onProgress, { phase: event.phase, loaded: event.done, total: event.total });
      } else {
        listen(event);
      }
    }
  };
  return connection.send<void>(request, { signal, events });
}

/** A job as a stream. `lists`: what its result has besides. */
export function streamJob(
  connection: Connection,
  request: RequestBody,
  options: CallOptions,
  lists?: "points" | "sentences",
): TextStream {
  return new TextStream((sink: StreamSink<Piece>) => {
    const points: Point[] = [];
    const sentences: Supported[] = [];
    let result: Result | undefined;
    const listen = (event: JobEvent): void => {
      switch (event.type) {
        case "piece": {
          const { text, tokenId, logprob } = event;
          sink.piece({ text, tokenId, logprob });
          break;
        }
        case "point": {
          const { text, start, end, score } = event;
          points.push({ text, start, end, score });
          sink.piece({ text, start, end, score } as unknown as Piece);
          break;
        }
        case "support": {
          const { start, end, sources } = event;
          sentences.push({ start, end, sources });
          break;
        }
        case "done":
          result = resultOf(event);
          break;
      }
    };
    const { id, answer } = runJob(connection, request, options, listen);
    answer.then(
      () => {
        const found = lists === "points" ? { points } : lists === "sentences" ? { sentences } : {};
        sink.done({ ...(result as Result), ...found });
      },
      (error: unknown) => sink.fail(error),
    );
    return () => connection.cancel(id);
  });
}

function resultOf({ text, finishReason, usage, timings }: JobEvent & { type: "done" }): Result {
  const later = usage.completionTokens - 1;
  const tokensPerSecond = later > 0 && timings.decodeMs > 0 ? later / (timings.decodeMs / 1000) : 0;
  return { text, finishReason, usage, timings: { ...timings, tokensPerSecond } };
}

/** An error in the caller's callback is the caller's: it is reported as any uncaught one and the work goes on. */
export function report(onProgress: ((progress: Progress) => void) | undefined, progress: LoadProgress): void {
  try {
    onProgress?.(progress);
  } catch (error) {
    reportError(error);
  }
}
