// The engine's model: loaded when a call needs it, let go when none did for a while.

import { optionError, saying } from "../errors.js";
import type { Progress } from "../info.js";
import { type LoadOptions, Model } from "../model/model.js";
import type { ModelChoice } from "./choice.js";

interface Loaded {
  model: Promise<Model>;
  /** Calls that use it. */
  users: number;
  /** Calls that want to know how the load goes. */
  progress: Set<(progress: Progress) => void>;
}

export class Models {
  /** By what they were loaded from. One, except while calls that began before another choice are still running. */
  readonly #loaded = new Map<string, Loaded>();

  get busy(): boolean {
    return [...this.#loaded.values()].some(({ users }) => users > 0);
  }

  get empty(): boolean {
    return this.#loaded.size === 0;
  }

  /** Runs something with a model, which stays until that is over. */
  async use<T>(choice: ModelChoice, onProgress: (progress: Progress) => void, run: (model: Model) => Promise<T>): Promise<T> {
    const key = JSON.stringify(choice);
    const loaded = this.#loaded.get(key) ?? this.#load(key, choice);
    loaded.users++;
    loaded.progress.add(onProgress);
    try {
      for (const [other, { users }] of this.#loaded) if (other !== key && users === 0) this.#drop(other);
      return await run(await loaded.model);
    } catch (error) {
      // It is of no use to anybody any more.
      if (/^(worker\/|model\/disposed)/.test((error as { code?: string }).code ?? "") && this.#loaded.get(key) === loaded) this.#drop(key);
      throw error;
    } finally {
      loaded.users--;
      loaded.progress.delete(onProgress);
    }
  }

  #load(key: string, choice: ModelChoice): Loaded {
    const progress: Loaded["progress"] = new Set();
    const model = load(choice, (now) => {
      for (const report of progress) report(now);
    });
    const loaded = { model, users: 0, progress };
    this.#loaded.set(key, loaded);
    // The next call tries again.
    model.catch(() => this.#loaded.get(key) === loaded && this.#loaded.delete(key));
    return loaded;
  }

  #drop(key: string): void {
    const loaded = this.#loaded.get(key);
    this.#loaded.delete(key);
    loaded?.model.then((model) => model.dispose(), () => {});
  }

  /** Frees every model. */
  clear(): void {
    for (const key of [...this.#loaded.keys()]) this.#drop(key);
  }
}

async function load({ source, ...options }: ModelChoice, onProgress: (progress: Progress) => void): Promise<Model> {
  const all: LoadOptions = { ...options, onProgress };
  if (typeof source === "object") return Model.load(await fileOf(source.file), all);
  return Model.load(source, all);
}

/** A file that the extension has put into its origin private file system. */
async function fileOf(name: string): Promise<File> {
  try {
    const folder = await navigator.storage.getDirectory();
    return await (await folder.getFileHandle(name)).getFile();
  } catch (error) {
    throw optionError("source.file", "the name of a file in the origin private file system", saying(`${name} (${(error as Error).message})`));
  }
}
