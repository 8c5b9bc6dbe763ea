// One call at a time, in the order they came. Between two units of work the worker listens to its messages.

import type { Job } from "../engine.js";
import type { Usage } from "../info.js";
import { type DoneEvent, isDone, isProgress, type JobEvent } from "./protocol.js";
import { nextTask, SLICE_MS } from "./slices.js";

/** The usage of a call that was stopped before anything was known of it. */
const NO_USAGE: Readonly<Usage> = {
  promptTokens: 0,
  completionTokens: 0,
  cachedTokens: 0,
  draftedTokens: 0,
  acceptedTokens: 0,
};

interface Call {
  id: number;
  /** Resolves to what is answered. */
  run: (call: Call) => Promise<unknown>;
  cancelled: boolean;
  /** How many pieces the caller had when it stopped the call and took no more. */
  given?: number | undefined;
}

export interface Listener {
  events(id: number, events: JobEvent[]): void;
  /** Of a job, the last event, `done`, has been sent. */
  finished(id: number, value?: unknown): void;
  failed(id: number, error: unknown): void;
}

export class Queue {
  readonly #listener: Listener;
  readonly #waiting: Call[] = [];
  #running: Call | undefined;
  #unit: Promise<unknown> | undefined;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** `takeBack` is told how many pieces the caller has, where it stopped the call and took no more. */
  push(id: number, start: () => Job | Promise<Job>, takeBack: (given: number) => void = () => {}): void {
    const run = async (call: Call): Promise<void> => {
      try {
        await this.#run(call, start);
      } finally {
        if (call.given !== undefined) takeBack(call.given);
      }
    };
    this.#add({ id, run, cancelled: false });
  }

  /** Something of one step, which cannot be stopped half-way; answered with what it gives. */
  once(id: number, work: () => unknown, first = false): void {
    const run = async (): Promise<unknown> => {
      try {
        this.#unit = Promise.resolve(work());
        return await this.#unit;
      } finally {
        this.#unit = undefined;
      }
    };
    this.#add({ id, run, cancelled: false }, first);
  }

  #add(call: Call, first = false): void {
    if (first) this.#waiting.unshift(call);
    else this.#waiting.push(call);
    if (this.#running === undefined) void this.#drain();
  }

  /** Whether the call is not over yet. */
  cancel(id: number, given?: number): boolean {
    if (this.#running?.id === id) {
      this.#running.cancelled = true;
      this.#running.given = given;
      return true;
    }
    const place = this.#waiting.findIndex((call) => call.id === id);
    if (place >= 0) {
      this.#waiting.splice(place, 1);
      this.#listener.events(id, [aborted("", NO_USAGE, new Clock())]);
      this.#listener.finished(id);
    }
    return place >= 0;
  }

  /** Runs something short on the engine while no unit of work is under way. */
  async between<T>(work: () => T): Promise<T> {
    while (this.#unit !== undefined) {
      await this.#unit.catch(() => {});
    }
    return work();
  }

  async #drain(): Promise<void> {
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      this.#running = call;
      try {
        this.#listener.finished(call.id, await call.run(call));
      } catch (error) {
        this.#listener.failed(call.id, error);
      }
      this.#running = undefined;
    }
  }

  async #run(call: Call, start: () => Job | Promise<Job>): Promise<void> {
    const clock = new Clock();
    const usage = { ...NO_USAGE };
    let text = "";
    let batch: JobEvent[] = [];
    const send = (): void => {
      if (batch.length > 0) this.#listener.events(call.id, batch);
      batch = [];
    };
    let listened = performance.now();
    const job = await start();
    try {
      for (;;) {
        this.#unit = job.next();
        const event = (await this.#unit) as JobEvent;
        this.#unit = undefined;
        batch.push(event);
        if (isDone(event)) {
          send();
          return;
        }
        if (isProgress(event) && event.phase === "prefill") {
          usage.promptTokens = event.total;
        }
        if (event.type === "piece" || event.type === "point") {
          text += event.text ?? "";
          usage.completionTokens += 1;
          if (clock.first()) send();
        }
        if (performance.now() - listened >= SLICE_MS) {
          send();
          await nextTask();
          listened = performance.now();
        }
        if (call.cancelled) {
          batch.push(aborted(text, usage, clock));
          send();
          return;
        }
      }
    } finally {
      this.#unit = undefined;
      job.free();
    }
  }
}

/** When a call began and when its first piece came. */
class Clock {
  readonly #start = performance.now();
  #first: number | undefined;

  /** Whether this is the first piece. */
  first(): boolean {
    if (this.#first !== undefined) return false;
    this.#first = performance.now();
    return true;
  }

  timings(): { prefillMs: number; firstTokenMs: number; decodeMs: number } {
    const now = performance.now();
    const first = this.#first ?? now;
    return { prefillMs: first - this.#start, firstTokenMs: first - this.#start, decodeMs: now - first };
  }
}

function aborted(text: string, usage: Usage, clock: Clock): DoneEvent {
  return { type: "done", finishReason: "abort", text, usage, timings: clock.timings() };
}
