// Node's worker threads in the form of a page's workers, as far as this package uses them.

import { builtin } from "./builtin.js";

// Bundlers for pages find workers by `import.meta.url` in their address. They must not find this one.
const here = import.meta.url;

interface Told {
  type?: unknown;
  id?: unknown;
  method?: unknown;
}

/** A worker that runs a module of this package, made for pages. */
export class ThreadWorker {
  onmessage: ((event: MessageEvent) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  onmessageerror: (() => void) | null = null;
  readonly #thread;
  /** Calls without an answer yet. While there are any, the process waits for the thread; an idle model does not keep it. */
  readonly #open = new Set<unknown>();
  #ended = false;

  constructor(module: URL | string) {
    const { Worker } = builtin("node:worker_threads");
    this.#thread = new Worker(new URL("../worker-node.js", here), { name: "nanolm", workerData: { module: String(module) } });
    this.#thread.unref();
    this.#thread.on("message", (data: Told) => {
      if (data.type === "result" || data.type === "error") this.#answered(data.id);
      this.onmessage?.({ data } as MessageEvent);
    });
    this.#thread.on("messageerror", () => this.onmessageerror?.());
    this.#thread.on("error", (error) => this.#end(String(error?.message ?? error)));
    this.#thread.on("exit", (code) => this.#end(`it ended with the code ${code}`));
  }

  postMessage(data: Told, transfer?: readonly unknown[]): void {
    this.#thread.postMessage(data, transfer);
    if (data.id === undefined || data.method === "cancel") return;
    this.#open.add(data.id);
    this.#thread.ref();
  }

  terminate(): void {
    this.#ended = true;
    void this.#thread.terminate();
  }

  #answered(id: unknown): void {
    this.#open.delete(id);
    if (this.#open.size === 0) this.#thread.unref();
  }

  #end(message: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onerror?.({ message, preventDefault() {} } as ErrorEvent);
  }
}

/** The worker of a build of the engine. */
export function startWorker(threads: boolean): Worker {
  return new ThreadWorker(threads ? new URL("../worker-threads.js", here) : new URL("../worker.js", here)) as unknown as Worker;
}
