// Models that components share: loaded for the first that asks, disposed of after the last.

import type { LoadOptions, Model, ModelSource, Progress } from "../index.js";

/** A model on its way. */
export interface ModelState {
  model: Model | undefined;
  /** How far loading is; `undefined` before and after. */
  progress: Progress | undefined;
  error: unknown;
  loading: boolean;
}

export const IDLE: ModelState = { model: undefined, progress: undefined, error: undefined, loading: false };
export const LOADING: ModelState = { ...IDLE, loading: true };

export type SharedOptions = Omit<LoadOptions, "signal" | "onProgress">;

interface Entry {
  state: ModelState;
  readonly listeners: Set<(state: ModelState) => void>;
  readonly stop: AbortController;
}

const entries = new Map<ModelSource | undefined, Map<string, Entry>>();

/** Tells how the model does until what is returned is called. The same source with the same options is the same model. */
export function share(source: ModelSource | undefined, options: SharedOptions, tell: (state: ModelState) => void): () => void {
  const key = JSON.stringify(options);
  const same = entries.get(source) ?? new Map<string, Entry>();
  entries.set(source, same);
  let entry = same.get(key);
  // What failed is tried again by whoever comes next.
  if (entry === undefined || entry.state.error !== undefined) {
    entry = begin(source, options);
    same.set(key, entry);
  }
  const { listeners } = entry;
  listeners.add(tell);
  tell(entry.state);
  return () => {
    listeners.delete(tell);
    // A component that is mounted again at once, as in React's strict mode, finds it still there.
    setTimeout(() => {
      if (listeners.size > 0) return;
      if (same.get(key) === entry) same.delete(key);
      if (same.size === 0 && entries.get(source) === same) entries.delete(source);
      entry.stop.abort();
      void entry.state.model?.dispose();
    });
  };
}

function begin(source: ModelSource | undefined, options: SharedOptions): Entry {
  const entry: Entry = { state: LOADING, listeners: new Set(), stop: new AbortController() };
  const { signal } = entry.stop;
  const set = (state: ModelState): void => {
    if (signal.aborted) return;
    entry.state = state;
    for (const tell of entry.listeners) tell(state);
  };
  const load = async (): Promise<void> => {
    // Not before there is a page: a server renders the component, too.
    const { Model } = await import("../index.js");
    const model = await Model.load(source, { ...options, signal, onProgress: (progress) => set({ ...LOADING, progress }) });
    if (signal.aborted) await model.dispose();
    set({ ...IDLE, model });
  };
  load().catch((error: unknown) => set({ ...IDLE, error }));
  return entry;
}
