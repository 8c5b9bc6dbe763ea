// Server-sent events, made while a model writes.

import { type ApiError, toApiError } from "./errors.js";

export interface EventSink {
  /** `name` for the endpoints whose events have one. */
  send(data: unknown, name?: string): void;
}

/** How an endpoint ends a stream, and what it says of a failure. */
export interface EventForm {
  done?: string;
  failed(error: ApiError): { data: unknown; name?: string };
}

/**
 * A response of events. What fails before the first of them rejects, so that it becomes a response with a status; later
 * failures are an event. Whoever stops reading stops the work: `write` is given a signal.
 */
export async function eventStream(
  write: (sink: EventSink, signal: AbortSignal) => Promise<void>,
  form: EventForm,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const left = new AbortController();
  const either = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
  const encoder = new TextEncoder();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    cancel: () => left.abort(),
  });
  const put = (data: string, name?: string): void => {
    if (left.signal.aborted) return;
    controller.enqueue(encoder.encode(`${name === undefined ? "" : `event: ${name}\n`}data: ${data}\n\n`));
  };
  await new Promise<void>((begun, refused) => {
    let started = false;
    const sink: EventSink = {
      send(data, name) {
        put(JSON.stringify(data), name);
        started = true;
        begun();
      },
    };
    write(sink, either).then(
      () => {
        if (form.done !== undefined) put(form.done);
        if (!left.signal.aborted) controller.close();
        begun();
      },
      (error: unknown) => {
        if (!started) refused(error);
        else if (signal?.aborted) controller.error(signal.reason);
        else if (!left.signal.aborted) {
          const { data, name } = form.failed(toApiError(error));
          put(JSON.stringify(data), name);
          controller.close();
        }
      },
    );
  });
  return new Response(body as BodyInit, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
  });
}
