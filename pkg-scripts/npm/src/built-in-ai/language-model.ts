// LanguageModel, of the Prompt API (https://webmachinelearning.github.io/prompt-api/), for texts.

import type { ChatMessage, ChatOptions, Model, Session } from "../index.js";
import { type CallOptions, create, type CreateOptions, languages, Life, outcome, quotaExceeded, streamOf } from "./common.js";
import { type Availability, availability, isProvided } from "./provider.js";

export interface LanguageModelMessage {
  role: "system" | "user" | "assistant";
  content: string | readonly { type: "text"; value: string }[];
  /** Of the last message, the assistant's: the answer goes on from it. */
  prefix?: boolean | undefined;
}

export type LanguageModelPrompt = string | readonly LanguageModelMessage[];

export interface LanguageModelExpected {
  type: string;
  languages?: readonly string[] | undefined;
}

export interface LanguageModelCoreOptions {
  topK?: number | undefined;
  temperature?: number | undefined;
  expectedInputs?: readonly LanguageModelExpected[] | undefined;
  expectedOutputs?: readonly LanguageModelExpected[] | undefined;
  tools?: readonly unknown[] | undefined;
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

const PARAMS = { defaultTopK: 40, maxTopK: 1000, defaultTemperature: 0.8, maxTemperature: 2 };

function isSupported({ expectedInputs = [], expectedOutputs = [], tools = [], topK, temperature }: LanguageModelCoreOptions): boolean {
  const all = [...expectedInputs, ...expectedOutputs];
  all.forEach((each) => languages(each.languages));
  return isProvided() && tools.length === 0 && (topK === undefined) === (temperature === undefined) && all.every(({ type }) => type === "text");
}

const notSupported = (message: string): DOMException => new DOMException(message, "NotSupportedError");

function formatOf(constraint: object | undefined): ChatOptions["responseFormat"] {
  if (constraint === undefined) return undefined;
  if (typeof constraint !== "object" || constraint === null) throw new TypeError("A responseConstraint is a JSON schema or a RegExp.");
  if (!(constraint instanceof RegExp)) return { type: "json", schema: constraint as Record<string, unknown> };
  if (/[ims]/.test(constraint.flags)) throw notSupported(`A responseConstraint with the flags '${constraint.flags}' is not supported.`);
  return { type: "regex", pattern: constraint.source };
}

function messagesOf(prompt: LanguageModelPrompt): ChatMessage[] {
  if (typeof prompt === "string") return [{ role: "user", content: prompt }];
  if (!Array.isArray(prompt)) throw new TypeError("A prompt is a string or an array of messages.");
  return (prompt as readonly LanguageModelMessage[]).map(({ role, content, prefix }, i) => {
    if (role !== "system" && role !== "user" && role !== "assistant") throw new TypeError(`'${String(role)}' is not a valid LanguageModelMessageRole.`);
    if (prefix === true && (role !== "assistant" || i !== prompt.length - 1)) {
      throw new DOMException("Only the last message can be a prefix, and only the assistant's.", "SyntaxError");
    }
    if (typeof content === "string") return { role, content };
    if (!Array.isArray(content)) throw new TypeError("A message's content is a string or an array.");
    const texts = (content as readonly { type?: unknown; value?: unknown }[]).map(({ type, value }) => {
      if (type !== "text") throw notSupported(`A content of the type '${String(type)}' is not supported.`);
      if (typeof value !== "string") throw new TypeError("A content of the type 'text' has a string as its value.");
      return value;
    });
    return { role, content: texts.join("") };
  });
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
}

export class LanguageModel extends EventTarget {
  readonly #state: State;
  readonly #life = new Life();
  /** Hears that the oldest turns were left out. */
  onquotaoverflow: ((this: LanguageModel, event: Event) => unknown) | null = null;

  /** @internal */
  constructor(key: symbol, state: State) {
    if (key !== KEY) throw new TypeError("Illegal constructor");
    super();
    this.#state = state;
    this.addEventListener("quotaoverflow", (event) => this.onquotaoverflow?.(event));
  }

  static async availability(options: LanguageModelCoreOptions = {}): Promise<Availability> {
    return isSupported(options) ? availability() : "unavailable";
  }

  static async params(): Promise<typeof PARAMS | null> {
    return isProvided() ? { ...PARAMS } : null;
  }

