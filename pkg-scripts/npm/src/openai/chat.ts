// /v1/chat/completions

import type { ChatMessage, ChatPiece, Model, Result, Usage } from "../index.js";
import { id, invalid, unsupported } from "./errors.js";
import { eventStream } from "./events.js";
import { type Asked, callFormat, formatOf } from "./formats.js";
import type { Parameters } from "./parameters.js";
import { type Call, ToolCalls } from "./tool-calls.js";

interface Wanted {
  messages: ChatMessage[];
  options: Asked;
  n: number;
  logprobs: boolean;
  stream: boolean;
  includeUsage: boolean;
}

const MOST_CHOICES = 16;

export function readChat(parameters: Parameters): Wanted {
  const messages = parameters.take("messages");
  if (!Array.isArray(messages)) throw invalid("messages", "an array of messages", messages);
  const n = parameters.whole("n", 1, MOST_CHOICES) ?? 1;
  const logprobs = parameters.flag("logprobs");
  if ((parameters.whole("top_logprobs", 0) ?? 0) > 0) throw unsupported("top_logprobs", "only the chosen token's probability is known.");
  const { tools, forced } = toolsOf(parameters.take("tools"), parameters.take("tool_choice"));
  const format = parameters.read("response_format", (param, value) => formatOf(param, value, "json_schema"));
  const held = forced === undefined ? { responseFormat: format } : { responseFormat: forced, forced: true };
  parameters.read("modalities", (param, value) => {
    if (JSON.stringify(value) !== '["text"]') throw unsupported(param, "it writes text alone.");
  });
  const variables = {
    ...(parameters.take("chat_template_kwargs") as object | undefined),
    ...optional("reasoning_effort", parameters.text("reasoning_effort")),
  };
  const sampling = parameters.sampling();
  // The same answer several times is not what anyone asks for.
  if (n > 1) sampling.temperature ??= 1;
  const options: Asked = { ...sampling, variables, ...held, ...(tools && { tools }) };
  return { messages: messages as ChatMessage[], options, n, logprobs, ...parameters.stream() };
}

const optional = <T>(name: string, value: T | undefined): Record<string, T> => (value === undefined ? {} : { [name]: value });

/** The tools that may be called, and the form of the answer where a call has to come. */
export function toolsOf(tools: unknown, choice: unknown = "auto"): { tools?: unknown[]; forced?: ReturnType<typeof callFormat> } {
  if (tools !== undefined && !Array.isArray(tools)) throw invalid("tools", "an array", tools);
  const { type, function: named } = (typeof choice === "object" ? choice : {}) as { type?: unknown; function?: { name?: unknown } };
  const name = type === "function" && typeof named?.name === "string" ? named.name : undefined;
  if (name === undefined && choice !== "auto" && choice !== "none" && choice !== "required") {
    throw invalid("tool_choice", '"auto", "none", "required" or { "type": "function", "function": { "name": … } }', choice);
  }
  if (choice === "none" || (choice === "auto" && (tools === undefined || tools.length === 0))) return {};
  return { tools: tools ?? [], ...(choice !== "auto" && { forced: callFormat(tools ?? [], name) }) };
}

/** One of the answers to a request. A seed gives each its own. */
const optionsOf = ({ options }: Wanted, choice: number): Asked =>
  options.seed === undefined || choice === 0 ? options : { ...options, seed: options.seed + choice };

interface Logprob {
  token: string;
  logprob: number;
  bytes: number[];
  top_logprobs: never[];
}

const logprobOf = ({ text, reasoning, logprob }: ChatPiece): Logprob => ({
  token: text + reasoning,
  logprob,
  bytes: [...new TextEncoder().encode(text + reasoning)],
  top_logprobs: [],
});

export function usageOf(usages: readonly Usage[]): object {
  const sum = (count: (usage: Usage) => number): number => usages.reduce((all, usage) => all + count(usage), 0);
  // The prompt is the same for all.
  const prompt = usages[0]?.promptTokens ?? 0;
  const completion = sum((usage) => usage.completionTokens);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: usages[0]?.cachedTokens ?? 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
}

export interface Delta {
  content?: string;
  reasoning_content?: string;
  tool_calls?: (Call & { index: number })[];
}

