// The one model of the page. A new model replaces the old one only once it is whole: until then, and if it fails,
// the page goes on with the old one.
import { isAbort } from "./dom.js";

/** Fires `change` on every new state, `progress` while loading, `replaced` before the old model goes. */
export class Engine extends EventTarget {
  /** The loaded model, or null. */
  model = null;
  /** What it was loaded from and for: `{ source, label, device }`; `source` undefined is the model of the package. */
  choice = { source: undefined, label: "", device: "auto" };
  /** Why the last load gave no model: an error, or null. */
  error = null;
  /** Whether the last load was stopped by the visitor. */
  stopped = false;
  /** How long the last load took, in milliseconds. */
  loadMs = 0;
  /** The size of the model's files, as far as it was told. */
  modelBytes = 0;
  #loading = null;

  get loading() {
    return this.#loading !== null;
  }

  /** Loads; resolves when it is over, whether it worked or not. A load under way is given up. */
  load(choice) {
    this.#loading?.controller.abort();
    const controller = new AbortController();
    const load = { controller, choice, promise: null };
    this.#loading = load;
    this.error = null;
    this.stopped = false;
    load.promise = this.#run(load);
    this.#emit("change");
    return load.promise;
  }

  async #run(load) {
    const { controller, choice } = load;
    const started = performance.now();
    let size = [choice.source ?? []].flat().reduce((sum, file) => sum + file.size, 0);
    try {
      const { Model } = await importPackage();
      controller.signal.throwIfAborted();
      const model = await Model.load(choice.source, {
        device: choice.device,
        signal: controller.signal,
        cache: false, // the service worker keeps the model with the rest of the page
        onProgress: (progress) => {
          if (progress.phase === "download") size = Math.max(size, progress.loaded);
          if (this.#loading === load) this.#emit("progress", progress);
        },
      });
      if (this.#loading !== load) return void model.dispose();
      this.loadMs = performance.now() - started;
      const old = this.model;
      this.model = model;
      this.choice = choice;
      this.modelBytes = size;
      if (old) this.#emit("replaced");
      await old?.dispose();
    } catch (error) {
      if (this.#loading !== load) return;
      if (isAbort(error)) this.stopped = true;
      else this.error = error;
    }
    if (this.#loading === load) {
      this.#loading = null;
      this.#emit("change");
    }
  }

  stop() {
    this.#loading?.controller.abort();
  }

  /** The model to use now: waits for a load under way and starts one if there is none. Rejects if it fails. */
  async ready(signal) {
    if (!this.loading && !this.model) this.load(this.choice);
    while (this.#loading) await orAbort(this.#loading.promise, signal);
    if (this.model) return this.model;
    throw this.error ?? new DOMException("Loading the model was stopped", "AbortError");
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** The promise, or the signal's reason if it aborts first. */
function orAbort(promise, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** A module of the package beside the page. Loaded here, not at the top, so that its absence can be said in words. */
export async function importPackage(path = "index.js") {
  try {
    return await import(`../nanolm/${path}`);
  } catch (cause) {
    throw new Error(
      `the nanolm package could not be loaded from ./nanolm/${path} (${cause.message}). ` +
        "Serve this folder with the built package as its subfolder nanolm/, or start it with pkg-scripts/demo",
      { cause },
    );
  }
}
