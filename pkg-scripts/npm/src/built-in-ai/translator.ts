// Translator, of the Translator and Language Detector APIs (https://webmachinelearning.github.io/translation-api/).

import type { Model } from "../index.js";
import { Aid, aidAvailability, chatModel, KEY, nameOf, textsOf } from "./aid.js";
import { browserAvailability, browserMade, type PreferOptions } from "./browser.js";
import { type CallOptions, type CreateOptions, languages } from "./common.js";
import type { Availability } from "./provider.js";

export interface TranslatorCoreOptions extends PreferOptions {
  sourceLanguage: string;
  targetLanguage: string;
}

export interface TranslatorCreateOptions extends TranslatorCoreOptions, CreateOptions {}

function checked(options: TranslatorCoreOptions | undefined): TranslatorCoreOptions {
  const required = (name: keyof TranslatorCoreOptions): string => {
    const tag = options?.[name];
    if (tag === undefined) throw new TypeError(`Failed to read the '${name}' property: Required member is undefined.`);
    return languages([String(tag)])[0] as string;
  };
  return { sourceLanguage: required("sourceLanguage"), targetLanguage: required("targetLanguage") };
}

export class Translator extends Aid {
  readonly #model: Model;
  readonly sourceLanguage: string;
  readonly targetLanguage: string;

  /** @internal */
  constructor(key: symbol, model: Model, { sourceLanguage, targetLanguage }: TranslatorCoreOptions, signal: AbortSignal | undefined) {
    super(key, signal);
    this.#model = model;
    this.sourceLanguage = sourceLanguage;
    this.targetLanguage = targetLanguage;
  }

  /** Which languages a model knows, nobody can tell beforehand. */
  static async availability(options: TranslatorCoreOptions): Promise<Availability> {
    checked(options);
    return (await browserAvailability("Translator", Translator, options)) ?? aidAvailability();
  }

  static async create(options: TranslatorCreateOptions): Promise<Translator> {
    const wanted = checked(options);
    return (await browserMade<Translator>("Translator", Translator, options)) ?? new Translator(KEY, await chatModel("Translator", options), wanted, options.signal);
  }

  async translate(input: string, options: CallOptions = {}): Promise<string> {
    return this.whole((signal) => this.#parts(String(input), signal), options);
  }

  translateStreaming(input: string, options: CallOptions = {}): ReadableStream<string> {
    return this.streaming((signal) => this.#parts(String(input), signal), options);
  }

  #parts(input: string, signal: AbortSignal): AsyncGenerator<string, void> {
    const [from, to] = [nameOf(this.sourceLanguage), nameOf(this.targetLanguage)];
    return textsOf(input, () => this.#model.translate(input, { from, to, signal }));
  }
}
