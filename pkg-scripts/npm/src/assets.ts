// The package's own files. This module lies at the top and names them all relative to itself, in the form that bundlers look for. What a
// bundler leaves as it is (esbuild, Rollup) is then looked for beside the bundle, whichever module asks.

/** The address of the package's modules, out of sight of bundlers. */
export const here = import.meta.url;

/** Starts the worker of a build. Threads have one of their own, because the JavaScript side of their engine differs and nobody should download both. */
export function startWorker(threads: boolean): Worker {
  return threads
    ? new Worker(new URL("./worker-threads.js", import.meta.url), { type: "module" })
    : new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
}

/** The address of the default model, or of one of the files beside it. `assets`: where the page has put a copy of these files. */
export function modelFile(name: keyof typeof MODEL_FILES, assets?: string): string {
  return assets === undefined ? MODEL_FILES[name]().href : `${assets}model/nanolm-${name}.gguf`;
}

/** What the default model must be. pkg-scripts/npm/assemble.mjs puts the hash of the file here. */
export const DEFAULT_INTEGRITY: string = "sha256:model/nanolm-default.gguf";

const MODEL_FILES = {
  default: () => new URL("./model/nanolm-default.gguf", import.meta.url),
  table: () => new URL("./model/nanolm-table.gguf", import.meta.url),
  names: () => new URL("./model/nanolm-names.gguf", import.meta.url),
  topic: () => new URL("./model/nanolm-topic.gguf", import.meta.url),
  sentiment: () => new URL("./model/nanolm-sentiment.gguf", import.meta.url),
  clinc150: () => new URL("./model/nanolm-clinc150.gguf", import.meta.url),
  banking77: () => new URL("./model/nanolm-banking77.gguf", import.meta.url),
  snips: () => new URL("./model/nanolm-snips.gguf", import.meta.url),
};
