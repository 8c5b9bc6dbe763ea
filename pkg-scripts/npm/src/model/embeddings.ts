// The embedding table of a model: fetched once, when something first needs it.

import type { Connection } from "../engine/connection.js";
import { tableFiles } from "../files/source.js";
import type { Progress } from "../info.js";
import { report } from "./job.js";
import { type CallOptions, checkCallOptions } from "./options.js";

/** @internal */
export class Embeddings {
  readonly #connection: Connection;
  readonly #cache: boolean;
  #fetching: Promise<void> | undefined;
  /** Of the calls that wait for it. */
  readonly #waiting = new Set<(progress: Progress) => void>();

  constructor(connection: Connection, cache: boolean) {
    this.#connection = connection;
    this.#cache = cache;
  }

  /** Resolves when the model has its table. A call that is aborted meanwhile ends alone: others may wait for the same. */
  async ready({ signal, onProgress }: CallOptions): Promise<void> {
    checkCallOptions({ signal, onProgress });
    signal?.throwIfAborted();
    this.#fetching ??= this.#fetch();
    const listen = (progress: Progress): void => report(onProgress, progress);
    this.#waiting.add(listen);
    let stop = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(signal?.reason);
      signal?.addEventListener("abort", stop, { once: true });
    });
    try {
      await Promise.race([this.#fetching, aborted]);
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#waiting.delete(listen);
    }
  }

  #fetch(): Promise<void> {
    const progress = (progress: Progress): void => {
      for (const listen of this.#waiting) listen(progress);
    };
    const { answer } = this.#connection.send<void>({ method: "table", files: tableFiles(), cache: this.#cache }, { progress });
    // After a failure the next call tries again. Nobody may be waiting any more.
    answer.catch(() => {
      this.#fetching = undefined;
    });
    return answer;
  }
}
