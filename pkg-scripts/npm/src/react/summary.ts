"use client";

import { useEffect, useState } from "react";
import type { Model, Point, Result, SummarizeOptions } from "../index.js";

export interface Summary {
  /** What there is of it; sentences of `key-points` on a line each. */
  text: string;
  /** The sentences of `key-points`. */
  points: Point[];
  /** At its end. */
  result: Result | undefined;
  running: boolean;
  error: unknown;
}

const NONE: Summary = { text: "", points: [], result: undefined, running: false, error: undefined };

/**
 * Summarizes a text as soon as there are one and a model, and again where one of them or an option changes. What is no longer
 * wanted is aborted.
 */
export function useSummary(model: Model | undefined, text: string, options: Omit<SummarizeOptions, "signal" | "onProgress"> = {}): Summary {
  const [summary, setSummary] = useState<Summary>(NONE);
  const key = JSON.stringify(options);
  // biome-ignore lint/correctness/useExhaustiveDependencies: options are the same where their text is
  useEffect(() => {
    setSummary(NONE);
    if (model === undefined || text.trim() === "") return undefined;
    const stop = new AbortController();
    const run = async (): Promise<void> => {
      setSummary({ ...NONE, running: true });
      const stream = model.summarize(text, { ...options, signal: stop.signal });
      for await (const piece of stream) {
        // A piece may be on its way when the next summary begins.
        if (stop.signal.aborted) return;
        if ("score" in piece) setSummary((before) => ({ ...before, points: [...before.points, piece], text: [...before.points, piece].map(({ text }) => text).join("\n") }));
        else setSummary((before) => ({ ...before, text: before.text + piece.text }));
      }
      const result = await stream.result;
      if (!stop.signal.aborted) setSummary({ text: result.text, points: result.points ?? [], result, running: false, error: undefined });
    };
    run().catch((error: unknown) => {
      if (!stop.signal.aborted) setSummary((before) => ({ ...before, running: false, error }));
    });
    return () => stop.abort();
  }, [model, text, key]);
  return summary;
}
