// The worker of the build with threads: the engine's own thread, and the one that starts the others (thread.ts).

import init, { Engine, ModelFiles } from "./engine-threads.js";
import { compile } from "./engine/compile.js";
import { serve } from "./engine/serve.js";
import type { ThreadMessage, ThreadStart } from "./thread.js";

/** How long a thread may take to start. One that is later joins in all the same; it is only not counted. */
const START_MS = 5000;

/** Shared memory needs an upper limit, in GiB. It is address space, not memory, but some systems refuse much of it. */
const LIMITS = [4, 2, 1];
const PAGES_A_GIB = 16384;
/** What the engine's memory begins with: at least as much as its wasm file asks for, which pkg-scripts/build checks. */
const FIRST_PAGES = 64;

// Bundlers find the wasm files by these very expressions; pkg-scripts/npm/assemble.mjs fills in their hashes.
const FILES = {
  grammar: () => ({ name: "grammar.wasm", url: new URL("./grammar.wasm", import.meta.url), integrity: "sha256:grammar.wasm" }),
  engine: () => ({
    name: "engine-threads.wasm",
    url: new URL("./engine-threads.wasm", import.meta.url),
    integrity: "sha256:engine-threads.wasm",
  }),
};

let module: WebAssembly.Module;
let memory: WebAssembly.Memory;
const waiting: Thread[] = [];

function sharedMemory(): WebAssembly.Memory {
  let refused: unknown;
  for (const gib of LIMITS) {
    try {
      return new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: gib * PAGES_A_GIB, shared: true });
    } catch (error) {
      refused = error;
    }
  }
  throw refused;
}

serve({
  Engine,
  ModelFiles,
  grammar: (assets) => compile(FILES.grammar(), assets),

  async start(_, assets, threads) {
    // First, because it fails at once where it does.
    memory = sharedMemory();
    if (!(memory.buffer instanceof SharedArrayBuffer)) throw new Error("the browser gives no shared memory");
    // Their script comes while the engine and the model do.
    for (let i = 1; i < threads; i++) waiting.push(newThread());
    module = await compile(FILES.engine(), assets);
    await init({ module_or_path: module, memory });
  },

  async startThreads(wanted) {
    const threads = Array.from({ length: wanted - 1 }, () => waiting.pop() ?? newThread());
    for (const { worker } of waiting.splice(0)) worker?.terminate();
    const failures = (await Promise.all(threads.map(run))).filter((why) => why !== "");
    return { threads: wanted - failures.length, why: failures[0] ?? "" };
  },
});

/** A thread that has nothing to do yet. */
interface Thread {
  worker?: Worker;
  /** Resolves to why there is none, where there is none. */
  failed: Promise<string>;
}

function newThread(): Thread {
  try {
    // Bundlers find the worker by this very expression.
    const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module" });
    const failed = new Promise<string>((resolve) => {
      worker.onerror = (event) => {
        event.preventDefault();
        resolve(`thread.js could not be started${event.message ? `: ${event.message}` : ""}`);
      };
    });
    return { worker, failed };
  } catch (error) {
    return { failed: Promise.resolve(`a thread could not be started: ${(error as Error).message}`) };
  }
}

/** Resolves to "" once the thread runs, or to why it does not. */
function run({ worker, failed }: Thread): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(`a thread took longer than ${START_MS / 1000} s to start`), START_MS);
    void failed.then(resolve);
    if (worker === undefined) return;
    worker.onmessage = ({ data }: MessageEvent<ThreadMessage>) => resolve(data.failed ?? "");
    worker.postMessage({ module, memory } satisfies ThreadStart);
  });
}
