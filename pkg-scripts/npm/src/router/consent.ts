// Whether texts may go to an origin: asked once, and remembered.

import type { Endpoint } from "./endpoints.js";

/** What the visitor is asked, once for an origin. */
export interface ConsentQuestion {
  origin: string;
  /** The models there, by this router's names. */
  models: string[];
  endpoint: Endpoint;
  task: string | undefined;
  /** Of the request that wants to go there. */
  characters: number;
  personal: boolean;
  redacted: boolean;
}

export type ConsentHook = (question: ConsentQuestion) => boolean | Promise<boolean>;

/** A store of strings, such as `localStorage`. */
export interface ConsentStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): void | Promise<void>;
  removeItem(key: string): void | Promise<void>;
}

const PREFIX = "nanolm-consent:";

class Memory implements ConsentStorage {
  readonly #items = new Map<string, string>();

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }

  removeItem(key: string): void {
    this.#items.delete(key);
  }
}

function defaultStorage(): ConsentStorage {
  try {
    return globalThis.localStorage ?? new Memory();
  } catch {
    // Where storage is blocked, looking at it throws.
    return new Memory();
  }
}

/** What visitors allowed. */
export class Consent {
  readonly #hook: ConsentHook | undefined;
  readonly #storage: ConsentStorage;
  /** Questions that are open: a second request waits for the same answer. */
  readonly #open = new Map<string, Promise<boolean>>();
  /** What was withdrawn, or answered, while a question was open. */
  readonly #versions = new Map<string, number>();

  /** @internal */
  constructor(hook: ConsentHook | undefined, storage: ConsentStorage = defaultStorage()) {
    this.#hook = hook;
    this.#storage = storage;
  }

  /** The answer that is remembered for an origin; `undefined` where nobody was asked. */
  async answer(origin: string): Promise<boolean | undefined> {
    const kept = await this.#storage.getItem(PREFIX + origin);
    return kept === "yes" ? true : kept === "no" ? false : undefined;
  }

  /** Remembers an answer that was given elsewhere, such as in the app's settings. */
  async set(origin: string, allowed: boolean): Promise<void> {
    this.#touch(origin);
    await this.#storage.setItem(PREFIX + origin, allowed ? "yes" : "no");
  }

  /** Forgets an answer: the next request asks again. */
  async forget(origin: string): Promise<void> {
    this.#touch(origin);
    await this.#storage.removeItem(PREFIX + origin);
  }

  /** @internal Whether a request may go to its origin. Without a hook nothing may, whatever is remembered. */
  async allows(question: ConsentQuestion): Promise<boolean> {
    if (this.#hook === undefined) return false;
    const { origin } = question;
    let open = this.#open.get(origin);
    if (open === undefined) {
      open = this.#ask(this.#hook, question).finally(() => this.#open.delete(origin));
      this.#open.set(origin, open);
    }
    return open;
  }

  async #ask(hook: ConsentHook, question: ConsentQuestion): Promise<boolean> {
    const { origin } = question;
    const known = await this.answer(origin);
    if (known !== undefined) return known;
    const version = this.#versions.get(origin);
    // Anything but `true` is no: a hook that forgets its answer must not be taken for consent.
    const allowed = (await hook(question)) === true;
    if (this.#versions.get(origin) !== version) return (await this.answer(origin)) ?? false;
    await this.#storage.setItem(PREFIX + origin, allowed ? "yes" : "no");
    return allowed;
  }

  #touch(origin: string): void {
    this.#versions.set(origin, (this.#versions.get(origin) ?? 0) + 1);
  }
}
