// Rewriter, of the Writing Assistance APIs (https://webmachinelearning.github.io/writing-assistance-apis/).

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

const TONES = ["as-is", "more-formal", "more-casual"] as const;
const FORMATS = ["as-is", "plain-text", "markdown"] as const;
const LENGTHS = ["as-is", "shorter", "longer"] as const;

export interface RewriterCoreOptions extends LanguageOptions, PreferOptions {
  tone?: (typeof TONES)[number] | undefined;
  format?: (typeof FORMATS)[number] | undefined;
  length?: (typeof LENGTHS)[number] | undefined;
}

export interface RewriterCreateOptions extends RewriterCoreOptions, WritingCreateOptions {}

export type RewriteCallOptions = WritingCallOptions;

type Checked = Wanted<(typeof TONES)[number], (typeof FORMATS)[number], (typeof LENGTHS)[number]>;

function checked(options: RewriterCoreOptions): Checked {
  checkAttached();
  return {
    tone: oneOf("RewriterTone", options.tone, TONES, "as-is"),
    format: oneOf("RewriterFormat", options.format, FORMATS, "as-is"),
    length: oneOf("RewriterLength", options.length, LENGTHS, "as-is"),
    ...languagesOf(options),
  };
}

export class Rewriter extends WritingAid<Checked> {
  static async availability(options: RewriterCoreOptions = {}): Promise<Availability> {
    const wanted = checked(options);
    return (await browserAvailability("Rewriter", Rewriter, options)) ?? aidAvailability(tagsOf(wanted));
  }

  static async create(options: RewriterCreateOptions = {}): Promise<Rewriter> {
    const wanted = checked(options);
    return (await browserMade<Rewriter>("Rewriter", Rewriter, options)) ?? new Rewriter(KEY, await chatModel("Rewriter", options, tagsOf(wanted)), wanted, options);
  }

  get [Symbol.toStringTag](): string {
    return "Rewriter";
  }

  async rewrite(input: string, options: RewriteCallOptions = {}): Promise<string> {
    return this.whole((signal) => this.#parts(String(input), options, signal), options);
  }

  rewriteStreaming(input: string, options: RewriteCallOptions = {}): ReadableStream<string> {
    return this.streaming((signal) => this.#parts(String(input), options, signal), options);
  }

  async *#parts(input: string, options: RewriteCallOptions, signal: AbortSignal): AsyncGenerator<string, void> {
    if (input.trim() === "") return yield input;
    const { tone, length, format, outputLanguage } = this.options;
    const heeded = [
      format === "as-is" ? "" : `Write ${format === "markdown" ? "Markdown" : "plain text"}.`,
      outputLanguage === null ? "" : `Write it in ${nameOf(outputLanguage)}.`,
      ...this.contexts(options).map((each) => `Heed this: ${each}`),
    ];
    const instruction = heeded.filter((each) => each !== "").join(" ");
    yield* textsOf(input, () => this.model.rewrite(input, { tone, length, instruction, signal }));
  }
}
