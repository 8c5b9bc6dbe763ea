// The worker: owns the engine and answers the page's calls. See protocol.ts.

import { readFiles } from "./download.js";
import init, { Engine, ModelFiles } from "./engine.js";
import { toWire, WorkerError } from "./errors.js";
import type { Reply, Request } from "./protocol.js";
import { Queue } from "./queue.js";

interface Scope {
  postMessage(reply: Reply, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
}
const scope = globalThis as unknown as Scope;

/** Progress messages at most this often; the last one always comes. */
const PROGRESS_MS = 30;

let engine: Engine | undefined;
/** After a trap the engine's memory cannot be trusted. */
let trapped: Error | undefined;
const loading = new Map<number, AbortController>();

const queue = new Queue({
  events: (id, events) => scope.postMessage({ type: "events", id, events }),
  finished: (id) => scope.postMessage({ type: "result", id, value: undefined }),
  failed: fail,
});

function fail(id: number, error: unknown): void {
  if (error instanceof WebAssembly.RuntimeError) trapped = error;
  scope.postMessage({ type: "error", id, error: toWire(error) });
}

function loaded(): Engine {
  if (trapped !== undefined) {
    throw new WorkerError("worker/crashed", `the engine stopped before: ${trapped.message}. Load the model again`);
  }
  if (engine === undefined) {
    throw new WorkerError("worker/no-model", "no model is loaded in this worker");
  }
  return engine;
}

scope.onmessage = ({ data: request }) => {
  const { id } = request;
  const answer = (value: unknown): void => scope.postMessage({ type: "result", id, value });
  switch (request.method) {
    case "load":
      load(request).then(answer, (error: unknown) => fail(id, error));
      break;
    case "tokenize":
      queue.between(() => loaded().tokenize(request.text, request.addSpecial)).then(answer, (error) => fail(id, error));
      break;
    case "detokenize":
      queue.between(() => loaded().detokenize(request.ids)).then(answer, (error) => fail(id, error));
      break;
    case "generate":
      queue.push(id, () => loaded().generate(request.text, request.options));
      break;
    case "summarize":
      queue.push(id, () => loaded().summarize(request.text, request.options));
      break;
    case "cancel":
      loading.get(id)?.abort();
      queue.cancel(id);
      break;
  }
};

async function load({ id, files: sources, device, cache }: Request & { method: "load" }): Promise<unknown> {
  const stop = new AbortController();
  loading.set(id, stop);
  try {
    const ready = start();
    // Awaited in readFiles; until then a failure is not unobserved.
    ready.catch(() => {});
    const progress = throttled(id);
    const files = await readFiles(sources, ready, {
      cache,
      stop,
      onProgress: (loaded, total) => progress("download", loaded, total),
    });
    engine = await Engine.load(files, device, progress);
    return engine.info();
  } finally {
    loading.delete(id);
  }
}

async function start(): Promise<() => ModelFiles> {
  try {
    // Bundlers find the wasm file by this very expression.
    await init({ module_or_path: new URL("./engine_bg.wasm", import.meta.url) });
  } catch (error) {
    throw new WorkerError(
      "worker/wasm",
      `engine_bg.wasm could not be started: ${(error as Error).message}. It belongs beside the package's other files; a ` +
        "Content-Security-Policy needs script-src 'self' 'wasm-unsafe-eval'; the browser needs WebAssembly SIMD",
    );
  }
  return () => new ModelFiles();
}

function throttled(id: number): (phase: string, loaded: number, total: number | undefined) => void {
  let last = -Infinity;
  let lastPhase = "";
  return (phase, loaded, total) => {
    const now = performance.now();
    if (phase === lastPhase && loaded !== total && now - last < PROGRESS_MS) return;
    last = now;
    lastPhase = phase;
    scope.postMessage({ type: "progress", id, progress: { phase, loaded, total } });
  };
}

scope.postMessage({ type: "ready" });
