// What a prompt of the Prompt API says, checked and in the form that models here take.

import type { ChatMessage, ChatOptions } from "../index.js";

export interface LanguageModelMessage {
  role: "system" | "user" | "assistant";
  content: string | readonly { type: "text"; value: string }[];
  /** Of the last message, the assistant's: the answer goes on from it. */
  prefix?: boolean | undefined;
}

export type LanguageModelPrompt = string | readonly LanguageModelMessage[];

export const notSupported = (message: string): DOMException => new DOMException(message, "NotSupportedError");

const ROLES = ["system", "user", "assistant"];
const TYPES = ["text", "image", "audio", "tool-call", "tool-response"];

/** The messages of a prompt. `begun`: something was said before, so that a system's message comes too late. */
export function messagesOf(prompt: LanguageModelPrompt, begun: boolean): ChatMessage[] {
  if (typeof prompt === "string") return [{ role: "user", content: prompt }];
  if (!Array.isArray(prompt)) throw new TypeError("A prompt is a string or an array of messages.");
  if (prompt.length === 0) return [{ role: "user", content: "" }];
  return (prompt as readonly LanguageModelMessage[]).map(({ role, content, prefix }, i) => {
    if (!ROLES.includes(role)) throw new TypeError(`'${String(role)}' is not a valid LanguageModelMessageRole.`);
    if (prefix && (role !== "assistant" || i !== prompt.length - 1)) {
      throw new DOMException("Only the last message can be a prefix, and only the assistant's.", "SyntaxError");
    }
    if (role === "system" && (begun || i > 0)) throw new TypeError("A system prompt comes first.");
    return { role, content: textOf(content) };
  });
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw new TypeError("A message's content is a string or an array.");
  const texts = (content as readonly { type?: unknown; value?: unknown }[]).map(({ type, value }) => {
    if (!TYPES.includes(String(type))) throw new TypeError(`'${String(type)}' is not a valid LanguageModelMessageType.`);
    if (type !== "text") throw notSupported(`A content of the type '${String(type)}' is not supported.`);
    if (typeof value !== "string") throw new TypeError("A content of the type 'text' has a string as its value.");
    return value;
  });
  return texts.join("");
}

/** What holds an answer to a constraint. It is never said to the model, only held. */
export function formatOf(constraint: object | undefined, omitted: boolean | undefined): ChatOptions["responseFormat"] {
  if (constraint === undefined) {
    if (omitted) throw new TypeError("omitResponseConstraintInput needs a responseConstraint.");
    return undefined;
  }
  if (typeof constraint !== "object" || constraint === null) throw new TypeError("A responseConstraint is a JSON schema or a RegExp.");
  if (!(constraint instanceof RegExp)) return { type: "json", schema: constraint as Record<string, unknown> };
  if (/[ims]/.test(constraint.flags)) throw notSupported(`A responseConstraint with the flags '${constraint.flags}' is not supported.`);
  return { type: "regex", pattern: constraint.source };
}