export interface Written {
  result: Result;
  calls: Call[];
}

/** Has the model answer once. `emit` is given what comes, in order. */
export async function answer(model: Model, messages: readonly ChatMessage[], { forced = false, ...options }: Asked, signal: AbortSignal | undefined, emit: (delta: Delta, piece?: ChatPiece) => void): Promise<Written> {
  const stream = model.chat(messages, { ...options, signal });
  // What has a form of its own is no call.
  const calls = options.tools === undefined || (options.responseFormat !== undefined && !forced) ? undefined : new ToolCalls(forced);
  const found: Call[] = [];
  const say = ({ text, calls: called }: { text: string; calls: Call[] }, reasoning: string, piece?: ChatPiece): void => {
    const delta: Delta = { ...(text !== "" && { content: text }), ...(reasoning !== "" && { reasoning_content: reasoning }) };
    if (called.length > 0) delta.tool_calls = called.map((call, i) => ({ index: found.length + i, ...call }));
    found.push(...called);
    if (Object.keys(delta).length > 0) emit(delta, piece);
  };
  for await (const piece of stream) say(calls?.push(piece.text) ?? { text: piece.text, calls: [] }, piece.reasoning, piece);
  const result = await stream.result;
  if (calls !== undefined) say(calls.finish(result.finishReason === "length"), "");
  return { result, calls: found };
}

const finishReason = ({ result, calls }: Written): string => (calls.length > 0 ? "tool_calls" : result.finishReason === "length" ? "length" : "stop");

export async function completeChat(name: string, model: Model, wanted: Wanted, signal: AbortSignal | undefined): Promise<Response> {
  const head = { id: id("chatcmpl"), created: Math.floor(Date.now() / 1000), model: name, service_tier: "default" };
  if (wanted.stream) return streamChat(head, model, wanted, signal);
  const choices: object[] = [];
  const usages: Usage[] = [];
  for (let index = 0; index < wanted.n; index++) {
    const content: Logprob[] = [];
    let [text, reasoning] = ["", ""];
    const whole = await answer(model, wanted.messages, optionsOf(wanted, index), signal, (delta, piece) => {
      text += delta.content ?? "";
      reasoning += delta.reasoning_content ?? "";
      if (piece !== undefined) content.push(logprobOf(piece));
    });
    usages.push(whole.result.usage);
    const message = {
      role: "assistant",
      content: text === "" && whole.calls.length > 0 ? null : text,
      refusal: null,
      annotations: [],
      ...(reasoning !== "" && { reasoning_content: reasoning }),
      ...(whole.calls.length > 0 && { tool_calls: whole.calls }),
    };
    choices.push({ index, message, logprobs: wanted.logprobs ? { content, refusal: null } : null, finish_reason: finishReason(whole) });
  }
  return Response.json({ ...head, object: "chat.completion", choices, usage: usageOf(usages) });
}

function streamChat(head: object, model: Model, wanted: Wanted, signal: AbortSignal | undefined): Promise<Response> {
  const chunk = (choices: object[], usage: object | null = null): object => ({
    ...head,
    object: "chat.completion.chunk",
    choices,
    ...(wanted.includeUsage && { usage }),
  });
  return eventStream(
    async ({ send }, signal) => {
      const usages: Usage[] = [];
      for (let index = 0; index < wanted.n; index++) {
        let begun = false;
        const begin = (): void => {
          if (!begun) send(chunk([{ index, delta: { role: "assistant", content: "", refusal: null }, logprobs: null, finish_reason: null }]));
          begun = true;
        };
        const whole = await answer(model, wanted.messages, optionsOf(wanted, index), signal, (delta, piece) => {
          begin();
          const logprobs = wanted.logprobs && piece !== undefined ? { content: [logprobOf(piece)], refusal: null } : null;
          send(chunk([{ index, delta, logprobs, finish_reason: null }]));
        });
        begin();
        usages.push(whole.result.usage);
        send(chunk([{ index, delta: {}, logprobs: null, finish_reason: finishReason(whole) }]));
      }
      if (wanted.includeUsage) send(chunk([], usageOf(usages)));
    },
    { done: "[DONE]", failed: (error) => ({ data: error.body }) },
    signal,
  );
}
