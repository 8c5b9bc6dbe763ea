// The page's end of one worker: starts it, sends calls, hands answers to whoever asked.

import { here, startWorker } from "../assets.js";
import { DisposedError, errorFrom, optionError, WorkerError } from "../errors.js";
import type { Build, DeviceInfo, Progress } from "../info.js";
import type { JobEvent, Reply, Request, RequestBody } from "./protocol.js";
import { ELSEWHERE, workerFromElsewhere } from "./elsewhere.js";

interface Call {
  events: (events: JobEvent[]) => void;
  progress: (progress: Progress) => void;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export interface SendOptions {
  events?: (events: JobEvent[]) => void;
  progress?: (progress: Progress) => void;
  /** Rejects the call at once and stops it in the worker. */
  signal?: AbortSignal | undefined;
  /** Other calls go first. */
  background?: boolean | undefined;
  /** Hears when the signal stops the call, and says how many pieces its caller has. */
  stopped?: ((reason: unknown) => number) | undefined;
}

/** Vite's development server moves packages into a folder of its own, without the files that they name. */
function cure(module: string): string {
  if (new URL(module).origin !== globalThis.origin) return ` ${ELSEWHERE}.`;
  return module.includes("/.vite/deps/") || module.includes("/node_modules/.vite/")
    ? ' Vite moved the package: add optimizeDeps: { exclude: ["nanolm"] } to its configuration.'
    : "";
}

/** What answers calls: a worker, or what stands before one. */
export interface Connection {
  /** Sends a call; its id can be used to cancel it. Never throws: failures reject `answer`. */
  send<T>(body: RequestBody, options?: SendOptions): { id: number; answer: Promise<T> };
  /** Asks for a call to be stopped; it is answered with what it has. `given`: pieces that the caller has, where it takes no more. */
  cancel(id: number, given?: number): void;
  /** Ends it, whatever it does, and rejects every open call. */
  close(reason?: unknown): void;
  /** Hears of every move of the model to another device. */
  moved: (device: DeviceInfo) => void;
}

export class WorkerConnection implements Connection {
  readonly #worker: Worker;
  readonly #calls = new Map<number, Call>();
  #lastId = 0;
  #ready = false;
  /** Why the worker is gone. */
  #closed: unknown;
  moved: (device: DeviceInfo) => void = () => {};
  /** Hears why it has ended. */
  ended: (reason: unknown) => void = () => {};

  /** @param thread What stands for a worker outside of pages. */
  constructor(build: Build, thread?: Worker) {
    if (thread === undefined && typeof Worker === "undefined") {
      throw new WorkerError(
        "worker/unavailable",
        "there are no workers here. Load models in a web page, a worker, Node, or an extension's offscreen document (nanolm/extension)",
      );
    }
    const script = build === "threads" ? "worker-threads.js" : "worker.js";
    try {
      this.#worker = thread ?? startWorker(build === "threads");
    } catch (error) {
      this.#worker = workerFromElsewhere(script, error);
    }
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.close(
        this.#ready
          ? new WorkerError("worker/crashed", `the worker died: ${event.message}. Load the model again`)
          : new WorkerError(
              "worker/start",
              `the worker could not start: ${script} was not found beside the package's other files, or the page's ` +
                `Content-Security-Policy refuses it (script-src 'self' 'wasm-unsafe-eval' is enough).${cure(here)} ${event.message ?? ""}`,
              { why: `${script} could not be started` },
            ),
      );
    };
    this.#worker.onmessageerror = () => {
      this.close(new WorkerError("worker/crashed", "a message of the worker could not be read. Load the model again"));
    };
  }

  /** Why it has ended; undefined while it answers. */
  get closed(): unknown {
    return this.#closed;
  }

  send<T>(body: RequestBody, options: SendOptions = {}): { id: number; answer: Promise<T> } {
    const id = ++this.#lastId;
    const { signal } = options;
    const answer = new Promise<T>((resolve, reject) => {
      if (this.#closed !== undefined || signal?.aborted) {
        reject(this.#closed ?? signal?.reason);
        return;
      }
      const onAbort = (): void => {
        this.cancel(id, options.stopped?.(signal?.reason));
        settle();
        reject(signal?.reason);
      };
      const settle = (): void => {
        this.#calls.delete(id);
        signal?.removeEventListener("abort", onAbort);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#calls.set(id, {
        events: options.events ?? (() => {}),
        progress: options.progress ?? (() => {}),
        resolve: (value) => {
          settle();
          resolve(value as T);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      try {
        this.#worker.postMessage({ ...body, id, background: options.background } satisfies Request);
      } catch (error) {
        settle();
        reject(optionError("options", "plain values", (error as Error).message));
      }
    });
    return { id, answer };
  }

  cancel(id: number, given?: number): void {
    if (this.#closed === undefined) {
      this.#worker.postMessage({ method: "cancel", id, given } satisfies Request);
    }
  }

  close(reason: unknown = new DisposedError("model/disposed", "the model was disposed of. Load it again")): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#worker.terminate();
    for (const call of [...this.#calls.values()]) {
      call.reject(reason);
    }
    this.ended(reason);
  }

  #receive(reply: Reply): void {
    if (reply.type === "ready") {
      this.#ready = true;
      // Had when the worker has ended: nothing else tells of one that closes itself.
      const ended = (): void =>
        this.close(new WorkerError("worker/ended", "the worker ended itself, or the browser ended it. Load the model again"));
      if (reply.life !== undefined) navigator.locks?.request(reply.life, ended).catch(() => {});
      return;
    }
    if (reply.type === "device") {
      this.moved(reply.device);
      return;
    }
    // A trap ends the engine, and with it every call.
    if (reply.type === "error" && reply.error.code === "worker/crashed") {
      this.close(errorFrom(reply.error));
      return;
    }
    const call = this.#calls.get(reply.id);
    // An aborted call was answered already.
    if (call === undefined) return;
    switch (reply.type) {
      case "progress":
        call.progress(reply.progress);
        break;
      case "events":
        call.events(reply.events);
        break;
      case "result":
        call.resolve(reply.value);
        break;
      case "error":
        call.reject(errorFrom(reply.error));
        break;
    }
  }
}
