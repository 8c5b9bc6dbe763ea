"use client";

import { useCallback, useEffect, useState } from "react";
import type { ModelSource } from "../index.js";
import { IDLE, LOADING, type ModelState, type SharedOptions, share } from "./shared.js";

export interface UseModelOptions extends SharedOptions {
  /** Loads nothing while it is `false`: until the visitor asks for it. */
  enabled?: boolean | undefined;
}

export interface UsedModel extends ModelState {
  /** Loads again after an error. */
  retry: () => void;
}

/**
 * Loads a model when the component is mounted, and shares it with all that ask for the same. The last one that is unmounted
 * aborts the load, or disposes of the model. A source that is an object has to be the same object at each rendering.
 */
export function useModel(source?: ModelSource, options: UseModelOptions = {}): UsedModel {
  const { enabled = true, ...load } = options;
  const key = JSON.stringify(load);
  const [state, setState] = useState<ModelState>(enabled ? LOADING : IDLE);
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: options are the same where their text is; an attempt begins anew
  useEffect(() => {
    if (enabled) return share(source, load, setState);
    setState(IDLE);
    return undefined;
  }, [source, key, enabled, attempt]);
  const retry = useCallback(() => setAttempt((before) => before + 1), []);
  return { ...state, retry };
}
