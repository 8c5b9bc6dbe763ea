// What the APIs have in common: their options, their monitors, their exceptions.

import { NanolmError } from "../index.js";
import { abortable } from "../model/abortable.js";
import { load } from "./provider.js";
import type { Model } from "../index.js";

/** Hears how far a download is: `downloadprogress`, with `loaded` from 0 to 1. */
export class CreateMonitor extends EventTarget {
  get [Symbol.toStringTag](): string {
    return "CreateMonitor";
  }

  ondownloadprogress: ((this: CreateMonitor, event: ProgressEvent) => unknown) | null = null;

  /** @internal */
  constructor() {
    super();
    this.addEventListener("downloadprogress", (event) => this.ondownloadprogress?.(event as ProgressEvent));
  }
}

export interface CreateOptions {
  signal?: AbortSignal | undefined;
  monitor?: ((monitor: CreateMonitor) => void) | undefined;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** Progress is told in steps of this, and of those on the way one in so many milliseconds. */
const STEPS = 65_536;
const EVERY_MS = 50;

/** What `get` loads, with the monitor told of its download. */
export async function create<T = Model>(
  { signal, monitor }: CreateOptions,
  get: (signal: AbortSignal | undefined, progress: (share: number) => void) => Promise<T> = load as typeof get,
): Promise<T> {
  signal?.throwIfAborted();
  const target = new CreateMonitor();
  // What the callback throws is the rejection.
  monitor?.(target);
  let last = -1;
  let told = -EVERY_MS;
  const progress = (share: number): void => {
    const loaded = Math.floor(share * STEPS) / STEPS;
    const now = performance.now();
    if (signal?.aborted || loaded <= last || (loaded > 0 && loaded < 1 && now - told < EVERY_MS)) return;
    last = loaded;
    told = now;
    target.dispatchEvent(new ProgressEvent("downloadprogress", { lengthComputable: true, loaded, total: 1 }));
  };
  try {
    const made = await get(signal, progress);
    // Who hears the end can still stop it.
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    return made;
  } catch (error) {
    throw signal?.aborted ? signal.reason : toException(error, "OperationError");
  }
}

/** One of a list, as WebIDL has it. */
export function oneOf<T extends string>(name: string, value: unknown, known: readonly T[], otherwise: T): T {
  if (value === undefined) return otherwise;
  if (!known.includes(String(value) as T)) throw new TypeError(`The provided value '${String(value)}' is not a valid ${name}: ${known.join(", ")}.`);
  return String(value) as T;
}

/** Language tags in their canonical form, each once; a `RangeError` for what is none. */
export function languages(tags: readonly string[] | undefined): string[] {
  if (tags === undefined) return [];
  // A string has an iterator, too, but is no sequence.
  if (typeof tags !== "object" || tags === null) throw new TypeError(`The provided value '${String(tags)}' is no sequence of language tags.`);
  return Intl.getCanonicalLocales(Array.from(tags, String));
}

/** Whether a canonical tag names a language that anyone speaks: tags may be well-formed and name none. */
export function isLanguage(tag: string): boolean {
  return new Intl.DisplayNames(["en"], { type: "language", fallback: "none" }).of(tag.split("-")[0] as string) !== undefined;
}

/** A frame that was taken out of its page has nothing any more. */
export function checkAttached(): void {
  if (typeof document !== "undefined" && document.defaultView === null) throw new DOMException("The document is not active.", "InvalidStateError");
}

export const isEnglish = (tag: string): boolean => tag.split("-")[0] === "en";

/** What is left once something was destroyed: by itself, or by the signal that it was created with. */
export class Life {
  readonly #end = new AbortController();

  constructor(created?: AbortSignal | undefined) {
    // The signal may outlive this, and must not keep what only this needs.
    const end = new WeakRef(this.#end);
    created?.addEventListener("abort", () => end.deref()?.abort(created.reason), { once: true, signal: this.#end.signal });
  }

  destroy(): void {
    this.#end.abort(new DOMException("It was destroyed.", "AbortError"));
  }

  /** Does this when it ends. */
  atEnd(work: () => void): void {
    this.#end.signal.addEventListener("abort", work, { once: true });
  }

  /** Ends with it, and with the caller's own signal. */
  signal(own: AbortSignal | undefined): AbortSignal {
    checkAttached();
    return own === undefined ? this.#end.signal : AbortSignal.any([this.#end.signal, own]);
  }
}

/** The result of work, with the exceptions of the platform. */
export async function outcome<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  try {
    return await abortable(work(signal), signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : toException(error);
  }
}

/** A stream of texts, with the exceptions of the platform. Leaving it stops the work. Of an aborted signal it throws the reason. */
export function streamOf<T = string>(begin: (signal: AbortSignal) => AsyncIterable<T>, signal: AbortSignal): ReadableStream<T> {
  signal.throwIfAborted();
  const left = new AbortController();
  return new ReadableStream<T>({
    start(controller) {
      const either = AbortSignal.any([signal, left.signal]);
      const stop = (): void => controller.error(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      const write = async (): Promise<void> => {
        try {
          for await (const text of begin(either)) if (text !== "" && !either.aborted) controller.enqueue(text);
          if (!either.aborted) controller.close();
        } catch (error) {
          if (!either.aborted) controller.error(toException(error));
        } finally {
          signal.removeEventListener("abort", stop);
        }
      };
      // Chunks are given from now on, whether or not anyone reads.
      void write();
    },
    cancel: () => left.abort(),
  });
}

export function quotaExceeded(requested: number, quota: number): Error {
  const message = `The input is too large: ${requested} of ${quota}.`;
  const Platform = (globalThis as { QuotaExceededError?: new (message: string, options: object) => Error }).QuotaExceededError;
  return Platform === undefined ? Object.assign(new DOMException(message, "QuotaExceededError"), { requested, quota }) : new Platform(message, { requested, quota });
}

/** `otherwise` is the name of what has none of its own: calls have another one than `create`. */
function toException(error: unknown, otherwise = "UnknownError"): unknown {
  if (!(error instanceof NanolmError)) return error;
  const { code, message, details } = error;
  if (code === "session/context-full") return quotaExceeded(Number(details["found"]), Number(details["limit"]));
  const name = code.startsWith("download/") ? "NetworkError" : /^(task|option|chat)\//.test(code) || code === "model/unsupported" ? "NotSupportedError" : otherwise;
  return new DOMException(message, name);
}
