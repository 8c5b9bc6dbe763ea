// Parameters of requests, checked one by one: what the engine does not have is refused by name, never ignored.

import type { ChatOptions } from "../index.js";
import { ApiError, invalid, unsupported } from "./errors.js";

export type Body = Record<string, unknown>;

/** What says something about the request, but nothing of its result. */
const WITHOUT_EFFECT = ["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "parallel_tool_calls", "verbosity", "prediction"];

/** What the service has and a model on the device has not. */
const REFUSED: Record<string, string> = {
  audio: "it writes text alone.",
  context_management: "'truncation' is there instead.",
  conversation: "'previous_response_id' is there instead.",
  function_call: "'tool_choice' is there instead.",
  functions: "'tools' is there instead.",
  moderation: "nothing is moderated on the device.",
  prompt: "the service's stored prompts are not on the device.",
  top_logprobs: "only the chosen token's probability is known.",
  web_search_options: "nothing is looked up from the device.",
};

const number = (least: number, most: number) => (param: string, value: unknown): number => {
  if (typeof value !== "number" || !(value >= least && value <= most)) throw invalid(param, `a number from ${least} to ${most}`, value);
  return value;
};
const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => (param: string, value: unknown): number => {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) throw invalid(param, `a whole number of at least ${least}`, value);
  return value as number;
};
const flag = (param: string, value: unknown): boolean => {
  if (typeof value !== "boolean") throw invalid(param, "true or false", value);
  return value;
};
const zero = (param: string, value: unknown): void => {
  if (value !== 0) throw unsupported(param, "only 0 is.");
};

/** Reads a body's parameters. Each can be read once; `rest` refuses what was not. */
export class Parameters {
  readonly #left: Map<string, unknown>;

  constructor(body: Body) {
    this.#left = new Map(Object.entries(body).filter(([, value]) => value !== null && value !== undefined));
  }

  take(param: string): unknown {
    const value = this.#left.get(param);
    this.#left.delete(param);
    return value;
  }

  read<T>(param: string, check: (param: string, value: unknown) => T): T | undefined {
    const value = this.take(param);
    return value === undefined ? undefined : check(param, value);
  }

  flag(param: string): boolean {
    return this.read(param, flag) ?? false;
  }

  whole(param: string, least: number, most?: number): number | undefined {
    return this.read(param, whole(least, most));
  }

  text(param: string): string | undefined {
    return this.read(param, (_, value) => {
      if (typeof value !== "string") throw invalid(param, "a string", value);
      return value;
    });
  }

  /** Every parameter that is not known. */
  rest(): void {
    for (const param of this.#left.keys()) {
      const why = REFUSED[param];
      if (why !== undefined) throw unsupported(param, why);
      if (!WITHOUT_EFFECT.includes(param)) throw new ApiError(400, `Unrecognized request argument supplied: ${param}`, param, "unknown_parameter");
    }
  }

  /** How tokens are chosen, and where the output ends. */
  sampling(): ChatOptions {
    this.read("frequency_penalty", zero);
    this.read("presence_penalty", zero);
    this.read("logit_bias", (param, value) => {
      if (typeof value !== "object" || Object.keys(value as object).length > 0) throw unsupported(param, "tokens cannot be weighted.");
    });
    const stop = this.read("stop", (param, value) => {
      const texts = [value].flat();
      if (texts.length > 4 || !texts.every((text) => typeof text === "string")) throw invalid(param, "a string or at most 4 strings", value);
      return texts as string[];
    });
    const seed = this.read("seed", whole(Number.MIN_SAFE_INTEGER));
    const limits = [this.whole("max_completion_tokens", 1), this.whole("max_output_tokens", 1), this.whole("max_tokens", 1)];
    const options: ChatOptions = {
      maxNewTokens: limits.find((limit) => limit !== undefined),
      temperature: this.read("temperature", number(0, 2)),
      topP: this.read("top_p", number(0, 1)),
      topK: this.whole("top_k", 0),
      minP: this.read("min_p", number(0, 1)),
      repetitionPenalty: this.read("repetition_penalty", number(0, 10)),
      stop,
      // The engine's seeds are not negative.
      seed: seed === undefined ? undefined : seed < 0 ? seed + Number.MAX_SAFE_INTEGER : seed,
    };
    return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  }

  stream(): { stream: boolean; includeUsage: boolean } {
    const stream = this.flag("stream");
    const includeUsage = this.read("stream_options", (param, value) => {
      if (!stream) throw new ApiError(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param);
      return (value as { include_usage?: unknown }).include_usage === true;
    });
    return { stream, includeUsage: includeUsage ?? false };
  }
}
