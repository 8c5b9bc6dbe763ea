// Summarizer, of the Writing Assistance APIs (https://webmachinelearning.github.io/writing-assistance-apis/).

import type { Model } from "../index.js";
import { browserAvailability, browserMade, type PreferOptions } from "./browser.js";
import { type CallOptions, checkAttached, create, type CreateOptions, isEnglish, languages, Life, oneOf, outcome, streamOf } from "./common.js";
import { type Availability, availability, load } from "./provider.js";

const TYPES = ["key-points", "tldr", "teaser", "headline"] as const;
const FORMATS = ["markdown", "plain-text"] as const;
const LENGTHS = ["short", "medium", "long"] as const;
const PREFERENCES = ["auto", "speed", "capability"] as const;

export interface SummarizerCoreOptions extends PreferOptions {
  type?: (typeof TYPES)[number] | undefined;
  format?: (typeof FORMATS)[number] | undefined;
  length?: (typeof LENGTHS)[number] | undefined;
  /** It has no effect: one model makes all summaries. */
  preference?: (typeof PREFERENCES)[number] | undefined;
  expectedInputLanguages?: readonly string[] | undefined;
  expectedContextLanguages?: readonly string[] | undefined;
  outputLanguage?: string | undefined;
}

export interface SummarizerCreateOptions extends SummarizerCoreOptions, CreateOptions {
  /** What all texts have to do with. It is kept, and has no effect: summaries are made of the text alone. */
  sharedContext?: string | undefined;
}

export interface SummarizeCallOptions extends CallOptions {
  context?: string | undefined;
}

interface Checked {
  type: (typeof TYPES)[number];
  format: (typeof FORMATS)[number];
  length: (typeof LENGTHS)[number];
  input: string[];
  context: string[];
  output: string | null;
}

function checked(options: SummarizerCoreOptions): Checked {
  checkAttached();
  oneOf("PerformancePreference", options.preference, PREFERENCES, "auto");
  return {
    type: oneOf("SummarizerType", options.type, TYPES, "key-points"),
    format: oneOf("SummarizerFormat", options.format, FORMATS, "markdown"),
    length: oneOf("SummarizerLength", options.length, LENGTHS, "short"),
    input: languages(options.expectedInputLanguages),
    context: languages(options.expectedContextLanguages),
    output: languages(options.outputLanguage === undefined ? [] : [options.outputLanguage])[0] ?? null,
  };
}

/** English alone, and no teasers: a model that copies sentences has none. */
function isSupported({ type, input, context, output }: Checked): boolean {
  return type !== "teaser" && [...input, ...context, ...(output === null ? [] : [output])].every(isEnglish);
}

/** Only `create` may. */
const KEY = Symbol("Summarizer");

export class Summarizer {
  readonly #model: Model;
  readonly #options: Checked;
  readonly #life: Life;
  readonly #sharedContext: string;

  /** @internal */
  constructor(key: symbol, model: Model, options: Checked, { sharedContext, signal }: SummarizerCreateOptions) {
    if (key !== KEY) throw new TypeError("Illegal constructor");
    this.#model = model;
    this.#options = options;
    this.#life = new Life(signal);
    this.#sharedContext = String(sharedContext ?? "");
  }

  static async availability(options: SummarizerCoreOptions = {}): Promise<Availability> {
    const wanted = checked(options);
    return (await browserAvailability("Summarizer", Summarizer, options)) ?? (isSupported(wanted) ? availability() : "unavailable");
  }

  static async create(options: SummarizerCreateOptions = {}): Promise<Summarizer> {
    const wanted = checked(options);
    const made = await browserMade<Summarizer>("Summarizer", Summarizer, options);
    if (made !== undefined) return made;
    const model = await create(options, (signal, progress) => {
      if (!isSupported(wanted)) throw new DOMException("Such summaries are not supported: see Summarizer.availability().", "NotSupportedError");
      return load(signal, progress);
    });
    return new Summarizer(KEY, model, wanted, options);
  }

  get [Symbol.toStringTag](): string {
    return "Summarizer";
  }

  get sharedContext(): string {
    return this.#sharedContext;
  }

  get type(): string {
    return this.#options.type;
  }

  get format(): string {
    return this.#options.format;
  }

  get length(): string {
    return this.#options.length;
  }

  get expectedInputLanguages(): readonly string[] | null {
    return this.#options.input.length > 0 ? Object.freeze([...this.#options.input]) : null;
  }

  get expectedContextLanguages(): readonly string[] | null {
    return this.#options.context.length > 0 ? Object.freeze([...this.#options.context]) : null;
  }

  get outputLanguage(): string | null {
    return this.#options.output;
  }

  /** A text may be longer than the model's context. */
  get inputQuota(): number {
    return Infinity;
  }

  async summarize(input: string, options: SummarizeCallOptions = {}): Promise<string> {
    return outcome(async (signal) => {
      let text = "";
      for await (const part of this.#parts(String(input), signal)) text += part;
      return text;
    }, this.#life.signal(options.signal));
  }

  summarizeStreaming(input: string, options: SummarizeCallOptions = {}): ReadableStream<string> {
    return streamOf((signal) => this.#parts(String(input), signal), this.#life.signal(options.signal));
  }

  /** 0, as the specification wants it where the quota has no limit. */
  async measureInputUsage(_input: string, options: SummarizeCallOptions = {}): Promise<number> {
    return outcome(async () => 0, this.#life.signal(options.signal));
  }

  destroy(): void {
    this.#life.destroy();
  }

  async *#parts(input: string, signal: AbortSignal): AsyncGenerator<string, void> {
    const { type, length, format } = this.#options;
    // Nothing says nothing.
    if (input.trim() === "") return;
    if (type !== "key-points") {
      for await (const { text } of this.#model.summarize(input, { type: type as "tldr" | "headline", length, signal })) yield text;
      return;
    }
    let first = true;
    for await (const { text } of this.#model.summarize(input, { type, length, signal })) {
      const line = text.replace(/\s+/g, " ");
      yield `${first ? "" : "\n"}${format === "markdown" ? `* ${escaped(line)}` : line}`;
      first = false;
    }
  }
}

/** A line of a text that shall be read as Markdown. */
const escaped = (text: string): string => text.replace(/[\\`*_[\]<>#]/g, "\\$&");
