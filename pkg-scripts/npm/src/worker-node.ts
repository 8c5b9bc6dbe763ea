// A worker thread of Node, with what the modules that it runs (worker.js, worker-threads.js, thread.js) have around them in a
// page's worker: messages, workers of their own, files that can be fetched, a store for what was downloaded.

import { builtin } from "./node/builtin.js";
import { fetchFile } from "./node/files.js";
import { FolderStorage } from "./node/store.js";
import { ThreadWorker } from "./node/workers.js";

const { parentPort, workerData } = builtin("node:worker_threads");

function define(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

const { fetch: fetchRemote } = globalThis;
const scope = globalThis as unknown as { onmessage: ((event: { data: unknown }) => void) | null };

define("onmessage", null);
define("postMessage", (data: unknown, transfer?: readonly unknown[]) => parentPort?.postMessage(data, transfer));
define("Worker", ThreadWorker);
define("caches", new FolderStorage());
define("fetch", (input: RequestInfo | URL, init?: RequestInit) => {
  const request = new Request(input, init);
  return request.url.startsWith("file:") ? fetchFile(request) : fetchRemote(input, init);
});
// Node 20 has none.
if (globalThis.navigator === undefined) define("navigator", { hardwareConcurrency: builtin("node:os").availableParallelism() });

const { module } = workerData as { module: string };
await import(module);
// Messages that came before wait until somebody listens.
parentPort?.on("message", (data) => scope.onmessage?.({ data }));
