// Tools of the Prompt API: functions of the page that the model may call while it answers.

import type { ChatMessage } from "../index.js";
import type { Call } from "../openai/tool-calls.js";

export interface LanguageModelTool {
  name: string;
  description: string;
  /** The JSON schema of what `execute` is given. */
  inputSchema: object;
  /** Without it, calls are given to the page, which answers them with its next prompt. */
  execute?: ((input: never) => Promise<string> | string) | undefined;
}

/** Answers that call tools again and again end here. */
export const MOST_ROUNDS = 8;

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** Whether the page runs it. */
export const isOpen = ({ execute }: LanguageModelTool): boolean => execute === undefined;

export function checkedTools(tools: readonly LanguageModelTool[]): readonly LanguageModelTool[] {
  const names = new Set<string>();
  for (const { name, description, inputSchema, execute } of tools) {
    if (!isText(name) || !isText(description) || !["function", "undefined"].includes(typeof execute)) {
      throw new TypeError("A tool has a name, a description and, if nanolm shall run it, a function execute.");
    }
    if (names.has(name)) throw new TypeError(`There are two tools with the name '${name}'.`);
    names.add(name);
    if (!isObject(inputSchema)) throw new TypeError(`The tool '${name}' has no inputSchema.`);
    const { type, properties = {}, required = [] } = inputSchema as Record<string, unknown>;
    if (type !== "object" || !isObject(properties) || !Array.isArray(required)) {
      throw new TypeError(`The inputSchema of the tool '${name}' is none of an object: { type: "object", properties: {…}, required: […] }.`);
    }
    // What is no JSON says so now: a circle is a TypeError, and what a getter throws is that.
    JSON.stringify(inputSchema);
  }
  return tools;
}

/** As a model's template wants them. */
export const described = (tools: readonly LanguageModelTool[]): unknown[] =>
  tools.map(({ name, description, inputSchema }) => ({ type: "function", function: { name, description, parameters: inputSchema } }));

/** What the tools answer, all called at once. What one of them throws is the prompt's rejection. */
export function answersOf(calls: readonly Call[], tools: readonly LanguageModelTool[]): Promise<ChatMessage[]> {
  const answer = async ({ id, function: { name, arguments: given } }: Call): Promise<ChatMessage> => {
    const tool = tools.find((tool) => tool.name === name);
    // The model can do something about that.
    const content = tool === undefined ? `There is no tool ${JSON.stringify(name)}.` : String(await tool.execute?.(JSON.parse(given) as never));
    return { role: "tool", tool_call_id: id, name, content };
  };
  return Promise.all(calls.map(answer));
}
