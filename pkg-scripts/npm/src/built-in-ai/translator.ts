// Translator, of the Translator and Language Detector APIs (https://webmachinelearning.github.io/translation-api/).

import type { Model } from "../index.js";
import { Aid, aidAvailability, chatModel, KEY, nameOf, textsOf } from "./aid.js";
import { browserAvailability, browserMade, type PreferOptions } from "./browser.js";
import { type CallOptions, checkAttached, type CreateOptions, languages } from "./common.js";
import type { Availability } from "./provider.js";

export interface TranslatorCoreOptions extends PreferOptions {
  sourceLanguage: string;
  targetLanguage: string;
}

export interface TranslatorCreateOptions extends TranslatorCoreOptions, CreateOptions {}

/** White space and control characters alone. */
const BLANK = /^[\s\p{Cc}]*$/u;

function checked(options: TranslatorCoreOptions | undefined): TranslatorCoreOptions {
  checkAttached();
  const required = (name: keyof TranslatorCoreOptions): string => {
    const tag = options?.[name];
    if (tag === undefined) throw new TypeError(`Failed to read the '${name}' property: Required member is undefined.`);
    return languages([String(tag)])[0] as string;
  };
  return { sourceLanguage: required("sourceLanguage"), targetLanguage: required("targetLanguage") };
}

export class Translator extends Aid {
  readonly #model: Model;
  readonly #pair: TranslatorCoreOptions;

  /** @internal */
  constructor(key: symbol, model: Model, pair: TranslatorCoreOptions, signal: AbortSignal | undefined) {
    super(key, signal);
    this.#model = model;
    this.#pair = pair;
  }

  get sourceLanguage(): string {
    return this.#pair.sourceLanguage;
  }

  get targetLanguage(): string {
    return this.#pair.targetLanguage;
  }

  /** Which languages a model knows, nobody can tell beforehand. */
  static async availability(options: TranslatorCoreOptions): Promise<Availability> {
    const { sourceLanguage, targetLanguage } = checked(options);
    return (await browserAvailability("Translator", Translator, options)) ?? aidAvailability([sourceLanguage, targetLanguage]);
  }

  static async create(options: TranslatorCreateOptions): Promise<Translator> {
    const wanted = checked(options);
    const made = await browserMade<Translator>("Translator", Translator, options);
    if (made !== undefined) return made;
    const model = await chatModel("Translator", options, [wanted.sourceLanguage, wanted.targetLanguage]);
    return new Translator(KEY, model, wanted, options.signal);
  }

  get [Symbol.toStringTag](): string {
    return "Translator";
  }

  async translate(input: string, options: CallOptions = {}): Promise<string> {
    return this.whole((signal) => this.#parts(String(input), signal), options);
  }

  translateStreaming(input: string, options: CallOptions = {}): ReadableStream<string> {
    return this.streaming((signal) => this.#parts(String(input), signal), options);
  }

  async *#parts(input: string, signal: AbortSignal): AsyncGenerator<string, void> {
    // What has nothing to translate is given back.
    if (BLANK.test(input)) return yield input;
    const [from, to] = [nameOf(this.sourceLanguage), nameOf(this.targetLanguage)];
    yield* textsOf(input, () => this.#model.translate(input, { from, to, signal }));
  }
}
