// The browser's own built-in AI, where the app would rather have that.

import { abortable } from "../model/abortable.js";
import { oneOf } from "./common.js";
import type { Availability } from "./provider.js";

const WHOSE = ["nanolm", "browser"] as const;

/** Taken by `availability` and `create` of each API. They go before what `setPreference` said. */
export interface PreferOptions {
  /** `"browser"`: the browser's own where it is there and available, and nanolm's otherwise. */
  prefer?: (typeof WHOSE)[number] | undefined;
  /** The browser's own counts as available, too, where it has to be downloaded first. `false` unless it is said. */
  browserDownload?: boolean | undefined;
}

let preferred: PreferOptions = {};

/** Who answers from now on where a call does not say it: nanolm, or the browser's own where that is available. */
export function setPreference(options: PreferOptions): void {
  const prefer = oneOf("preference", options.prefer, WHOSE, "nanolm");
  preferred = { prefer, browserDownload: options.browserDownload };
}

/** One of the browser's classes, as far as it is used here. */
interface Own {
  availability(options: object): Promise<Availability>;
  create(options: object): Promise<unknown>;
}

/** The browser's classes that the polyfill has put ours in the place of, by name. */
const replaced = new Map<string, unknown>();

/** Puts ours where pages look for it, and keeps what the browser has there. */
export function replace(name: string, ours: unknown): void {
  const before = (globalThis as Record<string, unknown>)[name];
  if (before !== undefined && before !== ours) replaced.set(name, before);
  Object.defineProperty(globalThis, name, { value: ours, configurable: true, writable: true, enumerable: false });
}

function ownOf(name: string, ours: unknown): Own | undefined {
  const there = (globalThis as Record<string, unknown>)[name];
  const own = (there === ours ? replaced.get(name) : there) as Own | undefined;
  return typeof own?.availability === "function" && typeof own.create === "function" ? own : undefined;
}

interface Found {
  own: Own;
  state: Availability;
  /** The options without ours and without those that `availability` does not have. */
  rest: object;
}

async function find(name: string, ours: unknown, options: PreferOptions & object): Promise<Found | undefined> {
  const { prefer, browserDownload = preferred.browserDownload ?? false, ...rest } = options;
  if (oneOf("preference", prefer, WHOSE, preferred.prefer ?? "nanolm") === "nanolm") return undefined;
  const own = ownOf(name, ours);
  if (own === undefined) return undefined;
  const { signal, monitor, initialPrompts, sharedContext, ...core } = rest as Record<string, unknown>;
  let state: Availability;
  try {
    state = await abortable(own.availability(core), signal as AbortSignal | undefined);
  } catch {
    (signal as AbortSignal | undefined)?.throwIfAborted();
    // It does not know these options, or is not allowed here.
    return undefined;
  }
  const isThere = state === "available" || (browserDownload && (state === "downloadable" || state === "downloading"));
  return isThere ? { own, state, rest } : undefined;
}

/** What the browser's own says, where it would be used. */
export async function browserAvailability(name: string, ours: unknown, options: PreferOptions & object): Promise<Availability | undefined> {
  return (await find(name, ours, options))?.state;
}

/** What the browser's own makes, where it is preferred and can: otherwise nothing, and nanolm has to. */
export async function browserMade<T>(name: string, ours: unknown, options: PreferOptions & { signal?: AbortSignal | undefined }): Promise<T | undefined> {
  const found = await find(name, ours, options);
  if (found === undefined) return undefined;
  try {
    return (await found.own.create(found.rest)) as T;
  } catch {
    options.signal?.throwIfAborted();
    // Its download failed, or a visitor's gesture is missing: nanolm needs none.
    return undefined;
  }
}
