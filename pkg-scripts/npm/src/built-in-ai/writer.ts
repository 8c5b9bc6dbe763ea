// Writer, of the Writing Assistance APIs (https://webmachinelearning.github.io/writing-assistance-apis/).

import {
  aidAvailability,
  chatModel,
  KEY,
  type LanguageOptions,
  languagesOf,
  nameOf,
  tagsOf,
  textsOf,
  type Wanted,
  WritingAid,
  type WritingCallOptions,
  type WritingCreateOptions,
} from "./aid.js";
import { browserAvailability, browserMade, type PreferOptions } from "./browser.js";
import { checkAttached, oneOf } from "./common.js";
import type { Availability } from "./provider.js";

const TONES = ["formal", "neutral", "casual"] as const;
const FORMATS = ["plain-text", "markdown"] as const;
const LENGTHS = ["short", "medium", "long"] as const;

/** How long a text is, in words, and in tokens at most. */
const SIZES: Record<(typeof LENGTHS)[number], { words: string; tokens: number }> = {
  short: { words: "one short paragraph", tokens: 256 },
  medium: { words: "two or three paragraphs", tokens: 640 },
  long: { words: "four to six paragraphs", tokens: 1536 },
};

export interface WriterCoreOptions extends LanguageOptions, PreferOptions {
  tone?: (typeof TONES)[number] | undefined;
  format?: (typeof FORMATS)[number] | undefined;
  length?: (typeof LENGTHS)[number] | undefined;
}

export interface WriterCreateOptions extends WriterCoreOptions, WritingCreateOptions {}

export type WriteCallOptions = WritingCallOptions;

type Checked = Wanted<(typeof TONES)[number], (typeof FORMATS)[number], (typeof LENGTHS)[number]>;

function checked(options: WriterCoreOptions): Checked {
  checkAttached();
  return {
    tone: oneOf("WriterTone", options.tone, TONES, "neutral"),
    format: oneOf("WriterFormat", options.format, FORMATS, "markdown"),
    length: oneOf("WriterLength", options.length, LENGTHS, "short"),
    ...languagesOf(options),
  };
}

export class Writer extends WritingAid<Checked> {
  static async availability(options: WriterCoreOptions = {}): Promise<Availability> {
    const wanted = checked(options);
    return (await browserAvailability("Writer", Writer, options)) ?? aidAvailability(tagsOf(wanted));
  }

  static async create(options: WriterCreateOptions = {}): Promise<Writer> {
    const wanted = checked(options);
    return (await browserMade<Writer>("Writer", Writer, options)) ?? new Writer(KEY, await chatModel("Writer", options, tagsOf(wanted)), wanted, options);
  }

  get [Symbol.toStringTag](): string {
    return "Writer";
  }

  async write(input: string, options: WriteCallOptions = {}): Promise<string> {
    return this.whole((signal) => this.#parts(String(input), options, signal), options);
  }

  writeStreaming(input: string, options: WriteCallOptions = {}): ReadableStream<string> {
    return this.streaming((signal) => this.#parts(String(input), options, signal), options);
  }

  #parts(input: string, options: WriteCallOptions, signal: AbortSignal): AsyncGenerator<string, void> {
    const { tone, length, format, outputLanguage } = this.options;
    const { words, tokens } = SIZES[length];
    const content = [
      `Writing task: ${input}`,
      ...this.contexts(options).map((each) => `Context: ${each}`),
      `Write ${words} in a ${tone} tone, as ${format === "markdown" ? "Markdown" : "plain text"}${outputLanguage === null ? "" : `, in ${nameOf(outputLanguage)}`}. ` +
        "Write the text alone, without a word about it.",
    ].join("\n\n");
    const writing = { signal, maxNewTokens: tokens, variables: { enable_thinking: false } };
    return textsOf(input, () => this.model.chat([{ role: "user", content }], writing));
  }
}
