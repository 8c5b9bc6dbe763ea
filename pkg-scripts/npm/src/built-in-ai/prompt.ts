// What a prompt of the Prompt API says, checked and in the form that models here take.

import type { ChatMessage, ChatOptions } from "../index.js";
import { givenCall, givenResponse, type LanguageModelToolCall, type LanguageModelToolError, type LanguageModelToolSuccess } from "./tool-content.js";

/** A part of a message. Calls are the assistant's, and what answers them the user's. */
export type LanguageModelMessageContent =
  | { type: "text"; value: string }
  | { type: "tool-call"; value: LanguageModelToolCall }
  | { type: "tool-response"; value: LanguageModelToolSuccess | LanguageModelToolError };

export interface LanguageModelMessage {
  role: "system" | "user" | "assistant";
  content: string | readonly LanguageModelMessageContent[];
  /** Of the last message, the assistant's: the answer goes on from it. */
  prefix?: boolean | undefined;
}

export type LanguageModelPrompt = string | readonly LanguageModelMessage[];

export const notSupported = (message: string): DOMException => new DOMException(message, "NotSupportedError");

const ROLES = ["system", "user", "assistant"];
const TYPES = ["text", "image", "audio", "tool-call", "tool-response"];

/** What a prompt may say beside texts: what was named as expected inputs. */
export type Expected = ReadonlySet<string>;

/** The messages of a prompt. `begun`: something was said before, so that a system's message comes too late. */
export function messagesOf(prompt: LanguageModelPrompt, begun: boolean, expected: Expected = new Set()): ChatMessage[] {
  if (!isSequence(prompt)) return [{ role: "user", content: String(prompt) }];
  const messages = [...prompt] as readonly LanguageModelMessage[];
  if (messages.length === 0) return [{ role: "user", content: "" }];
  return messages.flatMap(({ role, content, prefix }, i) => {
    if (!ROLES.includes(role)) throw new TypeError(`'${String(role)}' is not a valid LanguageModelMessageRole.`);
    if (prefix && (role !== "assistant" || i !== messages.length - 1)) {
      throw new DOMException("Only the last message can be a prefix, and only the assistant's.", "SyntaxError");
    }
    if (role === "system" && (begun || i > 0)) throw new TypeError("A system prompt comes first.");
    return saidBy(role, content, expected);
  });
}

/** As WebIDL tells sequences from texts: whatever else there is, is a text. */
const isSequence = (value: unknown): value is Iterable<unknown> => typeof value === "object" && value !== null && Symbol.iterator in value;

/** What answers calls are messages of their own. */
function saidBy(role: LanguageModelMessage["role"], content: unknown, expected: Expected): ChatMessage[] {
  if (content === undefined) throw new TypeError("A message has a content.");
  if (!isSequence(content)) return [{ role, content: String(content) }];
  let text = "";
  const calls: object[] = [];
  const responses: ChatMessage[] = [];
  for (const { type, value } of content as Iterable<{ type?: unknown; value?: unknown }>) {
    if (!TYPES.includes(String(type))) throw new TypeError(`'${String(type)}' is not a valid LanguageModelMessageType.`);
    if (type === "text") {
      if (typeof value !== "string") throw new TypeError("A content of the type 'text' has a string as its value.");
      text += value;
      continue;
    }
    if (!expected.has(String(type))) throw notSupported(`A content of the type '${String(type)}' is not supported, or was not among expectedInputs.`);
    if (role !== (type === "tool-call" ? "assistant" : "user")) throw new TypeError("Calls of tools are the assistant's, and what answers them the user's.");
    if (type === "tool-call") calls.push(givenCall(value));
    else responses.push(givenResponse(value));
  }
  if (calls.length > 0) return [{ role, content: text, tool_calls: calls }];
  return responses.length > 0 && text === "" ? responses : [...responses, { role, content: text }];
}

/** What the answer goes on from, where the prompt says it. */
export function prefixOf(prompt: LanguageModelPrompt): string | undefined {
  const last = isSequence(prompt) ? ([...prompt] as readonly LanguageModelMessage[]).at(-1) : undefined;
  return last?.prefix ? (saidBy("assistant", last.content, new Set())[0]?.content as string) : undefined;
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
