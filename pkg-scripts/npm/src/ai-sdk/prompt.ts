// A call of the AI SDK in this package's words: the conversation, the options, and what cannot be done of it.

import { type ChatMessage, UnsupportedError } from "../index.js";
import { type Asked, callFormat } from "../openai/formats.js";
import type { LanguageCall, PromptMessage, PromptPart, ToolResultPart, Warning } from "./types.js";

/** Text that is left out would be a wrong answer: such calls are refused. */
function refused(what: string, instead: string): UnsupportedError {
  return new UnsupportedError("task/unsupported", `${what} is not supported by models on the device: ${instead}`, { what });
}

export function messagesOf(prompt: readonly PromptMessage[]): ChatMessage[] {
  return prompt.flatMap(({ role, content }): ChatMessage[] => {
    if (typeof content === "string") return [{ role, content }];
    const parts = content as readonly PromptPart[];
    if (role === "tool") return parts.map(toolResult);
    const reasoning = textIn(parts, "reasoning");
    const calls = parts.flatMap((part) =>
      part.type === "tool-call" ? [{ id: part.toolCallId, type: "function", function: { name: part.toolName, arguments: JSON.stringify(part.input) } }] : [],
    );
    for (const { type } of parts) {
      if (type === "tool-result" || !["text", "reasoning", "tool-call"].includes(type)) throw refused(`a part of the type ${type} in a message`, "give them text");
    }
    return [{ role, content: textIn(parts, "text"), ...(reasoning !== "" && { reasoning }), ...(calls.length > 0 && { tool_calls: calls }) }];
  });
}

const textIn = (parts: readonly PromptPart[], type: "text" | "reasoning"): string => parts.map((part) => (part.type === type ? part.text : "")).join("");

function toolResult(part: PromptPart): ChatMessage {
  if (part.type !== "tool-result") throw refused(`a part of the type ${part.type} in a tool's message`, "give the result of the tool");
  return { role: "tool", tool_call_id: part.toolCallId, name: part.toolName, content: outputText(part.output) };
}

function outputText({ type, value, reason }: ToolResultPart["output"]): string {
  if (type === "text" || type === "error-text") return String(value);
  if (type === "execution-denied") return reason ?? "The tool was not allowed to run.";
  if (type !== "content") return JSON.stringify(value);
  return (value as { type: string; text?: string }[])
    .map((part) => {
      if (part.type !== "text") throw refused(`a part of the type ${part.type} in a tool's result`, "give text");
      return part.text;
    })
    .join("");
}

/** The options, and a warning for each setting that has no effect. */
export function optionsOf(call: LanguageCall): { options: Asked; warnings: Warning[] } {
  const { maxOutputTokens, temperature, stopSequences, topP, topK, seed, reasoning = "provider-default", tools = [], toolChoice } = call;
  const warnings: Warning[] = [];
  const warn = (feature: string, details: string): void => void warnings.push({ type: "unsupported", feature, details });
  if (call.frequencyPenalty) warn("frequencyPenalty", "providerOptions.nanolm.repetitionPenalty is there instead.");
  if (call.presencePenalty) warn("presencePenalty", "providerOptions.nanolm.repetitionPenalty is there instead.");
  const functions = tools.flatMap((tool) => {
    if (tool.type === "function") return [{ type: "function", function: { name: tool.name, description: tool.description, parameters: tool.inputSchema, ...(tool.strict === true && { strict: true }) } }];
    warn(`tool ${tool.name}`, "Only tools that the app runs are.");
    return [];
  });
  const forces = toolChoice?.type === "required" || toolChoice?.type === "tool";
  if (forces && functions.length === 0) warn("toolChoice", "There is no tool that could be called.");
  const forced = forces && functions.length > 0 ? callFormat(functions, toolChoice.toolName) : undefined;
  const format = call.responseFormat?.type === "json" ? { type: "json" as const, schema: call.responseFormat.schema } : undefined;
  const options: Asked = {
    responseFormat: forced ?? format,
    forced: forced === undefined ? undefined : true,
    maxNewTokens: maxOutputTokens,
    temperature,
    topP,
    topK,
    // The engine's seeds are not negative.
    seed: seed === undefined ? undefined : Math.abs(seed),
    stop: stopSequences,
    ...(reasoning !== "provider-default" && { variables: { enable_thinking: reasoning !== "none", ...(reasoning !== "none" && { reasoning_effort: reasoning }) } }),
    ...(functions.length > 0 && toolChoice?.type !== "none" && { tools: functions }),
    ...call.providerOptions?.["nanolm"],
  };
  return { options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)), warnings };
}
