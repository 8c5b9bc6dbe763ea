// The model behind the APIs: loaded once, when something is first created.

import { Model, type Progress } from "../index.js";
import { abortable } from "../model/abortable.js";

export type Availability = "unavailable" | "downloadable" | "downloading" | "available";

/** A model, or a function that loads it. */
export type ProvidedModel = Model | ((options: { onProgress: (progress: Progress) => void }) => Promise<Model>);

let provided: ProvidedModel | undefined;
let loading: Promise<Model> | undefined;
let loaded = false;
const listeners = new Set<(share: number) => void>();

/**
 * Which model answers from now on. Without it the package's own one does, which summarizes and knows no conversations:
 * `LanguageModel` is unavailable then.
 */
export function useModel(model: ProvidedModel): void {
  provided = model;
  loading = undefined;
  loaded = false;
}

/** Whether an app has named a model. */
export const isProvided = (): boolean => provided !== undefined;

export function availability(): Availability {
  if (loaded || (provided !== undefined && typeof provided !== "function")) return "available";
  return loading === undefined ? "downloadable" : "downloading";
}

/** The model. `progress` is told the share that is there, from 0 to 1. */
export async function load(signal: AbortSignal | undefined, progress: (share: number) => void): Promise<Model> {
  signal?.throwIfAborted();
  listeners.add(progress);
  try {
    progress(0);
    const model = await abortable(begin(), signal);
    progress(1);
    return model;
  } finally {
    listeners.delete(progress);
  }
}

function begin(): Promise<Model> {
  if (loading !== undefined) return loading;
  const onProgress = ({ phase, loaded, total }: Progress): void => {
    // The end is told by `load`, once for each.
    if (phase === "download" && total !== undefined && total > 0) for (const tell of listeners) tell(Math.min(loaded / total, 0.99));
  };
  const model = provided === undefined ? Model.load(undefined, { onProgress }) : typeof provided === "function" ? provided({ onProgress }) : Promise.resolve(provided);
  loading = model;
  model.then(
    () => {
      if (loading === model) loaded = true;
    },
    () => {
      // The next one tries again.
      if (loading === model) loading = undefined;
    },
  );
  return model;
}
