// What `generate` and `summarize` give back: a stream of pieces with a result at its end.

import { OptionError } from "../errors.js";
import type { FinishReason, Timings, Usage } from "../info.js";
import type { Place } from "./places.js";

/**
 * One token's text. Usually one token; none of a multi-byte character's bytes come before all of them are there. Used as a string, a piece is
 * its `text`: `${piece}`.
 */
export interface Piece {
  /** What the token writes. */
  text: string;
  /** Its id in the vocabulary. */
  tokenId: number;
  /** Natural logarithm of the token's probability. */
  logprob: number;
}

/** One sentence taken from the text: `source.slice(start, end)`. */
export interface Point extends Place {
  /** The sentence, as it stands in the text. */
  text: string;
  /** How telling the model finds it; comparable within one text. */
  score: number;
}

/** A sentence of a summary: where it stands in the summary, and the sentences of the text that it is made of or agrees with. */
export interface Supported extends Place {
  /** In the order of the text; empty where no sentence supports it. */
  sources: Place[];
  /** Of a headline that the page's title is: where it stands in that. */
  title?: Place;
}

/** How a call ended. */
export interface Result {
  /** The whole text. */
  text: string;
  /** `stop`: the model or a stop text ended it; `length`: a limit did; `abort`: the reader left (`break`, `cancel()`). */
  finishReason: FinishReason;
  /** How many tokens were read and written. */
  usage: Usage;
  /** How long it took, in milliseconds. */
  timings: Timings & {
    /** Tokens a second after the first. */
    tokensPerSecond: number;
  };
  /** What the model thought before it answered, for `chat`; absent where it did not. */
  reasoning?: string;
  /** How many messages `chat` left out, because the context has no room for them; absent where it left out none. */
  dropped?: number;
  /** The chosen sentences, for `key-points`. */
  points?: Point[];
  /** What supports each sentence of a `tldr` or `headline`. */
  sentences?: Supported[];
}

/** @internal How the caller that makes a stream feeds it. */
export interface StreamSink<T> {
  piece(piece: T): void;
  done(result: Result): void;
  fail(error: unknown): void;
  /** The call was stopped: no more pieces are given, and those in the queue are lost. How many were read. */
  stopped(reason: unknown): number;
}

/** What a loop over a stream asks. Declared here, because TypeScript's own libraries differ in it from version to version. */
export interface PieceIterator<T> extends AsyncIterableIterator<T> {
  return(value?: unknown): Promise<IteratorResult<T>>;
  [Symbol.asyncIterator](): PieceIterator<T>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A `ReadableStream` of pieces that can be read with `for await` in every browser. Work starts at once and goes on whether
 * or not anyone reads. Leaving the loop, or `cancel()`, stops it.
 *
 * The promises can be left alone: a failure that nobody looks at is no unhandled rejection.
 */
export class TextStream<T = Piece> extends ReadableStream<T> {
  /**
   * How it ended. Rejects if the call failed or its `signal` was aborted (with the signal's reason, by default a
   * `DOMException` named `AbortError`); resolves with the finish reason `abort` if the reader left.
   */
  readonly result: Promise<Result>;

  /** @internal Made by `Model`. `start` begins the work and returns what stops it. */
  constructor(start: (sink: StreamSink<T>) => () => void) {
    let controller!: ReadableStreamDefaultController<T>;
    let stop = (): void => {};
    // A cancelled or failed stream takes no more pieces.
    let open = true;
    let pieces = 0;
    super(
      {
        start(given) {
          controller = given;
        },
        cancel() {
          open = false;
          stop();
        },
      },
      { highWaterMark: 0 },
    );
    this.result = new Promise<Result>((resolve, reject) => {
      stop = start({
        piece(piece) {
          if (open) controller.enqueue(readable(piece));
          pieces += 1;
        },
        // At once: a reader that asks right after would still get what is in the queue.
        stopped(reason) {
          const read = pieces + (open ? (controller.desiredSize ?? 0) : 0);
          if (open) controller.error(reason);
          open = false;
          return read;
        },
        done(result) {
          if (open) controller.close();
          open = false;
          resolve(result);
        },
        fail(error) {
          if (open) controller.error(error);
          open = false;
          reject(error);
        },
      });
    });
    this.result.catch(() => {});
  }

  /** The whole text, once it is there. Can be used while the pieces are read, or instead. */
  text(): Promise<string> {
    const text = this.result.then((result) => result.text);
    text.catch(() => {});
    return text;
  }

  /**
   * The text of the pieces alone, for whatever takes a stream of strings. It is read instead of the pieces: use one of them.
   *
   * ```js
   * await stream.textStream().pipeTo(new WritableStream({ write: (text) => output.append(text) }));
   * ```
   */
  textStream(): ReadableStream<string> {
    const reader = (this as ReadableStream<T>).getReader();
    return new ReadableStream<string>(
      {
        async pull(controller) {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue((value as { text: string }).text);
        },
        cancel: (reason) => reader.cancel(reason),
      },
      // Nothing is read before somebody asks.
      { highWaterMark: 0 },
    );
  }

  /** The text as UTF-8, for a `Response`: `new Response(stream.byteStream())`. It is read instead of the pieces. */
  byteStream(): ReadableStream<ReturnType<TextEncoder["encode"]>> {
    return this.textStream().pipeThrough(new TextEncoderStream()) as ReadableStream<ReturnType<TextEncoder["encode"]>>;
  }

  /** Not every browser can iterate over a `ReadableStream` yet; this stream can in all of them. */
  override values(options?: { preventCancel?: boolean }): PieceIterator<T> {
    return iterate(this, options?.preventCancel ?? false) as unknown as PieceIterator<T>;
  }

  /** Refuses to pass for a text, which it is not yet: `${stream}` would be "[object ReadableStream]". */
  [Symbol.toPrimitive](): never {
    throw new OptionError(
      "option/invalid",
      "a stream of text was used as the text itself: expected a string, found a TextStream. Write `await stream.text()`, or `for await (const { text } of stream)`",
    );
  }

  override [Symbol.asyncIterator](options?: { preventCancel?: boolean }): PieceIterator<T> {
    return this.values(options);
  }
}

/** Where a piece is used as a string (`output.append(piece)` in JavaScript, a `TextEncoderStream`), it is its text. Equal objects stay equal: nobody lists it. */
function readable<T>(piece: T): T {
  return Object.defineProperty(piece, "toString", { value: textOf, enumerable: false });
}

function textOf(this: { text: string }): string {
  return this.text;
}

async function* iterate<T>(stream: ReadableStream<T>, preventCancel: boolean): AsyncGenerator<T, undefined> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        ended = true;
        throw error;
      });
      if (done) {
        ended = true;
        return undefined;
      }
      yield value;
    }
  } finally {
    if (!ended && !preventCancel) {
      // A stream that failed meanwhile has said so in its result; who leaves does not ask.
      await reader.cancel().catch(() => {});
    }
    reader.releaseLock();
  }
}
