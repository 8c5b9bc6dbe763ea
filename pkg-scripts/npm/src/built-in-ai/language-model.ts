// LanguageModel, of the Prompt API (https://webmachinelearning.github.io/prompt-api/), for texts.

import type { ChatMessage, ChatOptions, Model, Session } from "../index.js";
import { browserAvailability, browserMade, type PreferOptions } from "./browser.js";
import { type CallOptions, checkAttached, create, type CreateOptions, isLanguage, languages, Life, oneOf, outcome, quotaExceeded, streamOf } from "./common.js";
import { type Expected, formatOf, type LanguageModelMessage, type LanguageModelMessageContent, type LanguageModelPrompt, messagesOf, notSupported, prefixOf } from "./prompt.js";
import { abortable } from "../model/abortable.js";
import { type Call, ToolCalls } from "../openai/tool-calls.js";
import { type Availability, availability, isProvided, load } from "./provider.js";
import { asContent } from "./tool-content.js";
import { answersOf, checkedTools, described, isOpen, type LanguageModelTool, MOST_ROUNDS } from "./tools.js";

export type { LanguageModelMessage, LanguageModelMessageContent, LanguageModelPrompt } from "./prompt.js";
export type { LanguageModelTool } from "./tools.js";

/** How the sampling modes are meant here. `balanced` is what a model's makers chose: its own settings, and these where it says none. */
const MODES = {
  "most-predictable": { temperature: 0, topK: 1 },
  predictable: { temperature: 0.3, topK: 20 },
  "slightly-predictable": { temperature: 0.5, topK: 30 },
  balanced: { temperature: 0.8, topK: 40 },
  "slightly-creative": { temperature: 0.9, topK: 60 },
  creative: { temperature: 1, topK: 100 },
  "most-creative": { temperature: 1.3, topK: 1000 },
};

export type LanguageModelSamplingMode = keyof typeof MODES;

export interface LanguageModelExpected {
  type: string;
  languages?: readonly string[] | undefined;
}

export interface LanguageModelCoreOptions extends PreferOptions {
  /** Only together with `temperature`, and not with a `samplingMode`. */
  topK?: number | undefined;
  temperature?: number | undefined;
  /** How daring answers are. `balanced`, which it is unless said otherwise: the model's own settings. */
  samplingMode?: LanguageModelSamplingMode | undefined;
  expectedInputs?: readonly LanguageModelExpected[] | undefined;
  expectedOutputs?: readonly LanguageModelExpected[] | undefined;
  /** Functions that the model may call, if its template knows tools. */
  tools?: readonly LanguageModelTool[] | undefined;
}

export interface LanguageModelCreateOptions extends LanguageModelCoreOptions, CreateOptions {
  initialPrompts?: readonly LanguageModelMessage[] | undefined;
}

export interface LanguageModelPromptOptions extends CallOptions {
  /** A JSON schema, or a regular expression that the whole answer matches. */
  responseConstraint?: object | undefined;
  /** The constraint is never said to the model, only held. */
  omitResponseConstraintInput?: boolean | undefined;
}

/** What `prompt` gives. */
export type LanguageModelAnswer = string | LanguageModelMessageContent[];

const PARAMS = { defaultTopK: 40, maxTopK: 1000, defaultTemperature: 0.8, maxTemperature: 2 };

const EXPECTED = ["text", "image", "audio", "tool-call", "tool-response"] as const;

function isSupported({ expectedInputs = [], expectedOutputs = [], tools = [], topK, temperature, samplingMode }: LanguageModelCoreOptions): boolean {
  checkAttached();
  oneOf("LanguageModelSamplingMode", samplingMode, Object.keys(MODES) as LanguageModelSamplingMode[], "balanced");
  if (samplingMode !== undefined && (topK !== undefined || temperature !== undefined)) throw new TypeError("samplingMode does not go together with topK and temperature.");
  let known = true;
  const types = [...expectedInputs, ...expectedOutputs].map((each) => {
    known &&= languages(each.languages).every(isLanguage);
    return oneOf("LanguageModelMessageType", String(each.type), EXPECTED, "text");
  });
  const open = checkedTools(tools).some(isOpen);
  if (open && !expectedOutputs.some(({ type }) => type === "tool-call")) throw new TypeError("Tools without execute need { type: \"tool-call\" } among expectedOutputs.");
  return isProvided() && known && (topK === undefined) === (temperature === undefined) && types.every((type) => type === "text" || type.startsWith("tool-"));
}

/** Only `create` and `clone` may. */
const KEY = Symbol("LanguageModel");

interface State {
  model: Model;
  session: Session;
  /** Said, and not yet given to the session. */
  pending: readonly ChatMessage[];
  usage: number;
  topK: number;
  temperature: number;
  /** Whether the two were asked for: else the model's own are used. */
  sampled: boolean;
  samplingMode: LanguageModelSamplingMode | null;
  tools: readonly LanguageModelTool[];
  /** Types of inputs beside texts. */
  expected: Expected;
}

