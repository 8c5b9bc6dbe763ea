// One call in the engine: what it gave so far, and who listens. It does not care where its listeners are, or whether there are
// any: a page that comes back hears what it has missed.

import { toWire, type WireError } from "../errors.js";
import type { Progress } from "../info.js";
import type { Port } from "./platform.js";
import { type CallMessage, METHODS, type ToPage } from "./protocol.js";

/** How a call ended. */
type End = { value: unknown } | { error: WireError };

export class Call {
  readonly #pieces: unknown[] = [];
  /** By port: the id that the call goes by there. */
  readonly #listeners = new Map<Port, string>();
  readonly #controller = new AbortController();
  #end: End | undefined;
  /** Ends a stream early, which then still has a result. */
  #stopStream: (() => void) | undefined;
  #stopped = false;

  constructor(readonly message: CallMessage) {}

  /** Aborted where nobody wants its value any more. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  get failed(): boolean {
    return this.#end !== undefined && "error" in this.#end;
  }

  get alone(): boolean {
    return this.#listeners.size === 0;
  }

  /** Whether another call asks the same. */
  asks({ method, args, options, load }: CallMessage): boolean {
    const { message } = this;
    return JSON.stringify([message.method, message.args, message.options, message.load]) === JSON.stringify([method, args, options, load]);
  }

  /** Tells a port everything from a piece on, and what comes. */
  listen(port: Port, id: string, from: number): void {
    this.#pieces.slice(from).forEach((piece, at) => post(port, { type: "piece", id, at: from + at, piece }));
    if (this.#end === undefined) this.#listeners.set(port, id);
    else post(port, endMessage(id, this.#end));
  }

  /** Says whether the port listened. */
  leave(port: Port): boolean {
    return this.#listeners.delete(port);
  }

  progress(progress: Progress): void {
    for (const [port, id] of this.#listeners) post(port, { type: "progress", id, progress });
  }

  piece(piece: unknown): void {
    const at = this.#pieces.push(piece) - 1;
    for (const [port, id] of this.#listeners) post(port, { type: "piece", id, at, piece });
  }

  /** How a stream is stopped; at once where that was asked before. */
  stoppable(stop: () => void): void {
    this.#stopStream = stop;
    if (this.#stopped) stop();
  }

  /** Stops the work: a stream ends with what it has, as soon as it has begun; anything else is aborted. */
  stop(): void {
    this.#stopped = true;
    if (METHODS[this.message.method]?.gives === "stream") this.#stopStream?.();
    else this.#controller.abort();
  }

  done(value: unknown): void {
    this.#finish({ value: plain(value) });
  }

  fail(error: unknown): void {
    this.#finish({ error: toWire(error) });
  }

  #finish(end: End): void {
    this.#end = end;
    for (const [port, id] of this.#listeners) post(port, endMessage(id, end));
    this.#listeners.clear();
  }
}

function endMessage(id: string, end: End): ToPage {
  return "error" in end ? { type: "error", id, error: end.error } : { type: "done", id, value: end.value };
}

/** Arrays of numbers, and lists of them, as ports carry them. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return ArrayBuffer.isView(value) ? Array.from(value as Uint32Array) : value;
}

export function post(port: Port, message: ToPage): void {
  try {
    port.postMessage(message);
  } catch {
    // Its page has just gone; onDisconnect will say so.
  }
}
