// A page's end of the port to the engine. A port can break at any time: the engine was let go, the browser ended its page, a
// page came back from the history. The calls under way are then sent again; the engine knows them, or does them again, and
// what the page has already is not told twice.

import { errorFrom, WorkerError } from "../errors.js";
import type { Progress } from "../info.js";
import { platform, type Port } from "./platform.js";
import { type CallMessage, OPEN, type Opened, PORT, type ToEngine, type ToPage } from "./protocol.js";

export interface Listener {
  piece(piece: unknown): void;
  progress(progress: Progress): void;
  done(value: unknown): void;
  fail(error: unknown): void;
}

interface Open {
  listener: Listener;
  /** Sent on every connection until the call has ended; `from` counts the pieces that came. */
  message: CallMessage | { type: "resume"; id: string; name: string };
  pieces: number;
  /** Connections in a row that broke without a word about the call. */
  broken: number;
  /** Whether the engine has a call under the name that was asked for. */
  kept?: ((found: boolean) => void) | undefined;
}

/** A connection that the engine does not answer in this time leads elsewhere. */
const READY_MS = 1500;
/** While another page opens the engine. */
const PAUSES_MS = [0, 10, 20, 50, 100, 200, 400, 800, 1600, 3000, 3000];
const MOST_BROKEN = 3;

export class Link {
  readonly #open = new Map<string, Open>();
  #port: Port | undefined;
  #connecting: Promise<void> | undefined;
  #closed: unknown;

  /** Sends a call, now and on every later connection until it has ended. */
  send(message: Open["message"], listener: Listener, kept?: (found: boolean) => void): void {
    if (this.#closed !== undefined) {
      listener.fail(this.#closed);
      return;
    }
    const open = { listener, message, pieces: 0, broken: 0, kept };
    this.#open.set(message.id, open);
    if (this.#port !== undefined) this.#post(open);
    else this.#reconnect();
  }

  /** Asks the engine to stop a call. `silent`: its outcome is of no interest. */
  cancel(id: string, silent: boolean): void {
    if (silent) this.#open.delete(id);
    this.#port?.postMessage({ type: "cancel", id } satisfies ToEngine);
  }

  /** Leaves: kept calls go on, others end. */
  close(reason: unknown): void {
    this.#closed = reason;
    this.#port?.disconnect();
    this.#port = undefined;
    this.#failAll(reason);
  }

  #failAll(error: unknown): void {
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const { listener } of all) listener.fail(error);
  }

  #post({ message, pieces }: Open): void {
    const now = message.type === "call" ? { ...message, from: pieces } : message;
    this.#port?.postMessage(now satisfies ToEngine);
  }

  #reconnect(): void {
    this.#connecting ??= connect((message) => this.#receive(message), (port) => this.#lost(port))
      .then(
        (port) => {
          if (this.#closed !== undefined) return port.disconnect();
          this.#port = port;
          for (const open of this.#open.values()) this.#post(open);
        },
        (error: unknown) => this.#failAll(error),
      )
      .finally(() => {
        this.#connecting = undefined;
      });
  }

  #lost(port: Port): void {
    if (port !== this.#port) return;
    this.#port = undefined;
    for (const [id, open] of this.#open) {
      if (++open.broken <= MOST_BROKEN) continue;
      this.#open.delete(id);
      const why = `the engine's page ended ${open.broken} times in the middle of the call`;
      open.listener.fail(new WorkerError("worker/crashed", `${why}. Try a smaller model or a shorter text`));
    }
    if (this.#open.size > 0) this.#reconnect();
  }

  #receive(message: ToPage): void {
    if (message.type === "ready") return;
    const open = this.#open.get(message.id);
    if (open === undefined) return;
    open.broken = 0;
    switch (message.type) {
      case "progress":
        open.listener.progress(message.progress);
        break;
      case "piece":
        // After a new connection the engine may tell again what is here already.
        if (message.at !== open.pieces) break;
        open.pieces++;
        open.listener.piece(message.piece);
        break;
      case "kept":
        open.kept?.(message.found);
        if (!message.found) this.#open.delete(message.id);
        break;
      case "done":
        this.#open.delete(message.id);
        open.listener.done(message.value);
        break;
      case "error":
        this.#open.delete(message.id);
        open.listener.fail(errorFrom(message.error));
        break;
    }
  }
}

/** A port to the engine. Where nobody answers, the background script is asked to open the engine's page. */
async function connect(receive: (message: ToPage) => void, lost: (port: Port) => void): Promise<Port> {
  for (const pause of PAUSES_MS) {
    const port = await knock(receive, lost);
    if (port !== undefined) return port;
    await openEngine();
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  throw new WorkerError(
    "worker/unavailable",
    "the engine's page does not answer: expected one that calls serveEngine() of \"nanolm/extension/engine\" when it is loaded. " +
      "Does hostEngine() name the right page?",
  );
}

/** One try; undefined where nothing answers. */
function knock(receive: (message: ToPage) => void, lost: (port: Port) => void): Promise<Port | undefined> {
  return new Promise((resolve, reject) => {
    const { runtime } = platform();
    let port: Port;
    try {
      port = runtime.connect({ name: PORT });
    } catch (error) {
      const why = (error as Error).message;
      reject(new WorkerError("worker/unavailable", `the extension cannot be reached: ${why}. Reload the page`));
      return;
    }
    const timer = setTimeout(() => {
      port.disconnect();
      resolve(undefined);
    }, READY_MS);
    let ready = false;
    port.onMessage.addListener((message) => {
      if (!ready) {
        ready = true;
        clearTimeout(timer);
        resolve(port);
      }
      receive(message as ToPage);
    });
    port.onDisconnect.addListener(() => {
      // Read, so that the browser does not report it as unseen: nobody listened.
      void runtime.lastError;
      clearTimeout(timer);
      resolve(undefined);
      lost(port);
    });
  });
}

/** Has the background script open the engine's page. */
async function openEngine(): Promise<void> {
  const missing = (why: string): WorkerError =>
    new WorkerError(
      "worker/unavailable",
      `the engine could not be opened: ${why}. Call hostEngine() of "nanolm/extension/background" at the top of the background script`,
    );
  let answer: Opened | undefined;
  try {
    answer = (await platform().runtime.sendMessage(OPEN)) as Opened | undefined;
  } catch (error) {
    throw missing((error as Error).message);
  }
  if (answer?.nanolm === "failed") throw errorFrom(answer.error);
  if (answer?.nanolm !== "opened") throw missing("no one answered");
}