export class LanguageModel extends EventTarget {
  readonly #state: State;
  readonly #life: Life;
  /** Calls take their turns: what one says belongs to the conversation before the next begins. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Hears that the oldest turns were left out. */
  oncontextoverflow: ((this: LanguageModel, event: Event) => unknown) | null = null;
  /** The same by its old name. */
  onquotaoverflow: ((this: LanguageModel, event: Event) => unknown) | null = null;

  /** @internal */
  constructor(key: symbol, state: State, created?: AbortSignal) {
    if (key !== KEY) throw new TypeError("Illegal constructor");
    super();
    this.#state = state;
    this.#life = new Life(created);
    this.#life.atEnd(() => void state.session.dispose().catch(() => {}));
    this.addEventListener("contextoverflow", (event) => this.oncontextoverflow?.(event));
    this.addEventListener("quotaoverflow", (event) => this.onquotaoverflow?.(event));
  }

  static async availability(options: LanguageModelCoreOptions = {}): Promise<Availability> {
    const supported = isSupported(options);
    return (await browserAvailability("LanguageModel", LanguageModel, options)) ?? (supported ? availability() : "unavailable");
  }

  static async params(): Promise<typeof PARAMS | null> {
    return isProvided() ? { ...PARAMS } : null;
  }

  static async create(options: LanguageModelCreateOptions = {}): Promise<LanguageModel> {
    const { initialPrompts = [], topK, temperature, signal } = options;
    if (topK !== undefined && !(topK >= 1)) throw new RangeError("topK is at least 1.");
    if (temperature !== undefined && !(temperature >= 0)) throw new RangeError("temperature is at least 0.");
    const supported = isSupported(options);
    const made = await browserMade<LanguageModel>("LanguageModel", LanguageModel, options);
    if (made !== undefined) return made;
    const expected = new Set(options.expectedInputs?.map(({ type }) => type));
    const pending = initialPrompts.length === 0 ? [] : messagesOf(initialPrompts, false, expected);
    const model = await create(options, (signal, progress) => {
      if (!supported) throw notSupported("Such a model is not supported: see LanguageModel.availability(), and name a model with useModel().");
      return load(signal, progress);
    });
    const usage = await tokensOf(model, pending);
    if (usage > model.info.contextLength) throw quotaExceeded(usage, model.info.contextLength);
    const session = await model.session();
    if (signal?.aborted) {
      void session.dispose();
      throw signal.reason;
    }
    const samplingMode = topK === undefined ? (options.samplingMode ?? "balanced") : null;
    const mode = samplingMode === null || samplingMode === "balanced" ? undefined : MODES[samplingMode];
    const state: State = {
      model,
      session,
      pending,
      usage,
      topK: Math.min(Math.floor(topK ?? mode?.topK ?? PARAMS.defaultTopK), PARAMS.maxTopK),
      temperature: Math.min(temperature ?? mode?.temperature ?? PARAMS.defaultTemperature, PARAMS.maxTemperature),
      sampled: topK !== undefined || mode !== undefined,
      samplingMode,
      tools: [...(options.tools ?? [])],
      expected,
    };
    return new LanguageModel(KEY, state, signal);
  }

  get [Symbol.toStringTag](): string {
    return "LanguageModel";
  }

  get topK(): number {
    return this.#state.topK;
  }

  get temperature(): number {
    return this.#state.temperature;
  }

  /** Null where `topK` and `temperature` were asked for. */
  get samplingMode(): LanguageModelSamplingMode | null {
    return this.#state.samplingMode;
  }

  /** Tokens of the conversation. */
  get contextUsage(): number {
    return this.#state.usage;
  }

  /** Tokens that there is room for. */
  get contextWindow(): number {
    return this.#state.model.info.contextLength;
  }

  /** The old name of `contextUsage`. */
  get inputUsage(): number {
    return this.contextUsage;
  }

  /** The old name of `contextWindow`. */
  get inputQuota(): number {
    return this.contextWindow;
  }

