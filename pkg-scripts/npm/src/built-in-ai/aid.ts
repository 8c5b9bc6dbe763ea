// What Writer, Rewriter and Translator have in common: a model that the app has named, asked in words.

import type { Model } from "../index.js";
import { type CallOptions, create, type CreateOptions, isLanguage, languages, Life, outcome, streamOf } from "./common.js";
import { type Availability, availability, isProvided, load } from "./provider.js";

export interface LanguageOptions {
  expectedInputLanguages?: readonly string[] | undefined;
  expectedContextLanguages?: readonly string[] | undefined;
  outputLanguage?: string | undefined;
}

/** Checked languages; `null` where none are named. */
export interface Languages {
  expectedInputLanguages: readonly string[] | null;
  expectedContextLanguages: readonly string[] | null;
  outputLanguage: string | null;
}

export function languagesOf({ expectedInputLanguages, expectedContextLanguages, outputLanguage }: LanguageOptions): Languages {
  const list = (tags: readonly string[] | undefined): readonly string[] | null => {
    const found = languages(tags);
    return found.length > 0 ? Object.freeze(found) : null;
  };
  return {
    expectedInputLanguages: list(expectedInputLanguages),
    expectedContextLanguages: list(expectedContextLanguages),
    outputLanguage: list(outputLanguage === undefined ? undefined : [outputLanguage])?.[0] ?? null,
  };
}

/** The English name of a language, for what is said to a model. */
export function nameOf(tag: string): string {
  return new Intl.DisplayNames(["en"], { type: "language" }).of(tag) ?? tag;
}

/** All that are named. */
export function tagsOf({ expectedInputLanguages, expectedContextLanguages, outputLanguage }: Languages): string[] {
  return [...(expectedInputLanguages ?? []), ...(expectedContextLanguages ?? []), ...(outputLanguage === null ? [] : [outputLanguage])];
}

/** The package's own model cannot be asked in words, and no model in what is no language. */
export function aidAvailability(tags: readonly string[]): Availability {
  return isProvided() && tags.every(isLanguage) ? availability() : "unavailable";
}

/** The model that the app has named, where it can be asked in words. */
export async function chatModel(name: string, options: CreateOptions, tags: readonly string[], isSupported = true): Promise<Model> {
  const unsupported = (why: string): DOMException => new DOMException(`${name} ${why}`, "NotSupportedError");
  return create(options, async (signal, progress) => {
    if (!isProvided()) throw unsupported("needs a chat model: name one with useModel.");
    if (!isSupported || !tags.every(isLanguage)) throw unsupported("cannot be made for these options: see availability().");
    const model = await load(signal, progress);
    if (model.info.methods["rewrite"] === undefined) throw unsupported("needs a chat model: the one named with useModel has no chat template.");
    return model;
  });
}

/** Only `create` may. */
export const KEY = Symbol("nanolm/built-in-ai");

/** One of them, made. */
export class Aid {
  readonly #life: Life;

  /** @internal */
  constructor(key: symbol, signal: AbortSignal | undefined) {
    if (key !== KEY) throw new TypeError("Illegal constructor");
    this.#life = new Life(signal);
  }

  /** @internal Aborts when this ends, or the caller does. */
  protected ends(own: AbortSignal | undefined): AbortSignal {
    return this.#life.signal(own);
  }

  /** @internal All of what is written. */
  protected whole(parts: (signal: AbortSignal) => AsyncIterable<string>, { signal }: CallOptions): Promise<string> {
    return outcome(async (signal) => {
      let text = "";
      for await (const part of parts(signal)) text += part;
      return text;
    }, this.#life.signal(signal));
  }

  /** @internal The same as it is written. */
  protected streaming(parts: (signal: AbortSignal) => AsyncIterable<string>, { signal }: CallOptions): ReadableStream<string> {
    return streamOf(parts, this.#life.signal(signal));
  }

  /** Texts of any length are taken. */
  get inputQuota(): number {
    return Infinity;
  }

  /** 0, as the specification wants it where the quota has no limit. */
  async measureInputUsage(_input: string, options: CallOptions = {}): Promise<number> {
    return outcome(async () => 0, this.#life.signal(options.signal));
  }

  destroy(): void {
    this.#life.destroy();
  }
}

/** What is wanted of a text, checked. */
export interface Wanted<Tone extends string, Format extends string, Length extends string> extends Languages {
  tone: Tone;
  format: Format;
  length: Length;
}

export interface WritingCreateOptions extends CreateOptions {
  /** What all texts have to do with. */
  sharedContext?: string | undefined;
}

export interface WritingCallOptions extends CallOptions {
  context?: string | undefined;
}

/** Writer and Rewriter. */
export class WritingAid<Options extends Wanted<string, string, string>> extends Aid {
  readonly #model: Model;
  readonly #options: Options;
  readonly #sharedContext: string;

  /** @internal */
  constructor(key: symbol, model: Model, options: Options, { sharedContext, signal }: WritingCreateOptions) {
    super(key, signal);
    this.#model = model;
    this.#options = options;
    this.#sharedContext = String(sharedContext ?? "");
  }

  /** @internal */
  protected get model(): Model {
    return this.#model;
  }

  /** @internal */
  protected get options(): Options {
    return this.#options;
  }

  get sharedContext(): string {
    return this.#sharedContext;
  }

  /** @internal What the text has to do with. */
  protected contexts({ context = "" }: WritingCallOptions): string[] {
    return [this.sharedContext, String(context)].filter((each) => each !== "");
  }

  get tone(): string {
    return this.options.tone;
  }

  get format(): string {
    return this.options.format;
  }

  get length(): string {
    return this.options.length;
  }

  get expectedInputLanguages(): readonly string[] | null {
    return this.options.expectedInputLanguages;
  }

  get expectedContextLanguages(): readonly string[] | null {
    return this.options.expectedContextLanguages;
  }

  get outputLanguage(): string | null {
    return this.options.outputLanguage;
  }
}

/** The text of pieces; nothing of nothing. */
export async function* textsOf(input: string, begin: () => AsyncIterable<{ text: string }>): AsyncGenerator<string, void> {
  if (input.trim() === "") return;
  for await (const { text } of begin()) yield text;
}
