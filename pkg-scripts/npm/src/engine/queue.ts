// One call at a time, in the order they came, those in the background behind the others. Between two units of work the worker listens to
// its messages; a call in the background then lets others go first.

import type { Job } from "../engine.js";
import type { Usage } from "../info.js";
import { type DoneEvent, isDone, isProgress, type JobEvent, type Pace } from "./protocol.js";
import { nextTask, REST_MS, rest, SLICE_MS } from "./slices.js";

/** The usage of a call that was stopped before anything was known of it. */
const NO_USAGE: Readonly<Usage> = {
  promptTokens: 0,
  completionTokens: 0,
  cachedTokens: 0,
  draftedTokens: 0,
  acceptedTokens: 0,
};

/** What a request says of its place in the queue. */
export interface Queued {
  id: number;
  background?: boolean | undefined;
  /** No call overtakes one on the same session. */
  session?: number | undefined;
}

/** Work that takes turns with other work. */
export interface Turns {
  readonly background?: boolean | undefined;
  readonly cancelled: boolean;
}

interface Call extends Queued {
  /** Resolves to what is answered. */
  run: (call: Call) => Promise<unknown>;
  cancelled: boolean;
  /** How many pieces the caller had when it stopped the call and took no more. */
  given?: number | undefined;
}

/** Where the page is hidden and wants it slow, work rests for so many times as long as it works. */
const SLOWER = 3;

export interface Listener {
  events(id: number, events: JobEvent[]): void;
  /** Of a job, the last event, `done`, has been sent. */
  finished(id: number, value?: unknown): void;
  failed(id: number, error: unknown): void;
}

export class Queue {
  readonly #listener: Listener;
  readonly #waiting: Call[] = [];
  /** The last one is at work; one in the background before it lets it go first. */
  readonly #running: Call[] = [];
  #unit: Promise<unknown> | undefined;
  /** Work beside the queue that is not in the background. */
  #beside = 0;
  #pace: Pace = "run";
  /** What waits for any of these to change. */
  #changes: (() => void)[] = [];

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** `takeBack` is told how many pieces the caller has, where it stopped the call and took no more. */
  push(queued: Queued, start: () => Job | Promise<Job>, takeBack: (given: number) => void = () => {}): void {
    const run = async (call: Call): Promise<void> => {
      try {
        await this.#run(call, start);
      } finally {
        if (call.given !== undefined) takeBack(call.given);
      }
    };
    this.#add(queued, run);
  }

  /** Something of one step, which cannot be stopped half-way; answered with what it gives. */
  once(queued: Queued, work: () => unknown, first = false): void {
    const run = async (): Promise<unknown> => {
      try {
        this.#unit = Promise.resolve(work());
        return await this.#unit;
      } finally {
        this.#unit = undefined;
      }
    };
    this.#add(queued, run, first);
  }

  #add({ id, background, session }: Queued, run: Call["run"], first = false): void {
    const call = { id, background, session, run, cancelled: false };
    if (first) this.#waiting.unshift(call);
    else this.#waiting.push(call);
    this.#changed();
    if (this.#running.length === 0) void this.#drain();
  }

  /** Whether the call is not over yet. */
  cancel(id: number, given?: number): boolean {
    this.#changed();
    const running = this.#running.find((call) => call.id === id);
    if (running !== undefined) {
      running.cancelled = true;
      running.given = given;
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

  /** Work beside the queue: calls in the background wait for it, unless it is in the background, too. */
  async beside<T>(background: boolean | undefined, work: Promise<T>): Promise<T> {
    const counts = background ? 0 : 1;
    this.#beside += counts;
    try {
      return await work;
    } finally {
      this.#beside -= counts;
      this.#changed();
    }
  }

  /** How fast work goes on from now. */
  setPace(pace: Pace): void {
    this.#pace = pace;
    this.#changed();
  }

  /**
   * Between two slices of some work, the last of which took so many milliseconds: listens to messages, lets others go first, and rests.
   * Returns when it is the work's turn again, or nobody wants it any more.
   */
  async turn(work: Turns, worked: number): Promise<void> {
    if (worked > 0) {
      if (this.#pace === "slow") await rest(worked * SLOWER);
      else if (work.background) await rest(REST_MS);
      else await nextTask();
    }
    while (!work.cancelled) {
      const first = work.background && work === this.#running.at(-1) ? this.#next() : undefined;
      if (first !== undefined) await this.#perform(first);
      else if (this.#pace === "pause" || (work.background && this.#isAsked())) await new Promise<void>((resolve) => this.#changes.push(resolve));
      else return;
    }
  }

  #changed(): void {
    for (const resolve of this.#changes.splice(0)) resolve();
  }

  /** Whether there is work that goes before work in the background. */
  #isAsked(): boolean {
    const top = this.#running.at(-1);
    return this.#beside > 0 || (top !== undefined && !top.background);
  }

  /** The call that is to run now: beside one that runs already, only one that goes before it. */
  #next(): Call | undefined {
    const sessions = new Set<number | undefined>(this.#running.map(({ session }) => session));
    let at = this.#waiting.findIndex(({ background, session }) => {
      if (!background && (session === undefined || !sessions.has(session))) return true;
      sessions.add(session);
      return false;
    });
    if (at < 0 && this.#running.length === 0) at = 0;
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0];
  }

  async #drain(): Promise<void> {
    for (let call = this.#next(); call !== undefined; call = this.#next()) await this.#perform(call);
  }

  async #perform(call: Call): Promise<void> {
    this.#running.push(call);
    try {
      this.#listener.finished(call.id, await call.run(call));
    } catch (error) {
      this.#listener.failed(call.id, error);
    }
    this.#running.pop();
    this.#changed();
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
    // Nothing begins while nobody sees the page.
    await this.turn(call, 0);
    if (call.cancelled) {
      this.#listener.events(call.id, [aborted(text, usage, clock)]);
      return;
    }
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
        const worked = performance.now() - listened;
        if (worked >= SLICE_MS) {
          send();
          await this.turn(call, worked);
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
