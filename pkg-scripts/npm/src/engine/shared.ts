// One engine for all tabs. The tabs that load the same model queue for a lock; whoever has it leads: it launches the engine and answers
// the others over broadcast channels, in the worker's own protocol. A tab that closes loses the lock, whatever closes it; the next in the
// queue leads then and says so, and each tab sends its open calls once more (restart.ts).

import { here } from "../assets.js";
import { optionError, saying, WorkerError } from "../errors.js";
import type { LoadedInfo } from "../info.js";
import { type SendOptions, WorkerConnection } from "./connection.js";
import { type Launch, type Launched, launch } from "./launch.js";
import type { Reply, Request } from "./protocol.js";
import { Restarting } from "./restart.js";
import { type Asked, Host } from "./shared-host.js";

/** Part of every name: tabs with another form of these messages do not meet. */
const NAME = "nanolm engine 1";

/** Said to all. */
type Said = { asks: true } | { leader: string; since: number };
/** Said to one: by the leader, or to it. */
type Letter = Asked | { link: number; reply: Reply };

const LOAD = { method: "load", build: "simd128", threads: undefined, quantize: undefined } as const;

/** The engine is in another tab now. */
class Moved extends WorkerError {}

/** Loads a model in the engine that all tabs share. */
export async function join(wanted: Launch, options: SendOptions): Promise<{ connection: Restarting; info: LoadedInfo }> {
  if (!wanted.files.every((file) => "url" in file)) {
    throw optionError("shared", "a source with an address, which every tab can read", saying("files of this page alone"));
  }
  const lacking = lacks();
  if (lacking !== "") {
    const { connection, info } = await Restarting.begin({ launch: (options) => launch(wanted, options) }, options);
    return { connection, info: { ...info, notes: [...info.notes, `not shared with other tabs: ${lacking}`] } };
  }
  const member = new Member(wanted);
  try {
    const back = {
      launch: (options: SendOptions) => member.connect(options),
      again: (reason: unknown) => reason instanceof Moved,
      closed: () => member.leave(),
    };
    return await Restarting.begin(back, options);
  } catch (error) {
    member.leave();
    throw error;
  }
}

/** Why there can be no shared engine here, or "". */
function lacks(): string {
  if (globalThis.navigator?.locks === undefined || globalThis.origin === "null") return "there are no Web Locks here";
  return typeof BroadcastChannel === "undefined" ? "there are no broadcast channels here" : "";
}

/** One of those who share. */
class Member {
  readonly #id = crypto.randomUUID();
  readonly #name: string;
  readonly #wanted: Launch;
  readonly #all: BroadcastChannel;
  readonly #own: BroadcastChannel;
  readonly #left = new AbortController();
  /** This one leads. */
  #host: Host | undefined;
  #leader: { id: string; since: number; channel: BroadcastChannel } | undefined;
  /** What waits for a leader. */
  #waiting: (() => void)[] = [];
  #alive: Promise<void>;
  /** The line to the leader. */
  #line: { thread: Line; connection: WorkerConnection } | undefined;
  #lines = 0;

  constructor(wanted: Launch) {
    this.#wanted = wanted;
    this.#name = `${NAME} ${here} ${JSON.stringify(wanted)}`;
    this.#all = new BroadcastChannel(this.#name);
    this.#own = new BroadcastChannel(this.#nameOf(this.#id));
    this.#all.onmessage = ({ data }: MessageEvent<Said>) => {
      if ("leader" in data) this.#follow(data.leader, data.since);
      else this.#announce();
    };
    this.#own.onmessage = ({ data }: MessageEvent<Letter>) => this.#receive(data);
    // The leader has this lock when this member is gone.
    this.#alive = new Promise((resolve) => void this.#hold(this.#nameOf(this.#id), resolve));
    void this.#hold(this.#name, () => this.#lead());
    this.#all.postMessage({ asks: true } satisfies Said);
  }

  /** A line to the engine, wherever it is by then. */
  async connect(options: SendOptions): Promise<Launched> {
    await this.#alive;
    for (;;) {
      if (this.#leader === undefined) {
        await new Promise<void>((resolve) => {
          this.#waiting.push(resolve);
          options.signal?.addEventListener("abort", () => resolve(), { once: true });
        });
      }
      options.signal?.throwIfAborted();
      const number = ++this.#lines;
      const thread = new Line((told) => this.#post({ from: this.#id, link: number, ...told }), number);
      const connection = new WorkerConnection("simd128", thread as unknown as Worker);
      this.#line = { thread, connection };
      try {
        // What is loaded, the leader knows.
        const info = await connection.send<LoadedInfo>({ ...this.#wanted, ...LOAD }, options).answer;
        return { connection, info };
      } catch (error) {
        connection.close(error);
        if (!(error instanceof Moved)) throw error;
      }
    }
  }

  leave(): void {
    this.#host?.close();
    // Gives the locks back: another one leads.
    this.#left.abort();
    this.#all.close();
    this.#own.close();
    this.#leader?.channel.close();
    for (const resolve of this.#waiting) resolve();
  }

  /** Has a lock from when it is given until this member leaves. */
  async #hold(name: string, given: () => void): Promise<void> {
    const { signal } = this.#left;
    const until = (): Promise<void> => {
      given();
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    };
    await navigator.locks.request(name, { signal }, until).catch(() => {});
  }

  #nameOf(id: string): string {
    return `${this.#name} ${id}`;
  }

  #lead(): void {
    const reply = (to: string): { post(message: unknown): void; close(): void } => {
      // To itself it needs no channel.
      if (to === this.#id) return { post: (message) => this.#receive(message as Letter), close() {} };
      const channel = new BroadcastChannel(this.#nameOf(to));
      return { post: (message) => channel.postMessage(message), close: () => channel.close() };
    };
    this.#host = new Host((options) => launch(this.#wanted, options), reply, (member) => this.#nameOf(member));
    this.#follow(this.#id, Date.now());
    this.#announce();
  }

  #announce(): void {
    if (this.#host !== undefined && this.#leader !== undefined) {
      this.#all.postMessage({ leader: this.#id, since: this.#leader.since } satisfies Said);
    }
  }

  #follow(id: string, since: number): void {
    // What an earlier leader said last may come after the first word of the next.
    if (this.#leader !== undefined && (this.#leader.id === id || this.#leader.since > since)) return;
    this.#leader?.channel.close();
    this.#leader = { id, since, channel: new BroadcastChannel(this.#nameOf(id)) };
    const line = this.#line;
    this.#line = undefined;
    line?.connection.close(new Moved("worker/ended", "the tab that ran the engine was closed. Load the model again"));
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #post(asked: Asked): void {
    if (this.#left.signal.aborted) return;
    if (this.#leader?.id === this.#id) queueMicrotask(() => this.#host?.receive(asked));
    else this.#leader?.channel.postMessage(asked);
  }

  #receive(letter: Letter): void {
    if ("from" in letter) this.#host?.receive(letter);
    else if (letter.link === this.#line?.thread.number) this.#line.thread.onmessage?.({ data: letter.reply } as MessageEvent<Reply>);
  }
}

/** What stands for a worker where that is another tab's. */
class Line {
  onmessage: ((event: MessageEvent<Reply>) => void) | null = null;
  onerror: unknown = null;
  onmessageerror: unknown = null;

  constructor(
    private readonly post: (told: { request: Request } | { bye: true }) => void,
    readonly number: number,
  ) {}

  postMessage(request: Request): void {
    this.post({ request });
  }

  terminate(): void {
    this.post({ bye: true });
  }
}