  /** A text; where the model calls tools without `execute`, an array of contents: say so by `prompt<LanguageModelAnswer>(…)`. */
  async prompt<T extends LanguageModelAnswer = string>(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<T> {
    return outcome(async (signal) => {
      let text = "";
      const calls: LanguageModelMessageContent[] = [];
      for await (const part of this.#answer(input, options, signal)) {
        if (typeof part === "string") text += part;
        else calls.push(part);
      }
      const texts: LanguageModelMessageContent[] = text === "" ? [] : [{ type: "text", value: text }];
      return (calls.length === 0 ? text : [...texts, ...calls]) as T;
    }, this.#life.signal(options.signal));
  }

  /** The same as it is written: texts, and calls of tools without `execute` as contents. */
  promptStreaming<T extends string | LanguageModelMessageContent = string>(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): ReadableStream<T> {
    return streamOf((signal) => this.#answer(input, options, signal), this.#life.signal(options.signal)) as ReadableStream<T>;
  }

  /** Says something that is not to be answered yet. */
  async append(input: LanguageModelPrompt, options: CallOptions = {}): Promise<void> {
    return outcome(async (signal) => {
      const done = await this.#myTurn(signal);
      try {
        const more = messagesOf(input, this.#isBegun(), this.#state.expected);
        const tokens = await this.#measured(more);
        // Where it was stopped meanwhile, nothing was said.
        signal.throwIfAborted();
        this.#state.usage += tokens;
        this.#state.pending = [...this.#state.pending, ...more];
      } finally {
        done();
      }
    }, this.#life.signal(options.signal));
  }

  /** In tokens, without those that the model's template adds. */
  async measureContextUsage(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<number> {
    return outcome(async () => {
      formatOf(options.responseConstraint, options.omitResponseConstraintInput);
      return tokensOf(this.#state.model, messagesOf(input, false, this.#state.expected));
    }, this.#life.signal(options.signal));
  }

  /** The old name of `measureContextUsage`. */
  async measureInputUsage(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<number> {
    return this.measureContextUsage(input, options);
  }

  /** A model with the same conversation, to go on with apart from this one. */
  async clone(options: CallOptions = {}): Promise<LanguageModel> {
    return outcome(async (signal) => {
      const done = await this.#myTurn(signal);
      try {
        const session = await this.#state.session.fork();
        if (signal.aborted) void session.dispose();
        signal.throwIfAborted();
        return new LanguageModel(KEY, { ...this.#state, session });
      } finally {
        done();
      }
    }, this.#life.signal(options.signal));
  }

  destroy(): void {
    this.#life.destroy();
  }

  /** Waits for the calls before. What is given back ends the turn. */
  async #myTurn(signal: AbortSignal): Promise<() => void> {
    const before = this.#turn;
    let done = (): void => {};
    this.#turn = new Promise<void>((resolve) => (done = resolve));
    await before;
    if (!signal.aborted) return done;
    done();
    throw signal.reason;
  }

  /** Whether something was said. */
  #isBegun(): boolean {
    return this.#state.pending.length > 0 || this.#state.session.messages.length > 0;
  }

  /** Tokens of what is said, refused where the context has no room for it alone. */
  async #measured(more: readonly ChatMessage[]): Promise<number> {
    const tokens = await tokensOf(this.#state.model, more);
    if (tokens >= this.contextWindow) throw quotaExceeded(tokens, this.contextWindow);
    return tokens;
  }

  async *#answer(input: LanguageModelPrompt, { responseConstraint, omitResponseConstraintInput }: LanguageModelPromptOptions, signal: AbortSignal): AsyncGenerator<string | LanguageModelMessageContent, void> {
    const responseFormat = formatOf(responseConstraint, omitResponseConstraintInput, prefixOf(input));
    const done = await this.#myTurn(signal);
    try {
      const more = messagesOf(input, this.#isBegun(), this.#state.expected);
      await this.#measured(more);
      let said = [...this.#state.pending, ...more];
      for (let round = 1; said.length > 0; round++) {
        const calls = yield* this.#said(said, responseFormat, signal);
        if (calls.some(({ function: { name } }) => this.#state.tools.some((tool) => tool.name === name && isOpen(tool)))) {
          for (const call of calls) yield asContent(call);
          return;
        }
        if (round === MOST_ROUNDS && calls.length > 0) throw new DOMException(`The model called tools ${round} times and did not answer.`, "UnknownError");
        said = await abortable(answersOf(calls, this.#state.tools), signal);
      }
    } finally {
      done();
    }
  }

  /** One answer, piece by piece, and the tools that it calls. */
  async *#said(said: ChatMessage[], responseFormat: ChatOptions["responseFormat"], signal: AbortSignal): AsyncGenerator<string, Call[]> {
    const { session, topK, temperature, sampled, tools } = this.#state;
    const before = session.messages;
    const options: ChatOptions = { signal, overflow: "drop-oldest", responseFormat, ...(sampled && { topK, temperature }), ...(tools.length > 0 && { tools: described(tools) }) };
    const stream = session.chat(said, options);
    const reader = tools.length > 0 ? new ToolCalls() : undefined;
    const calls: Call[] = [];
    try {
      for await (const { text } of stream) {
        const read = reader?.push(text);
        if (read !== undefined) calls.push(...read.calls);
        yield read?.text ?? text;
      }
      const { dropped, finishReason } = await stream.result;
      const rest = reader?.finish(finishReason === "length");
      if (rest !== undefined) calls.push(...rest.calls);
      if (rest?.text) yield rest.text;
      if (dropped !== undefined) for (const name of ["contextoverflow", "quotaoverflow"]) this.dispatchEvent(new Event(name));
      return calls;
    } finally {
      const result = await stream.result.catch(() => undefined);
      // What was said first belongs to the session from now on, unless it failed.
      if (session.messages !== before) {
        this.#state.pending = [];
        if (result !== undefined) this.#state.usage = result.usage.promptTokens + result.usage.completionTokens;
      }
    }
  }
}

async function tokensOf(model: Model, messages: readonly ChatMessage[]): Promise<number> {
  const counts = await Promise.all(messages.map(async ({ content }) => (await model.tokenize(content as string)).length));
  return counts.reduce((sum, count) => sum + count, 0);
}
