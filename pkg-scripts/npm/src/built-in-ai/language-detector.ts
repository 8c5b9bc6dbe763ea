// LanguageDetector, of the Translator and Language Detector APIs (https://webmachinelearning.github.io/translation-api/). It needs no model:
// its profiles are a module that is fetched when a detector is first made.

import { browserAvailability, browserMade, type PreferOptions } from "./browser.js";
import { type CallOptions, checkAttached, create, type CreateOptions, languages, Life, outcome } from "./common.js";
import type { Availability } from "./provider.js";

export interface LanguageDetectorCoreOptions extends PreferOptions {
  expectedInputLanguages?: readonly string[] | undefined;
}

export interface LanguageDetectorCreateOptions extends LanguageDetectorCoreOptions, CreateOptions {}

export interface LanguageDetectionResult {
  detectedLanguage: string;
  confidence: number;
}

/** The languages that are told apart. Those of `detect.ts`, which is not there yet when it is asked for its availability. */
const KNOWN = "en de fr es pt it nl sv da no fi pl cs hu ro tr id vi ru uk bg el he hi bn ta th ko ka hy ar fa ja zh".split(" ");

type Profiles = typeof import("./detect.js");
let loading: Promise<Profiles> | undefined;
let loaded = false;

function load(): Promise<Profiles> {
  loading ??= import("./detect.js").then(
    (profiles) => {
      loaded = true;
      return profiles;
    },
    (error) => {
      // The next one tries again.
      loading = undefined;
      throw new DOMException(`The profiles of the languages could not be fetched: ${String(error)}`, "NetworkError");
    },
  );
  return loading;
}

const isKnown = (tags: readonly string[]): boolean => tags.every((tag) => KNOWN.includes(tag.replace(/-.*/, "")));

/** Only `create` may. */
const KEY = Symbol("LanguageDetector");

export class LanguageDetector {
  readonly #profiles: Profiles;
  readonly #expected: readonly string[];
  readonly #life: Life;

  /** @internal */
  constructor(key: symbol, profiles: Profiles, expected: readonly string[], created: AbortSignal | undefined) {
    if (key !== KEY) throw new TypeError("Illegal constructor");
    this.#profiles = profiles;
    this.#expected = Object.freeze([...expected]);
    this.#life = new Life(created);
  }

  static async availability(options: LanguageDetectorCoreOptions = {}): Promise<Availability> {
    checkAttached();
    const expected = languages(options.expectedInputLanguages);
    const own = await browserAvailability("LanguageDetector", LanguageDetector, options);
    if (own !== undefined) return own;
    if (!isKnown(expected)) return "unavailable";
    return loaded ? "available" : loading === undefined ? "downloadable" : "downloading";
  }

  static async create(options: LanguageDetectorCreateOptions = {}): Promise<LanguageDetector> {
    checkAttached();
    const expected = languages(options.expectedInputLanguages);
    const made = await browserMade<LanguageDetector>("LanguageDetector", LanguageDetector, options);
    if (made !== undefined) return made;
    const profiles = await create(options, async (signal, progress) => {
      if (!isKnown(expected)) throw new DOMException("Not all of these languages are known: see LanguageDetector.availability().", "NotSupportedError");
      progress(0);
      const profiles = await load();
      signal?.throwIfAborted();
      progress(1);
      return profiles;
    });
    return new LanguageDetector(KEY, profiles, expected, options.signal);
  }

  get [Symbol.toStringTag](): string {
    return "LanguageDetector";
  }

  get expectedInputLanguages(): readonly string[] | null {
    return this.#expected.length > 0 ? this.#expected : null;
  }

  /** Of a long text the beginning is looked at. */
  get inputQuota(): number {
    return Infinity;
  }

  /** The likely languages, and at the end, as `und`, what is left. */
  async detect(input: string, options: CallOptions = {}): Promise<LanguageDetectionResult[]> {
    return outcome(async () => {
      const { shares, unknown } = this.#profiles.detect(String(input));
      const results: LanguageDetectionResult[] = [];
      let sum = 0;
      for (const [detectedLanguage, confidence] of [...shares].sort((a, b) => b[1] - a[1])) {
        if (confidence === 0 || confidence < unknown) break;
        results.push({ detectedLanguage, confidence });
        sum += confidence;
        if (sum >= 0.99) break;
      }
      return [...results, { detectedLanguage: "und", confidence: Math.max(0, 1 - sum) }];
    }, this.#life.signal(options.signal));
  }

  /** 0, as the specification wants it where the quota has no limit. */
  async measureInputUsage(_input: string, options: CallOptions = {}): Promise<number> {
    return outcome(async () => 0, this.#life.signal(options.signal));
  }

  destroy(): void {
    this.#life.destroy();
  }
}
