// The attempts at one request: each model in its turn, those that may do better later again, after a pause.

import { abortable } from "../model/abortable.js";
import { ApiError } from "../openai/errors.js";
import { type Call, staysBecause } from "./call.js";
import type { Consent } from "./consent.js";
import type { Failure } from "./failure.js";
import type { Routed } from "./models.js";
import type { LeftOut, Order } from "./policy.js";

export interface Patience {
  retries: number;
  backoffMs: number;
  maxWaitMs: number;
}

/** No model answered. The pause that a server asked for goes on to the client. */
export class Unanswered extends ApiError {
  constructor(status: number, message: string, param: string | null, code: string | null, readonly retryAfterMs: number | undefined) {
    super(status, message, param, code);
  }
}

interface Turn {
  model: Routed;
  /** How often it was asked before. */
  tries: number;
  notBefore: number;
}

export class Attempts {
  readonly #turns: Turn[];
  readonly #leftOut: LeftOut[];
  readonly #failures: { name: string; failure: Failure }[] = [];
  readonly #call: Call;
  readonly #consent: Consent;
  readonly #patience: Patience;
  #refused = false;
  #current: Turn | undefined;

  constructor({ models, leftOut }: Order, call: Call, consent: Consent, patience: Patience) {
    this.#turns = models.map((model) => ({ model, tries: 0, notBefore: 0 }));
    this.#leftOut = leftOut;
    this.#call = call;
    this.#consent = consent;
    this.#patience = patience;
  }

  /** The model to ask next; waits where all that are left have to. */
  async next(signal: AbortSignal): Promise<Routed> {
    for (;;) {
      signal.throwIfAborted();
      const now = Date.now();
      const ready = this.#turns.findIndex(({ notBefore }) => notBefore <= now);
      if (ready < 0) {
        if (this.#turns.length === 0) throw this.unanswered();
        await pause(Math.min(...this.#turns.map(({ notBefore }) => notBefore)) - now, signal);
        continue;
      }
      const [turn] = this.#turns.splice(ready, 1) as [Turn];
      if (!(await this.#mayTake(turn, signal))) continue;
      this.#current = turn;
      turn.model.record.began();
      return turn.model;
    }
  }

  async #mayTake(turn: Turn, signal: AbortSignal): Promise<boolean> {
    const { model } = turn;
    const { record } = model;
    const leaveOut = (why: string): false => {
      this.#leftOut.push({ name: model.name, why });
      return false;
    };
    const wait = record.pauseUntil - Date.now();
    if (wait > this.#patience.maxWaitMs) return leaveOut(`it asked for a pause of ${Math.ceil(wait / 1000)} more seconds`);
    if (wait > 0) {
      this.#turns.push({ ...turn, notBefore: record.pauseUntil });
      return false;
    }
    // Failures of this request are not held against its own next try.
    if (record.broken && turn.tries === 0) return leaveOut(`it failed too often and is left alone until ${new Date(record.health.until).toISOString()}: ${record.health.lastError}`);
    if (model.origin === undefined) return true;
    const stays = staysBecause(this.#call);
    if (stays === undefined && (await abortable(this.#consent.allows(this.#question(model)), signal))) return true;
    this.#refused = true;
    return leaveOut(stays ?? `there is no consent that anything goes to ${model.origin}`);
  }

  #question(model: Routed): Parameters<Consent["allows"]>[0] {
    const { endpoint, asked, redaction, personal } = this.#call;
    const there = asked.models.filter(({ origin }) => origin === model.origin).map(({ name }) => name);
    const { task, characters } = asked;
    return { origin: model.origin as string, models: there, endpoint, task, characters, personal: asked.personal, redacted: personal === "redact" && redaction.found };
  }

  /** The current one failed. It has another turn where that may help. */
  failed(failure: Failure): void {
    const turn = this.#current as Turn;
    const { name, record } = turn.model;
    record.failed(failure);
    this.#failures.push({ name, failure });
    const { retries, backoffMs, maxWaitMs } = this.#patience;
    if (failure.kind === "invalid") this.#turns.length = 0;
    if (!failure.passes || turn.tries >= retries) return;
    // Clients that failed together must not come back together.
    const delay = failure.retryAfterMs ?? backoffMs * 2 ** turn.tries * (0.75 + Math.random() / 2);
    if (delay <= maxWaitMs) this.#turns.push({ model: turn.model, tries: turn.tries + 1, notBefore: Date.now() + delay });
  }

  /** Why nobody answers any more. */
  unanswered(): Unanswered {
    const last = this.#failures.at(-1)?.failure;
    const words = [...this.#failures.map(({ name, failure }) => `${name}: ${failure.message}`), ...this.#leftOut.map(({ name, why }) => `${name} was not asked: ${why}`)];
    if (last === undefined) {
      const status = this.#refused ? 403 : 503;
      return new Unanswered(status, `No model could be asked. ${words.join("; ")}.`, null, this.#refused ? "not_allowed" : "no_model", undefined);
    }
    const { message, param = null, code = null } = (last.body as { error?: { message?: string; param?: string | null; code?: string | null } } | undefined)?.error ?? {};
    // Where one alone was asked, its own words are all there is to say.
    const alone = last.kind === "invalid" || words.length === 1;
    if (alone && message !== undefined) return new Unanswered(last.status, message, param, code, last.retryAfterMs);
    return new Unanswered(last.status, `No model answered. ${words.join("; ")}`, param, code, last.retryAfterMs);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    };
    const stop = (): void => {
      end();
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      end();
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