  static async create(options: LanguageModelCreateOptions = {}): Promise<LanguageModel> {
    const { initialPrompts = [], topK, temperature, signal } = options;
    signal?.throwIfAborted();
    if (topK !== undefined && !(topK >= 1)) throw new RangeError("topK is at least 1.");
    if (temperature !== undefined && !(temperature >= 0)) throw new RangeError("temperature is at least 0.");
    if (initialPrompts.some(({ role }, i) => role === "system" && i > 0)) throw new TypeError("A system prompt comes first.");
    if (!isSupported(options)) throw notSupported("Such a model is not supported: see LanguageModel.availability(), and name a model with useModel().");
    const pending = messagesOf(initialPrompts);
    const model = await create(options);
    const usage = await tokensOf(model, pending);
    if (usage > model.info.contextLength) throw quotaExceeded(usage, model.info.contextLength);
    return new LanguageModel(KEY, {
      model,
      session: await model.session(),
      pending,
      usage,
      topK: Math.min(Math.floor(topK ?? PARAMS.defaultTopK), PARAMS.maxTopK),
      temperature: Math.min(temperature ?? PARAMS.defaultTemperature, PARAMS.maxTemperature),
      sampled: topK !== undefined,
    });
  }

  get topK(): number {
    return this.#state.topK;
  }

  get temperature(): number {
    return this.#state.temperature;
  }

  /** Tokens of the conversation. */
  get inputUsage(): number {
    return this.#state.usage;
  }

  /** Tokens that there is room for. */
  get inputQuota(): number {
    return this.#state.model.info.contextLength;
  }

  async prompt(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<string> {
    return outcome(async (signal) => {
      let text = "";
      for await (const part of this.#answer(input, options, signal)) text += part;
      return text;
    }, this.#life.signal(options.signal));
  }

  promptStreaming(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): ReadableStream<string> {
    return streamOf((signal) => this.#answer(input, options, signal), this.#life.signal(options.signal));
  }

  /** Says something that is not to be answered yet. */
  async append(input: LanguageModelPrompt, options: CallOptions = {}): Promise<void> {
    return outcome(async () => {
      const more = messagesOf(input);
      this.#state.usage += await this.#measured(more);
      this.#state.pending = [...this.#state.pending, ...more];
    }, this.#life.signal(options.signal));
  }

  /** In tokens, without those that the model's template adds. */
  async measureInputUsage(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<number> {
    return outcome(() => tokensOf(this.#state.model, messagesOf(input)), this.#life.signal(options.signal));
  }

  /** A model with the same conversation, to go on with apart from this one. */
  async clone(options: CallOptions = {}): Promise<LanguageModel> {
    return outcome(async () => new LanguageModel(KEY, { ...this.#state, session: await this.#state.session.fork() }), this.#life.signal(options.signal));
  }

  destroy(): void {
    this.#life.destroy();
    void this.#state.session.dispose().catch(() => {});
  }

  /** Tokens of what is said, refused where the context has no room for it alone. */
  async #measured(more: readonly ChatMessage[]): Promise<number> {
    const tokens = await tokensOf(this.#state.model, more);
    if (tokens >= this.inputQuota) throw quotaExceeded(tokens, this.inputQuota);
    return tokens;
  }

  async *#answer(input: LanguageModelPrompt, { responseConstraint }: LanguageModelPromptOptions, signal: AbortSignal): AsyncGenerator<string, void> {
    const responseFormat = formatOf(responseConstraint);
    const said = [...this.#state.pending, ...messagesOf(input)];
    await this.#measured(messagesOf(input));
    const { topK, temperature, sampled } = this.#state;
    const options: ChatOptions = { signal, overflow: "drop-oldest", responseFormat, ...(sampled && { topK, temperature }) };
    // What was said first belongs to the session from now on, unless it fails.
    const stream = this.#state.session.chat(said, options);
    for await (const { text } of stream) yield text;
    const { usage, dropped } = await stream.result;
    this.#state.pending = [];
    this.#state.usage = usage.promptTokens + usage.completionTokens;
    if (dropped !== undefined) this.dispatchEvent(new Event("quotaoverflow"));
  }
}

async function tokensOf(model: Model, messages: readonly ChatMessage[]): Promise<number> {
  const counts = await Promise.all(messages.map(async ({ content }) => (await model.tokenize(content as string)).length));
  return counts.reduce((sum, count) => sum + count, 0);
}
