// Proofreader, of the Proofreader API (https://webmachinelearning.github.io/proofreader-api/).

import type { Model } from "../index.js";
import { Aid, aidAvailability, chatModel, KEY } from "./aid.js";
import { browserAvailability, browserMade, type PreferOptions } from "./browser.js";
import { type CallOptions, checkAttached, type CreateOptions, isEnglish, languages, outcome } from "./common.js";
import type { Correction, CorrectionType } from "./corrections.js";
import type { Availability } from "./provider.js";

export interface ProofreaderCoreOptions extends PreferOptions {
  includeCorrectionTypes?: boolean | undefined;
  includeCorrectionExplanations?: boolean | undefined;
  expectedInputLanguages?: readonly string[] | undefined;
  /** Explanations are in English. */
  correctionExplanationLanguage?: string | undefined;
}

export interface ProofreaderCreateOptions extends ProofreaderCoreOptions, CreateOptions {}

export interface ProofreadCorrection {
  /** In UTF-16 code units of the input. */
  startIndex: number;
  endIndex: number;
  correction: string;
  types?: CorrectionType[];
  explanation?: string;
}

export interface ProofreadResult {
  correctedInput: string;
  /** In the order of the input. Missing where the input is blank. */
  corrections?: ProofreadCorrection[];
}

interface Checked {
  types: boolean;
  explanations: boolean;
  input: readonly string[] | null;
  explanation: string | null;
}

function checked(options: ProofreaderCoreOptions): Checked {
  checkAttached();
  const input = languages(options.expectedInputLanguages);
  return {
    types: Boolean(options.includeCorrectionTypes),
    explanations: Boolean(options.includeCorrectionExplanations),
    input: input.length > 0 ? Object.freeze(input) : null,
    explanation: languages(options.correctionExplanationLanguage === undefined ? [] : [options.correctionExplanationLanguage])[0] ?? null,
  };
}

const isSupported = ({ explanations, explanation }: Checked): boolean => !explanations || explanation === null || isEnglish(explanation);

/** The model is asked for so much at once, in UTF-16 code units: of more, small models leave things out. */
const PART = 600;

/** Of a sentence without an end, such as a long list: between words where there is a space. */
const LONG = new RegExp(`[^]{1,${PART}}(?:\\s|$)|[^]{1,${PART}}`, "gu");

/** The text in parts that follow one another: lines, and sentences of long lines. None is much longer than `PART`. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  for (const line of text.match(/[^\n]*\n+|[^\n]+$/g) ?? []) {
    let part = "";
    const sentences = line.length > PART ? Array.from(new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(line), ({ segment }) => segment) : [line];
    for (const segment of sentences.flatMap((sentence) => sentence.match(LONG) ?? [])) {
      if (part !== "" && part.length + segment.length > PART) {
        parts.push(part);
        part = "";
      }
      part += segment;
    }
    parts.push(part);
  }
  return parts;
}

export class Proofreader extends Aid {
  readonly #model: Model;
  readonly #options: Checked;

  /** @internal */
  constructor(key: symbol, model: Model, options: Checked, signal: AbortSignal | undefined) {
    super(key, signal);
    this.#model = model;
    this.#options = options;
  }

  static async availability(options: ProofreaderCoreOptions = {}): Promise<Availability> {
    const wanted = checked(options);
    return (await browserAvailability("Proofreader", Proofreader, options)) ?? (isSupported(wanted) ? aidAvailability(wanted.input ?? []) : "unavailable");
  }

  static async create(options: ProofreaderCreateOptions = {}): Promise<Proofreader> {
    const wanted = checked(options);
    const made = await browserMade<Proofreader>("Proofreader", Proofreader, options);
    if (made !== undefined) return made;
    // Corrections are explained in English alone.
    return new Proofreader(KEY, await chatModel("Proofreader", options, wanted.input ?? [], isSupported(wanted)), wanted, options.signal);
  }

  get [Symbol.toStringTag](): string {
    return "Proofreader";
  }

  get includeCorrectionTypes(): boolean {
    return this.#options.types;
  }

  get includeCorrectionExplanations(): boolean {
    return this.#options.explanations;
  }

  get expectedInputLanguages(): readonly string[] | null {
    return this.#options.input;
  }

  get correctionExplanationLanguage(): string | null {
    return this.#options.explanation;
  }

  /**
   * The text corrected, and what was changed. A part that the model wrote anew stays as it was: `UnknownError` where that is all of them.
   */
  async proofread(input: string, options: CallOptions = {}): Promise<ProofreadResult> {
    const text = String(input);
    return outcome((signal) => this.#proofread(text, signal), this.ends(options.signal));
  }

  async #proofread(input: string, signal: AbortSignal): Promise<ProofreadResult> {
    if (input.trim() === "") return { correctedInput: input };
    const { corrections, isProofread, typesOf } = await import("./corrections.js");
    let correctedInput = "";
    const changes: Correction[] = [];
    let [asked, refused, from] = [0, 0, 0];
    for (const part of partsOf(input)) {
      const core = part.trim();
      const answer = core === "" ? "" : await this.#ask(core, signal);
      const isKept = core !== "" && isProofread(core, answer);
      asked += core === "" ? 0 : 1;
      refused += core === "" || isKept ? 0 : 1;
      // The function form: an answer may have a dollar sign.
      const corrected = isKept ? part.replace(core, () => answer) : part;
      correctedInput += corrected;
      // Part by part: comparing takes as much memory as both are long, multiplied.
      for (const { startIndex, endIndex, correction } of corrections(part, corrected)) {
        changes.push({ startIndex: from + startIndex, endIndex: from + endIndex, correction });
      }
      from += part.length;
    }
    if (refused === asked) throw new DOMException("The model wrote the text anew in place of correcting it: nothing of that was taken. A larger model may do better.", "UnknownError");
    const { types, explanations } = this.#options;
    const found = changes.map((each): ProofreadCorrection => {
      const old = input.slice(each.startIndex, each.endIndex);
      const kinds = typesOf(old, each.correction);
      const what = old === "" ? `${JSON.stringify(each.correction)} was missing` : each.correction === "" ? `${JSON.stringify(old)} does not belong here` : `${JSON.stringify(old)} becomes ${JSON.stringify(each.correction)}`;
      return { ...each, ...(types ? { types: kinds } : {}), ...(explanations ? { explanation: `${kinds.join(", ")}: ${what}.` } : {}) };
    });
    return { correctedInput, corrections: found };
  }

  /** The text as the model corrects it. */
  async #ask(text: string, signal: AbortSignal): Promise<string> {
    const content =
      "Correct the spelling, grammar, punctuation and capital letters of the text. Change nothing else: keep its words, names, numbers and language. " +
      `Write the corrected text alone; where nothing is wrong, the text as it is.\n\nText: ${text}`;
    let answer = "";
    const writing = { signal, temperature: 0, maxNewTokens: 64 + text.length, variables: { enable_thinking: false } };
    for await (const piece of this.#model.chat([{ role: "user", content }], writing)) answer += piece.text;
    answer = answer.trim();
    const quoted = /^(["“])([^]*)["”]$/u.exec(answer);
    return quoted !== null && !/^["“]/u.test(text) ? (quoted[2] as string) : answer;
  }
}
