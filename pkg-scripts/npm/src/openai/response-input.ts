// What a request to /v1/responses says, in the form of a chat: its items as messages, its tools as those of chat completions.

import type { ChatMessage } from "../index.js";
import { invalid, unsupported } from "./errors.js";

interface Item {
  type?: unknown;
  role?: ChatMessage["role"];
  content?: unknown;
  call_id?: unknown;
  name?: unknown;
  arguments?: unknown;
  output?: unknown;
}

/** The messages of an input; `before` are those that it goes on from. */
export function messagesOf(input: unknown, before: readonly ChatMessage[]): ChatMessage[] {
  if (typeof input === "string") return [...before, { role: "user", content: input }];
  if (!Array.isArray(input) || input.length === 0) throw invalid("input", "a string or an array of messages", input);
  const messages = [...before];
  for (const [i, item] of (input as (Item | null)[]).entries()) {
    const place = `input[${i}]`;
    const type = item?.type ?? "message";
    if (item !== null && type === "function_call") called(messages, item, place);
    else if (item !== null && type === "function_call_output") messages.push(outputOf(messages, item, place));
    else if (type === "message" && item?.role !== undefined) messages.push({ role: item.role, content: textOf(item.content, `${place}.content`) });
    else throw unsupported(place, "only messages, calls of functions and their outputs are.");
  }
  return messages;
}

/** Calls that follow each other, or a text of the assistant's, belong to one message. */
function called(messages: ChatMessage[], { call_id, name, arguments: given }: Item, place: string): void {
  for (const [key, value] of Object.entries({ call_id, name, arguments: given })) {
    if (typeof value !== "string") throw invalid(`${place}.${key}`, "a string", value);
  }
  const call = { id: call_id, type: "function", function: { name, arguments: given } };
  const last = messages.at(-1);
  if (last?.role === "assistant") messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), call] };
  else messages.push({ role: "assistant", content: "", tool_calls: [call] });
}

function outputOf(messages: readonly ChatMessage[], { call_id, output }: Item, place: string): ChatMessage {
  const calls = messages.flatMap(({ tool_calls }) => (tool_calls ?? []) as readonly { id?: unknown; function?: { name?: string } }[]);
  const call = calls.find(({ id }) => id === call_id);
  if (typeof call_id !== "string" || call === undefined) throw invalid(`${place}.call_id`, "the call_id of a function_call before it", call_id);
  return { role: "tool", tool_call_id: call_id, name: call.function?.name, content: textOf(output, `${place}.output`) };
}

function textOf(content: unknown, place: string): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw invalid(place, "a string or an array", content);
  const texts = content.map((part: { type?: unknown; text?: unknown } | null, j) => {
    const isText = part?.type === "input_text" || part?.type === "output_text";
    if (!isText || typeof part?.text !== "string") throw unsupported(`${place}[${j}]`, "only texts are.");
    return part.text;
  });
  return texts.join("");
}

/** Functions as chat completions have them. Tools of the service's own cannot run on the device. */
export function functionsOf(tools: unknown): unknown {
  if (!Array.isArray(tools)) return tools;
  return tools.map((tool: { type?: unknown; name?: unknown } | null, i) => {
    if (tool?.type !== "function") throw unsupported(`tools[${i}].type`, "only functions are.");
    if (typeof tool.name !== "string") throw invalid(`tools[${i}].name`, "a string", tool.name);
    const { type, ...described } = tool;
    return { type, function: described };
  });
}

/** A choice as chat completions have it. */
export function choiceOf(choice: unknown): unknown {
  const { type, name } = (typeof choice === "object" && choice !== null ? choice : {}) as { type?: unknown; name?: unknown };
  return type === "function" ? { type, function: { name } } : choice;
}
