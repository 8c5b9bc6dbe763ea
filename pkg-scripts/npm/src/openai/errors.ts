// Errors in the form of the service.

import { NanolmError } from "../index.js";

/** What a client is told. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly param: string | null = null,
    readonly code: string | null = null,
  ) {
    super(message);
  }

  get body(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    const type = this.status >= 500 ? "server_error" : "invalid_request_error";
    return { error: { message: this.message, type, param: this.param, code: this.code } };
  }
}

export function invalid(param: string, expected: string, found: unknown): ApiError {
  const shown = found === undefined ? "nothing" : JSON.stringify(found);
  return new ApiError(400, `Invalid value for '${param}': expected ${expected}, but got ${shown.slice(0, 200)} instead.`, param, "invalid_value");
}

export function unsupported(param: string, why: string): ApiError {
  return new ApiError(400, `Unsupported value: '${param}' is not supported with this model: ${why}`, param, "unsupported_value");
}

/** Options of this package by the service's names, where they differ. */
const PARAMS: Record<string, string> = { maxNewTokens: "max_completion_tokens", topK: "top_k", topP: "top_p", minP: "min_p", repetitionPenalty: "repetition_penalty" };

/** Any failure but an abort. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof NanolmError)) return new ApiError(500, `The model failed: ${(error as Error)?.message ?? error}`);
  const { code, message, details } = error;
  if (code === "session/context-full") {
    const { limit, found } = details;
    return new ApiError(
      400,
      `This model's maximum context length is ${limit} tokens. However, your messages resulted in ${found} tokens. Please reduce the length of the messages.`,
      "messages",
      "context_length_exceeded",
    );
  }
  if (code === "option/invalid") {
    const name = String(details["name"] ?? "");
    const isForm = name.startsWith("responseFormat");
    // A form that this model cannot hold, another may.
    return new ApiError(400, message, isForm ? "response_format" : (PARAMS[name] ?? name), isForm ? "unsupported_value" : "invalid_value");
  }
  if (/^(chat|task|text)\//.test(code)) return new ApiError(400, message, code.startsWith("chat/") ? "messages" : null, code);
  return new ApiError(code.startsWith("memory/") ? 503 : 500, message, null, code);
}

export function errorResponse(error: ApiError): Response {
  return Response.json(error.body, { status: error.status, headers: { "x-request-id": id("req") } });
}

/** An id as the service makes them. */
export function id(prefix: string): string {
  // As the service has it: `chatcmpl-…`, but `call_…`.
  return `${prefix}${prefix.endsWith("cmpl") ? "-" : "_"}${crypto.randomUUID().replaceAll("-", "")}`;
}
