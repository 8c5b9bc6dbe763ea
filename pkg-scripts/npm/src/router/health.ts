// How a model has done so far, and whether it is left alone for a while.

import type { Failure } from "./failure.js";

/** How a model does. */
export interface Health {
  /** `closed`: it is asked. `open`: it failed too often and is left alone until `until`. `half-open`: the next request tries it. */
  state: "closed" | "open" | "half-open";
  /** Until when it is left alone, because it fails or asked for a pause, in milliseconds since 1970; 0 where it is not. */
  until: number;
  attempts: number;
  failures: number;
  /** To the first piece or the whole answer, a moving average; `undefined` before the first one. */
  latencyMs: number | undefined;
  /** As reported by it; where it does not report, by four characters a token. */
  inputTokens: number;
  outputTokens: number;
  cost: number;
  lastError: string | undefined;
}

/** How much the latest one counts in the average. */
const WEIGHT = 0.3;
const LONGEST_BREAK_MS = 600_000;

export interface Tokens {
  input: number;
  output: number;
}

export class HealthRecord {
  readonly #breakAfter: number;
  readonly #breakMs: number;
  readonly #price: { input: number; output: number };
  #attempts = 0;
  #failures = 0;
  #inARow = 0;
  #until = 0;
  #pauseUntil = 0;
  #trying = false;
  #latencyMs: number | undefined;
  #tokens: Tokens = { input: 0, output: 0 };
  #lastError: string | undefined;

  constructor(breakAfter: number, breakMs: number, price: { input: number; output: number }) {
    this.#breakAfter = breakAfter;
    this.#breakMs = breakMs;
    this.#price = price;
  }

  get #state(): Health["state"] {
    if (this.#inARow < this.#breakAfter) return "closed";
    return Date.now() < this.#until || this.#trying ? "open" : "half-open";
  }

  get health(): Health {
    const until = Math.max(this.#until, this.#pauseUntil);
    return {
      state: this.#state,
      until: until > Date.now() ? until : 0,
      attempts: this.#attempts,
      failures: this.#failures,
      latencyMs: this.#latencyMs,
      inputTokens: this.#tokens.input,
      outputTokens: this.#tokens.output,
      cost: this.costOf(this.#tokens),
      lastError: this.#lastError,
    };
  }

  costOf({ input, output }: Tokens): number {
    return (input * this.#price.input + output * this.#price.output) / 1e6;
  }

  /** Whether too many failures in a row keep requests away. After the pause one request tries it. */
  get broken(): boolean {
    return this.#state === "open";
  }

  /** Before when it asked not to be asked. */
  get pauseUntil(): number {
    return this.#pauseUntil;
  }

  began(): void {
    this.#attempts++;
    this.#trying = this.#inARow >= this.#breakAfter;
  }

  answered(latencyMs: number): void {
    this.#latencyMs = this.#latencyMs === undefined ? latencyMs : this.#latencyMs * (1 - WEIGHT) + latencyMs * WEIGHT;
  }

  /** An attempt that ended well, or was not the model's to answer. */
  ended(): void {
    this.#inARow = 0;
    this.#trying = false;
    this.#until = 0;
  }

  /** An attempt that the caller gave up says nothing. */
  left(): void {
    this.#trying = false;
  }

  spent({ input, output }: Tokens): void {
    this.#tokens = { input: this.#tokens.input + input, output: this.#tokens.output + output };
  }

  failed(failure: Failure): void {
    this.#lastError = failure.message;
    if (failure.kind === "request" || failure.kind === "invalid") {
      this.ended();
      return;
    }
    this.#failures++;
    this.#trying = false;
    if (failure.retryAfterMs !== undefined) this.#pauseUntil = Date.now() + failure.retryAfterMs;
    // A wrong key does not become right by asking again.
    this.#inARow = failure.kind === "key" ? Math.max(this.#breakAfter, this.#inARow + 1) : this.#inARow + 1;
    const over = this.#inARow - this.#breakAfter;
    if (over >= 0) this.#until = Date.now() + Math.min(this.#breakMs * 2 ** over, LONGEST_BREAK_MS);
  }
}
