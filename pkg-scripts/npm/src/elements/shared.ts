// What the elements have in common: models that they share, attributes, and the making of their parts.

import { optionError } from "../errors.js";
import type { Progress } from "../info.js";
import { Model } from "../model/model.js";

export const DEVICES = ["auto", "cpu", "gpu"] as const;

/** A model that no element uses any more is let go after this time. */
const IDLE_MS = 60_000;

interface Shared {
  model: Promise<Model>;
  users: number;
}

/** One model serves all elements that want the same: by what it was loaded from. */
const models = new Map<string, Shared>();

export async function withModel<T>(
  src: string | undefined,
  device: (typeof DEVICES)[number],
  onProgress: (progress: Progress) => void,
  run: (model: Model) => Promise<T>,
): Promise<T> {
  const key = JSON.stringify([src, device]);
  const shared = models.get(key) ?? { model: Model.load(src, { device, onProgress }), users: 0 };
  models.set(key, shared);
  shared.users++;
  shared.model.catch(() => models.get(key) === shared && models.delete(key));
  try {
    return await run(await shared.model);
  } finally {
    shared.users--;
    setTimeout(() => {
      if (shared.users > 0 || models.get(key) !== shared) return;
      models.delete(key);
      shared.model.then((model) => model.dispose(), () => {});
    }, IDLE_MS);
  }
}

/** A server has no elements; there the class is only a name. */
export const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

export function element<K extends keyof HTMLElementTagNameMap>(tag: K, part: string, text?: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.setAttribute("part", part);
  if (text !== undefined) made.textContent = text;
  return made;
}

export function sheet(css: string): CSSStyleSheet {
  // Made by script, so that a policy without 'unsafe-inline' lets it be.
  const made = new CSSStyleSheet();
  made.replaceSync(css);
  return made;
}

/** An attribute that is one of several words, the first by default. */
export function choice<T extends string>(of: HTMLElement, name: string, words: readonly [T, ...T[]]): T {
  const value = of.getAttribute(name) ?? words[0];
  const found = words.find((word) => word === value);
  if (found === undefined) throw optionError(name, words.map((word) => `"${word}"`).join(", "), value);
  return found;
}
