// Why a model did not answer.

import { ApiError, toApiError } from "../openai/errors.js";

/**
 * `request`: it cannot do what is asked; `invalid`: nobody can; `key`: it does not know the key; `busy`: it asked for a pause; `network`, `timeout`,
 * `server`, `broken`: it could not be reached, took too long, failed, broke off in the middle.
 */
export type FailureKind = "request" | "invalid" | "key" | "busy" | "network" | "timeout" | "server" | "broken";

export class Failure extends Error {
  readonly kind: FailureKind;
  /** The response's, or the one that fits. */
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  /** The error as the model's server said it. */
  readonly body: unknown;

  constructor(kind: FailureKind, message: string, { status = 502, retryAfterMs, body }: { status?: number; retryAfterMs?: number | undefined; body?: unknown } = {}) {
    super(message);
    this.kind = kind;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.body = body;
  }

  /** Whether the same model may do it when asked again. */
  get passes(): boolean {
    return !["request", "invalid", "key"].includes(this.kind);
  }
}

export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof ApiError) return new Failure("server", error.message, { status: error.status });
  if (error instanceof TypeError) return new Failure("network", `it could not be reached: ${error.message}`);
  return new Failure("server", toApiError(error).message);
}

/** What a server means that answered with an error. */
export async function failureOf(response: Response, where: "device" | "remote"): Promise<Failure> {
  const { status } = response;
  const text = await response.text();
  const body = parsed(text);
  const { message, code } = (body as { error?: { message?: string; code?: string } } | undefined)?.error ?? {};
  const words = `${status}: ${(message ?? text).slice(0, 300) || "no words"}`;
  return new Failure(kindOf(status, where, code), words, { status, body, retryAfterMs: retryAfterOf(response) });
}

function kindOf(status: number, where: "device" | "remote", code: string | undefined): FailureKind {
  if (status === 401 || status === 403) return "key";
  if (status === 429) return "busy";
  if (status === 408 || status === 425 || status >= 500) return "server";
  // What this package finds to make no sense makes none elsewhere, and need not leave the device to hear it.
  return where === "device" && code === "invalid_value" ? "invalid" : "request";
}

function retryAfterOf({ headers }: Response): number | undefined {
  const precise = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (precise >= 0) return precise;
  const given = headers.get("retry-after");
  if (given === null) return undefined;
  const seconds = Number(given);
  if (given.trim() !== "" && seconds >= 0) return seconds * 1000;
  const date = Date.parse(given);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
