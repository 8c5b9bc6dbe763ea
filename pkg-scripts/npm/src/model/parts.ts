// What a model is given beside its files: the embedding table, trained sets of labels, what finds names. Each is fetched once, when
// something first needs it.

import type { Connection } from "../engine/connection.js";
import { type Part, partFiles } from "../files/source.js";
import type { Progress } from "../info.js";
import { abortable } from "./abortable.js";
import { report } from "./job.js";
import { type CallOptions, checkCallOptions } from "./options.js";

/** @internal */
export class Parts {
  readonly #connection: Connection;
  readonly #cache: boolean;
  /** Where the page has put a copy of the package's files. */
  readonly #assets: string | undefined;
  readonly #fetching = new Map<Part, Promise<void>>();
  /** Of the calls that wait for each. */
  readonly #waiting = new Map<Part, Set<(progress: Progress) => void>>();

  constructor(connection: Connection, cache: boolean, assets: string | undefined) {
    this.#connection = connection;
    this.#cache = cache;
    this.#assets = assets;
  }

  /** Resolves when the model has a part. A call that is aborted meanwhile ends alone: others may wait for the same. */
  async ready(part: Part, { signal, onProgress }: CallOptions): Promise<void> {
    checkCallOptions({ signal, onProgress });
    signal?.throwIfAborted();
    const waiting = this.#waiting.get(part) ?? new Set();
    this.#waiting.set(part, waiting);
    const fetching = this.#fetching.get(part) ?? this.#fetch(part, waiting);
    this.#fetching.set(part, fetching);
    const listen = (progress: Progress): void => report(onProgress, progress);
    waiting.add(listen);
    try {
      await abortable(fetching, signal);
    } finally {
      waiting.delete(listen);
    }
  }

  #fetch(part: Part, waiting: ReadonlySet<(progress: Progress) => void>): Promise<void> {
    const progress = (progress: Progress): void => {
      for (const listen of waiting) listen(progress);
    };
    const { answer } = this.#connection.send<void>({ method: "part", files: partFiles(part, this.#assets), cache: this.#cache }, { progress });
    // After a failure the next call tries again. Nobody may be waiting any more.
    answer.catch(() => {
      this.#fetching.delete(part);
    });
    return answer;
  }
}
