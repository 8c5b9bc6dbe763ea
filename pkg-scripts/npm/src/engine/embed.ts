// Texts to vectors, in slices.

import { SLICE_MS } from "./slices.js";

export interface EmbedWork {
  /** Runs something short on the engine while no call is inside it. */
  between<T>(work: () => T): Promise<T>;
  /** Lets others go on, after so many milliseconds of work. */
  turn(worked: number): Promise<void>;
  signal: AbortSignal;
  onProgress(done: number): void;
}

/** The vectors of all texts, one behind the other. `embed` is offered `most` texts at once, and gives the vectors of the first of them. */
export async function embedAll(
  texts: readonly string[],
  embed: (texts: string[]) => readonly Float32Array[],
  most: number,
  { between, turn, signal, onProgress }: EmbedWork,
): Promise<Float32Array<ArrayBuffer>> {
  let all = new Float32Array(0);
  for (let done = 0, worked = 0; done < texts.length; ) {
    await turn(worked);
    signal.throwIfAborted();
    done = await between(() => {
      const begun = performance.now();
      const end = begun + SLICE_MS;
      let at = done;
      do {
        for (const vector of embed(texts.slice(at, at + most))) {
          if (all.length === 0) all = new Float32Array(texts.length * vector.length);
          all.set(vector, at * vector.length);
          at += 1;
        }
      } while (at < texts.length && performance.now() < end);
      worked = performance.now() - begun;
      return at;
    });
    onProgress(done);
    signal.throwIfAborted();
  }
  return all;
}
