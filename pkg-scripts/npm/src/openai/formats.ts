// The form of an answer: `response_format`, and calls of tools that have to come.

import type { ChatOptions } from "../index.js";
import { callSchema } from "../model/chat/calls.js";
import { invalid } from "./errors.js";

type ResponseFormat = NonNullable<ChatOptions["responseFormat"]>;
type Schema = Record<string, unknown>;

/** Options of an answer. `forced`: all that is written is one call of a tool. */
export interface Asked extends ChatOptions {
  forced?: boolean | undefined;
}

/** What `{ type: "text" | "json_object" | "json_schema", … }` asks for; the schema lies in `within` of it, or in itself. */
export function formatOf(param: string, value: unknown, within?: string): ResponseFormat | undefined {
  const format = (value ?? {}) as Schema;
  if (format["type"] === "text") return undefined;
  if (format["type"] === "json_object") return { type: "json" };
  if (format["type"] !== "json_schema") throw invalid(`${param}.type`, '"text", "json_object" or "json_schema"', format["type"]);
  const [holder, place] = within === undefined ? [format, param] : [format[within] as Schema | undefined, `${param}.${within}`];
  const schema = holder?.["schema"];
  if (typeof schema !== "object" || schema === null) throw invalid(`${place}.schema`, "a JSON schema", schema);
  return { type: "json", schema: schema as Schema };
}

interface Tool {
  type?: unknown;
  function?: { name?: unknown; parameters?: unknown };
}

/** The form of a call of one of the tools, or of the one of a name. */
export function callFormat(tools: readonly unknown[], name?: string): ResponseFormat {
  const callable = (tools as readonly Tool[]).filter((tool) => tool?.type === "function" && (name === undefined || tool.function?.name === name));
  if (callable.length === 0) throw invalid("tool_choice", "a function that is among the tools", name ?? "required");
  const of = ({ function: named }: Tool, place: string): Schema => callSchema({ name: named?.name as string, parameters: named?.parameters }, "arguments", place);
  const [first] = callable;
  return { type: "json", schema: callable.length === 1 ? of(first as Tool, "#") : { anyOf: callable.map((tool, i) => of(tool, `#/anyOf/${i}`)) } };
}
