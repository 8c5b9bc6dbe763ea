// /v1/responses: texts and calls of functions, whole and as a stream. Answers are kept in memory, so that a later request can go on from one.

import type { ChatMessage, Model } from "../index.js";
import { answer, toolsOf, type Written } from "./chat.js";
import { ApiError, id, invalid, unsupported } from "./errors.js";
import { eventStream } from "./events.js";
import { type Asked, formatOf } from "./formats.js";
import type { Parameters } from "./parameters.js";
import { choiceOf, functionsOf, messagesOf } from "./response-input.js";
import { Output } from "./response-output.js";

/** The conversations of earlier answers, by their ids. */
export type Stored = Map<string, readonly ChatMessage[]>;
const MOST_STORED = 64;

interface Wanted {
  messages: ChatMessage[];
  /** They hold for this answer alone. */
  instructions: string | undefined;
  options: Asked;
  /** As they were asked for. */
  format: object;
  tools: unknown;
  choice: unknown;
  stream: boolean;
  store: boolean;
  previous: string | null;
  metadata: object;
}

export function readResponse(parameters: Parameters, stored: Stored): Wanted {
  const previous = parameters.text("previous_response_id") ?? null;
  const before = previous === null ? [] : stored.get(previous);
  if (before === undefined) {
    throw new ApiError(400, `Previous response with id '${previous}' not found.`, "previous_response_id", "previous_response_not_found");
  }
  const messages = messagesOf(parameters.take("input"), before);
  const tools = parameters.take("tools") ?? [];
  const choice = parameters.take("tool_choice") ?? "auto";
  const { tools: callable, forced } = toolsOf(functionsOf(tools), choiceOf(choice));
  const format = parameters.read("text", (_, value) => (value as { format?: object }).format) ?? { type: "text" };
  if (parameters.flag("background")) throw unsupported("background", "answers are written while they are waited for.");
  parameters.read("include", (param, value) => {
    // What the service keeps encrypted is not there, and nobody misses it.
    const missing = [value].flat().find((each) => each !== "reasoning.encrypted_content");
    if (missing !== undefined) throw unsupported(param, `${JSON.stringify(missing)} is not known here.`);
  });
  parameters.read("top_logprobs", (param, value) => {
    if (value !== 0) throw unsupported(param, "only the chosen token's probability is known.");
  });
  const metadata = parameters.read("metadata", (param, value) => {
    if (typeof value !== "object") throw invalid(param, "an object", value);
    return value as object;
  });
  const truncation = parameters.text("truncation") ?? "disabled";
  if (truncation !== "auto" && truncation !== "disabled") throw invalid("truncation", '"auto" or "disabled"', truncation);
  const effort = parameters.read("reasoning", (_, value) => (value as { effort?: unknown }).effort);
  const store = parameters.take("store") !== false;
  const instructions = parameters.text("instructions");
  const written = formatOf("text.format", format);
  const options: Asked = {
    ...parameters.sampling(),
    ...(forced === undefined ? { responseFormat: written } : { responseFormat: forced, forced: true }),
    ...(callable && { tools: callable }),
    overflow: truncation === "auto" ? "drop-oldest" : "error",
    ...(effort !== undefined && { variables: { reasoning_effort: effort } }),
  };
  return { messages, instructions, format, tools, choice, options, stream: parameters.stream().stream, store, previous, metadata: metadata ?? {} };
}

export async function respond(name: string, model: Model, wanted: Wanted, stored: Stored, signal: AbortSignal | undefined): Promise<Response> {
  const { messages, instructions, options, format, tools, choice, store, previous } = wanted;
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
    tool_choice: choice,
    tools,
    top_p: options.topP ?? null,
    truncation: options.overflow === "drop-oldest" ? "auto" : "disabled",
    usage: null as object | null,
    metadata: wanted.metadata,
  };
  const ended = ({ result, calls }: Written, output: Output): typeof base & { status: string } => {
    const { reasoning, finishReason, usage } = result;
    const forced = options.forced === true;
    const incomplete = finishReason === "length" && !(forced && calls.length > 0);
    output.finish(incomplete, forced);
    const said = { content: output.text, ...(reasoning !== undefined && { reasoning }), ...(calls.length > 0 && { tool_calls: calls }) };
    if (store) keep(stored, base.id, [...messages, { role: "assistant", ...said }]);
    return {
      ...base,
      status: incomplete ? "incomplete" : "completed",
      incomplete_details: (incomplete ? { reason: "max_output_tokens" } : null) as null,
      output: output.items,
      usage: {
        input_tokens: usage.promptTokens,
        input_tokens_details: { cached_tokens: usage.cachedTokens },
        output_tokens: usage.completionTokens,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: usage.promptTokens + usage.completionTokens,
      },
    };
  };
  if (!wanted.stream) {
    const output = new Output(() => {});
    return Response.json(ended(await answer(model, said, options, signal, (delta) => output.add(delta)), output));
  }

  return eventStream(
    async (sink, signal) => {
      let sequence = 0;
      const send = (type: string, fields: object): void => sink.send({ type, sequence_number: sequence++, ...fields }, type);
      let begun = false;
      // What cannot be answered at all is a response with a status, not an event.
      const begin = (): void => {
        if (begun) return;
        begun = true;
        for (const type of ["response.created", "response.in_progress"]) send(type, { response: { ...base, status: "in_progress" } });
      };
      const output = new Output(send);
      const written = await answer(model, said, options, signal, (delta) => {
        begin();
        output.add(delta);
      });
      begin();
      const response = ended(written, output);
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
