// Streams whose code is downloaded when it is first used.

import { type CallOptions, checkCallOptions, checkOptions } from "./options.js";
import { type StreamSink, TextStream } from "./stream.js";

/** @internal `begin` does the work. `left` is aborted where nobody reads any more. */
export function deferred<T>(options: CallOptions, begin: (sink: StreamSink<T>, left: AbortSignal) => Promise<void>): TextStream<T> {
  checkCallOptions(checkOptions(options));
  return new TextStream<T>((sink) => {
    const left = new AbortController();
    begin(sink, left.signal).catch((error: unknown) => sink.fail(error));
    return () => left.abort();
  });
}
