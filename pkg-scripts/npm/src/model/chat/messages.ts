// Messages as callers give them, brought into the one form that templates expect.

import { optionError } from "../../errors.js";
import type { ChatMessage, ChatTextPart } from "./types.js";

const ROLES = ["system", "developer", "user", "assistant", "tool"];

/** The messages, checked, with their contents as texts and the arguments of calls as objects. */
export function normalised(messages: readonly ChatMessage[], template: string | undefined): ChatMessage[] {
  if (!Array.isArray(messages)) throw optionError("messages", "a string, or an array of messages", messages);
  if (messages.length === 0) throw optionError("messages", "at least one message", messages);
  const knowsDeveloper = template?.includes("developer") ?? false;
  return messages.map((message: ChatMessage, i) => {
    const at = `messages[${i}]`;
    if (typeof message !== "object" || message === null) throw optionError(at, "an object with role and content", message);
    const { role, content, reasoning, tool_calls, ...rest } = message;
    if (!ROLES.includes(role)) throw optionError(`${at}.role`, ROLES.map((each) => `"${each}"`).join(", "), role);
    return {
      ...rest,
      role: role === "developer" && !knowsDeveloper ? "system" : role,
      content: textOf(at, content, tool_calls !== undefined),
      // Templates call it one or the other.
      ...(reasoning === undefined ? {} : { reasoning_content: reasoning, thinking: reasoning }),
      ...(tool_calls === undefined ? {} : { tool_calls: tool_calls.map(withArguments) }),
    };
  });
}

function textOf(at: string, content: ChatMessage["content"], mayBeEmpty: boolean): string {
  if (typeof content === "string") return content;
  if ((content === undefined || content === null) && mayBeEmpty) return "";
  if (!Array.isArray(content)) throw optionError(`${at}.content`, 'a string or an array of { type: "text", text }', content);
  return (content as readonly ChatTextPart[])
    .map((part, i) => {
      if (part?.type !== "text" || typeof part.text !== "string") {
        const found = part?.type === "text" ? part.text : part?.type;
        throw optionError(`${at}.content[${i}]`, '{ type: "text", text }: this model reads text alone', found);
      }
      return part.text;
    })
    .join("");
}

/** Templates write arguments as JSON themselves. */
function withArguments(call: unknown): unknown {
  const { function: named, ...rest } = (call ?? {}) as { function?: { arguments?: unknown } };
  if (typeof named?.arguments !== "string") return call;
  try {
    const value: unknown = JSON.parse(named.arguments);
    return typeof value === "object" && value !== null ? { ...rest, function: { ...named, arguments: value } } : call;
  } catch {
    return call;
  }
}
