// How a model writes calls of tools, by what its template says, and what a call has to be.

import type { ChatSource } from "./source.js";

/** The mark before calls, the one behind, and what their arguments are called. `list`: calls come as one list. */
interface Form {
  open: string;
  close: string;
  key: "arguments" | "parameters";
  list?: boolean;
}

const HERMES: Form = { open: "<tool_call>", close: "</tool_call>", key: "arguments" };
const MISTRAL: Form = { open: "[TOOL_CALLS]", close: "", key: "arguments", list: true };
const LLAMA: Form = { open: "", close: "", key: "parameters" };

/** Marks around calls: where they are control tokens, the engine's texts are without them. */
const MARKS = ["<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<|python_tag|>"];

export const isCallMark = (text: string): boolean => MARKS.includes(text);

function formOf(template: string | undefined): Form {
  if (template?.includes(MISTRAL.open)) return MISTRAL;
  // Llama 3 is told: Respond in the format {"name": function name, "parameters": …}.
  if (template !== undefined && !template.includes(HERMES.open) && /\{\s*\\?"name\\?": function name, \\?"parameters\\?"/.test(template)) return LLAMA;
  return HERMES;
}

interface Tool {
  name: string;
  parameters?: unknown;
  strict?: unknown;
}

/** A schema of a call: `place` is where it will lie, for references within it. */
export function callSchema({ name, parameters }: Tool, key: string, place: string): Record<string, unknown> {
  return {
    type: "object",
    properties: { name: { const: name }, [key]: rebased(parameters ?? { type: "object" }, `${place}/properties/${key}`) },
    required: ["name", key],
    additionalProperties: false,
  };
}

/** A schema whose references lead within itself, at another place of a whole. */
function rebased(schema: unknown, place: string): unknown {
  if (Array.isArray(schema)) return schema.map((each) => rebased(each, place));
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, key === "$ref" && typeof value === "string" ? value.replace(/^#/, place) : rebased(value, place)]),
  );
}

/** What holds calls, for the worker; nothing where tools are not of the usual form. */
export function callsFormat(source: ChatSource, template: string | undefined, tools: readonly unknown[]): object | undefined {
  const functions = tools.map((tool) => ((tool as { function?: unknown } | null)?.function ?? tool) as Partial<Tool> | null);
  if (functions.length === 0 || functions.some((each) => typeof each?.name !== "string")) return undefined;
  const { open, close, key, list = false } = formOf(template);
  const schemas = (functions as Tool[]).map((tool, i) => {
    const place = `#${list ? "/items" : ""}/anyOf/${i}`;
    // Where a schema cannot be held, a call is held to be an object at least, unless it is said to be strict.
    return { exact: callSchema(tool, key, place), loose: tool.strict === true ? undefined : callSchema({ name: tool.name }, key, place) };
  });
  return { type: "calls", open, close, list, controls: Object.fromEntries(source.controls), schemas };
}
