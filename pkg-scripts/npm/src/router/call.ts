// One request: what it asks for, and what may leave of it.

import { ApiError } from "../openai/errors.js";
import type { Body } from "../openai/parameters.js";
import type { Endpoint } from "./endpoints.js";
import type { Routed } from "./models.js";
import { Redaction, textsIn } from "./personal.js";
import type { Asked, PolicyData, RouterOptions } from "./types.js";

/** What a policy may say of tokens where the request does not: of an answer, and of a text. */
const ANSWER_TOKENS = 500;
export const CHARACTERS_A_TOKEN = 4;

export interface Call {
  readonly endpoint: Endpoint;
  readonly body: Body;
  readonly asked: Asked;
  readonly redaction: Redaction;
  readonly personal: "stay" | "redact" | "send";
}

/** Reads a request. `owner` is the model that it has to go to, if there is one. */
export async function readCall(endpoint: Endpoint, body: Body, headers: Headers, models: ReadonlyMap<string, Routed>, options: RouterOptions, owner: string | undefined): Promise<Call> {
  const redaction = new Redaction(options.findPersonal);
  await redaction.read(body);
  const characters = charactersIn(body);
  const limit = body["max_completion_tokens"] ?? body["max_output_tokens"] ?? body["max_tokens"];
  const output = endpoint === "embeddings" ? 0 : typeof limit === "number" ? limit : ANSWER_TOKENS;
  const data: PolicyData = typeof options.policy === "object" ? options.policy : {};
  const media = hasMedia(body);
  const asked: Asked = {
    endpoint,
    task: headers.get("x-nanolm-task") ?? undefined,
    model: owner ?? (typeof body["model"] === "string" ? body["model"] : ""),
    characters,
    personal: redaction.found || media,
    tools: Array.isArray(body["tools"]) && body["tools"].length > 0,
    structured: typeOf(body["response_format"]) !== "text" || typeOf((body["text"] as { format?: unknown } | undefined)?.format) !== "text",
    media,
    stream: body["stream"] === true,
    online: globalThis.navigator?.onLine !== false,
    quality: numberIn(headers, "x-nanolm-quality") ?? data.quality,
    latencyMs: numberIn(headers, "x-nanolm-latency") ?? data.latencyMs,
    cost: numberIn(headers, "x-nanolm-cost") ?? data.cost,
    models: [...models.values()].map(({ name, where, origin, quality, record }) => ({
      name,
      where,
      origin,
      quality,
      cost: record.costOf({ input: characters / CHARACTERS_A_TOKEN, output }),
      health: record.health,
    })),
  };
  return { endpoint, body, asked, redaction, personal: options.personal ?? "stay" };
}

export const charactersIn = (body: unknown): number => textsIn(body).reduce((all, text) => all + text.length, 0);

const typeOf = (format: unknown): unknown => (format as { type?: unknown } | null | undefined)?.type ?? "text";

function numberIn(headers: Headers, name: string): number | undefined {
  const given = headers.get(name);
  if (given === null) return undefined;
  if (!(Number(given) >= 0)) throw new ApiError(400, `Invalid value for the header '${name}': expected a number of at least 0, but got '${given}' instead.`, name, "invalid_value");
  return Number(given);
}

const TEXT_PARTS = ["text", "input_text", "output_text", "refusal"];

/** Whether messages have parts that are not text. */
function hasMedia(body: Body): boolean {
  const messages = [body["messages"], body["input"]].flat() as ({ content?: unknown; type?: unknown } | null)[];
  return messages.some((message) => {
    const { content } = message ?? {};
    return Array.isArray(content) && content.some((part: { type?: unknown } | null) => !TEXT_PARTS.includes(String(part?.type)));
  });
}

const isNumber = (value: unknown): boolean => typeof value === "number" || (Array.isArray(value) && value.some(isNumber));

/** Why a request may not go to a remote model, whatever the visitor says; `undefined` where it may. */
export function staysBecause({ body, asked, personal, redaction }: Call): string | undefined {
  if (isNumber(body["prompt"]) || isNumber(body["input"])) return "token ids mean nothing to it";
  if (personal === "send") return undefined;
  if (asked.media) return "what is not text cannot be looked at, and stays on the device";
  if (personal === "stay" && redaction.found) return "a text looks personal, and stays on the device";
  return undefined;
}
