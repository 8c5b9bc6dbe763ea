// A limit of time that can be set anew.

import { Failure } from "./failure.js";

export class Watch {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Aborted where the caller gives up, or the time is over. */
  readonly signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
  }

  /** From now on; 0 is without limit. */
  within(ms: number, what: string): void {
    clearTimeout(this.#timer);
    if (ms > 0) this.#timer = setTimeout(() => this.#controller.abort(new Failure("timeout", `${what} within ${ms} ms`, { status: 504 })), ms);
  }

  /** Ends what was asked for, too. */
  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort(new DOMException("it is over", "AbortError"));
  }
}
