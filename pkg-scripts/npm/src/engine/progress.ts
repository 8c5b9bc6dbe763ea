// How far a call is, told to the page.

import type { Progress } from "../info.js";

/** At most this often; what ends a phase is always told. */
const PROGRESS_MS = 30;

export type Told = (phase: string, loaded: number, total: number | undefined) => void;

export function throttled(tell: (progress: Progress) => void): Told {
  let last = -Infinity;
  let lastPhase = "";
  return (phase, loaded, total) => {
    const now = performance.now();
    if (phase === lastPhase && loaded !== total && now - last < PROGRESS_MS) return;
    last = now;
    lastPhase = phase;
    tell({ phase, loaded, total });
  };
}
