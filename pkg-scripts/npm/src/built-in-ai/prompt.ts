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
  if (!isSequence(prompt)) return [{ role: "user", content: String(prompt) }];
  const messages = [...prompt] as readonly LanguageModelMessage[];
  if (messages.length === 0) return [{ role: "user", content: "" }];
  return messages.map(({ role, content, prefix }, i) => {
    if (!ROLES.includes(role)) throw new TypeError(`'${String(role)}' is not a valid LanguageModelMessageRole.`);
    if (prefix && (role !== "assistant" || i !== messages.length - 1)) {
      throw new DOMException("Only the last message can be a prefix, and only the assistant's.", "SyntaxError");
    }
    if (role === "system" && (begun || i > 0)) throw new TypeError("A system prompt comes first.");
    return { role, content: textOf(content) };
  });
}

/** As WebIDL tells sequences from texts: whatever else there is, is a text. */
const isSequence = (value: unknown): value is Iterable<unknown> => typeof value === "object" && value !== null && Symbol.iterator in value;

function textOf(content: unknown): string {
  if (content === undefined) throw new TypeError("A message has a content.");
  if (!isSequence(content)) return String(content);
  const texts = ([...content] as readonly { type?: unknown; value?: unknown }[]).map(({ type, value }) => {
    if (!TYPES.includes(String(type))) throw new TypeError(`'${String(type)}' is not a valid LanguageModelMessageType.`);
    if (type !== "text") throw notSupported(`A content of the type '${String(type)}' is not supported.`);
    if (typeof value !== "string") throw new TypeError("A content of the type 'text' has a string as its value.");
    return value;
  });
  return texts.join("");
}

/** What the answer goes on from, where the prompt says it. */
export function prefixOf(prompt: LanguageModelPrompt): string | undefined {
  const last = isSequence(prompt) ? ([...prompt] as readonly LanguageModelMessage[]).at(-1) : undefined;
  return last?.prefix ? textOf(last.content) : undefined;
}

/** What holds an answer to a constraint, together with what it goes on from. It is never said to the model, only held. */
export function formatOf(constraint: object | undefined, omitted: boolean | undefined, prefix?: string): ChatOptions["responseFormat"] {
  if (constraint === undefined) {
    if (omitted) throw new TypeError("omitResponseConstraintInput needs a responseConstraint.");
    return undefined;
  }
  if (typeof constraint !== "object" || constraint === null) throw new TypeError("A responseConstraint is a JSON schema or a RegExp.");
  const begun = prefix === undefined ? {} : { prefix };
  if (!(constraint instanceof RegExp)) {
    try {
      JSON.stringify(constraint);
    } catch (error) {
      throw notSupported(`The responseConstraint is no JSON: ${(error as Error).message}`);
    }
    return { type: "json", schema: constraint as Record<string, unknown>, ...begun };
  }
  if (/[ims]/.test(constraint.flags)) throw notSupported(`A responseConstraint with the flags '${constraint.flags}' is not supported.`);
  return { type: "regex", pattern: constraint.source, ...begun };
}
