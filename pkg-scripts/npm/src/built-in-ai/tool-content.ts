// Calls of tools and what came of them, as parts of messages: for pages that run the tools themselves.

import type { Call } from "../openai/tool-calls.js";

interface CallInit {
  callID: string;
  name: string;
  arguments?: Record<string, unknown> | undefined;
}

/** A tool that the model calls. `callID` is named by what answers it. */
export class LanguageModelToolCall {
  readonly callID: string;
  readonly name: string;
  readonly arguments: Record<string, unknown>;

  constructor({ callID, name, arguments: given = {} }: CallInit) {
    this.callID = String(callID);
    this.name = String(name);
    this.arguments = given;
  }
}

/** A part of a tool's result. Values of the type `text` may be anything that JSON has. */
export interface LanguageModelToolResult {
  type: "text" | "object";
  value: unknown;
}

/** What a tool answered. */
export class LanguageModelToolSuccess {
  readonly callID: string;
  readonly name: string;
  readonly result: readonly LanguageModelToolResult[];

  constructor({ callID, name, result }: { callID: string; name: string; result: readonly LanguageModelToolResult[] }) {
    this.callID = String(callID);
    this.name = String(name);
    this.result = [...result];
  }
}

/** Why a tool did not. */
export class LanguageModelToolError {
  readonly callID: string;
  readonly name: string;
  readonly errorMessage: string;

  constructor({ callID, name, errorMessage }: { callID: string; name: string; errorMessage: string }) {
    this.callID = String(callID);
    this.name = String(name);
    this.errorMessage = String(errorMessage);
  }
}

const dataError = (message: string): DOMException => new DOMException(message, "DataError");

function jsonOf(value: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw dataError(`${what} is no JSON: ${(error as Error).message}`);
  }
  if (text === undefined) throw dataError(`${what} is no JSON.`);
  return text;
}

/** A call as models' templates have it. */
export function givenCall(value: unknown): object {
  if (!(value instanceof LanguageModelToolCall)) throw new TypeError("A content of the type 'tool-call' has a LanguageModelToolCall as its value.");
  const { callID, name, arguments: given } = value;
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw dataError("The arguments of a call are no dictionary.");
  return { id: callID, type: "function", function: { name, arguments: jsonOf(given, "The arguments of a call") } };
}

/** What answers a call, as a message. */
export function givenResponse(value: unknown): { role: "tool"; tool_call_id: string; name: string; content: string } {
  const said = (content: string): ReturnType<typeof givenResponse> => {
    const { callID, name } = value as LanguageModelToolError;
    return { role: "tool", tool_call_id: callID, name, content };
  };
  if (value instanceof LanguageModelToolError) return said(value.errorMessage);
  if (!(value instanceof LanguageModelToolSuccess)) throw new TypeError("A content of the type 'tool-response' has a LanguageModelToolSuccess or a LanguageModelToolError as its value.");
  const texts = value.result.map(({ type, value }) => {
    if (type !== "text" && type !== "object") throw new DOMException(`A tool's result of the type '${String(type)}' is not supported.`, "NotSupportedError");
    if (typeof value === "string") return value;
    const made = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : null;
    // Things of the page have no JSON that says what they are.
    if (made !== null && made !== Object.prototype && made !== Array.prototype) throw dataError("A tool's result is an object of the page.");
    return jsonOf(value, "A tool's result");
  });
  return said(texts.join("\n"));
}

/** A call that the model wrote, for the page. */
export const asContent = ({ id, function: { name, arguments: given } }: Call): { type: "tool-call"; value: LanguageModelToolCall } => ({
  type: "tool-call",
  value: new LanguageModelToolCall({ callID: id, name, arguments: JSON.parse(given) as Record<string, unknown> }),
});
