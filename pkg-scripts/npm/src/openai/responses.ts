// /v1/responses: texts, whole and as a stream. Answers are kept in memory, so that a later request can go on from one.

import type { ChatMessage, ChatOptions, Model, Result } from "../index.js";
import { ApiError, id, invalid, unsupported } from "./errors.js";
import { eventStream } from "./events.js";
import { formatOf } from "./formats.js";
import type { Parameters } from "./parameters.js";

/** The conversations of earlier answers, by their ids. */
export type Stored = Map<string, readonly ChatMessage[]>;
const MOST_STORED = 64;

interface Wanted {
  messages: ChatMessage[];
  /** They hold for this answer alone. */
  instructions: string | undefined;
  options: ChatOptions;
  /** As it was asked for. */
  format: object;
  stream: boolean;
  store: boolean;
  previous: string | null;
}

export function readResponse(parameters: Parameters, stored: Stored): Wanted {
  const input = messagesOf(parameters.take("input"));
  const previous = parameters.text("previous_response_id") ?? null;
  const before = previous === null ? [] : stored.get(previous);
  if (before === undefined) {
    throw new ApiError(400, `Previous response with id '${previous}' not found.`, "previous_response_id", "previous_response_not_found");
  }
  const tools = parameters.take("tools");
  if (tools !== undefined && !(Array.isArray(tools) && tools.length === 0)) throw unsupported("tools", "use /v1/chat/completions for calls of tools.");
  parameters.take("tool_choice");
  const format = parameters.read("text", (_, value) => (value as { format?: object }).format) ?? { type: "text" };
  if (parameters.flag("background")) throw unsupported("background", "answers are written while they are waited for.");
  parameters.take("include");
  const truncation = parameters.text("truncation") ?? "disabled";
  if (truncation !== "auto" && truncation !== "disabled") throw invalid("truncation", '"auto" or "disabled"', truncation);
  const effort = parameters.read("reasoning", (_, value) => (value as { effort?: unknown }).effort);
  const store = parameters.take("store") !== false;
  const instructions = parameters.text("instructions");
  const options: ChatOptions = {
    ...parameters.sampling(),
    responseFormat: formatOf("text.format", format),
    overflow: truncation === "auto" ? "drop-oldest" : "error",
    ...(effort !== undefined && { variables: { reasoning_effort: effort } }),
  };
  return { messages: [...before, ...input], instructions, format, options, stream: parameters.stream().stream, store, previous };
}

function messagesOf(input: unknown): ChatMessage[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  if (!Array.isArray(input) || input.length === 0) throw invalid("input", "a string or an array of messages", input);
  return input.map((item: { type?: unknown; role?: ChatMessage["role"]; content?: unknown } | null, i) => {
    if ((item?.type ?? "message") !== "message" || item?.role === undefined) throw unsupported(`input[${i}]`, "only messages are.");
    const { role, content } = item;
    if (typeof content === "string") return { role, content };
    if (!Array.isArray(content)) throw invalid(`input[${i}].content`, "a string or an array", content);
    const texts = content.map((part: { type?: unknown; text?: unknown } | null, j) => {
      const isText = part?.type === "input_text" || part?.type === "output_text";
      if (!isText || typeof part?.text !== "string") throw unsupported(`input[${i}].content[${j}]`, "only texts are.");
      return part.text;
    });
    return { role, content: texts.join("") };
  });
}

export async function respond(name: string, model: Model, wanted: Wanted, stored: Stored, signal: AbortSignal | undefined): Promise<Response> {
  const { messages, instructions, options, format, store, previous } = wanted;
  const said: ChatMessage[] = instructions === undefined ? messages : [{ role: "system", content: instructions }, ...messages];
  const base = {
    id: id("resp"),
    object: "response",
    created_at: Math.floor(Date.now() / 1000),
    error: null,
    incomplete_details: null,
    instructions: instructions ?? null,
    max_output_tokens: options.maxNewTokens ?? null,
    model: name,
    output: [] as object[],
    parallel_tool_calls: true,
    previous_response_id: previous,
    store,
    temperature: options.temperature ?? null,
    text: { format },
    tool_choice: "auto",
    tools: [],
    top_p: options.topP ?? null,
    truncation: options.overflow === "drop-oldest" ? "auto" : "disabled",
    usage: null as object | null,
    metadata: {},
  };
  const itemId = id("msg");
  const part = (text: string): object => ({ type: "output_text", text, annotations: [], logprobs: [] });
  const item = (status: string, content: object[]): object => ({ id: itemId, type: "message", status, role: "assistant", content });
  const ended = ({ text, reasoning, finishReason, usage }: Result): typeof base & { status: string } => {
    const incomplete = finishReason === "length";
    if (store) keep(stored, base.id, [...messages, { role: "assistant", content: text, ...(reasoning !== undefined && { reasoning }) }]);
    return {
      ...base,
      status: incomplete ? "incomplete" : "completed",
      incomplete_details: (incomplete ? { reason: "max_output_tokens" } : null) as null,
      output: [item(incomplete ? "incomplete" : "completed", [part(text)])],
      usage: {
        input_tokens: usage.promptTokens,
        input_tokens_details: { cached_tokens: usage.cachedTokens },
        output_tokens: usage.completionTokens,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: usage.promptTokens + usage.completionTokens,
      },
    };
  };
  if (!wanted.stream) return Response.json(ended(await model.chat(said, { ...options, signal }).result));

  return eventStream(
    async (sink, signal) => {
      let sequence = 0;
      const send = (type: string, fields: object): void => sink.send({ type, sequence_number: sequence++, ...fields }, type);
      const at = { item_id: itemId, output_index: 0, content_index: 0 };
      let begun = false;
      // What cannot be answered at all is a response with a status, not an event.
      const begin = (): void => {
        if (begun) return;
        begun = true;
        send("response.created", { response: { ...base, status: "in_progress" } });
        send("response.in_progress", { response: { ...base, status: "in_progress" } });
        send("response.output_item.added", { output_index: 0, item: item("in_progress", []) });
        send("response.content_part.added", { ...at, part: part("") });
      };
      const stream = model.chat(said, { ...options, signal });
      for await (const { text } of stream) {
        begin();
        if (text !== "") send("response.output_text.delta", { ...at, delta: text, logprobs: [] });
      }
      const result = await stream.result;
      begin();
      const response = ended(result);
      send("response.output_text.done", { ...at, text: result.text, logprobs: [] });
      send("response.content_part.done", { ...at, part: part(result.text) });
      send("response.output_item.done", { output_index: 0, item: response.output[0] });
      send(response.status === "incomplete" ? "response.incomplete" : "response.completed", { response });
    },
    { failed: ({ message, param, code }) => ({ data: { type: "error", code, message, param }, name: "error" }) },
    signal,
  );
}

/** Keeps a conversation in place of the oldest. */
function keep(stored: Stored, key: string, messages: readonly ChatMessage[]): void {
  stored.set(key, messages);
  const [oldest] = stored.keys();
  if (stored.size > MOST_STORED && oldest !== undefined) stored.delete(oldest);
}
