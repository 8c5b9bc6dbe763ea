// What is asked: the address, the body, the texts in it.

import type { Model } from "../index.js";
import { ApiError, invalid } from "./errors.js";
import type { Body } from "./parameters.js";

/** Addresses may be relative, as for the page's own `fetch`. */
export function absolute(input: RequestInfo | URL): RequestInfo | URL {
  return typeof input === "string" ? new URL(input, globalThis.location?.href ?? "http://localhost/") : input;
}

/** What follows `/v1` in an address, such as `/chat/completions`. */
export const endpointOf = (url: string): string | undefined => /\/v1(\/.*)$/.exec(new URL(url).pathname)?.[1]?.replace(/\/$/, "");

export async function bodyOf(request: Request): Promise<Body> {
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    throw new ApiError(400, "We could not parse the JSON body of your request. The API expects a JSON payload.");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw new ApiError(400, "Expected the body of the request to be a JSON object.");
  return body as Body;
}

/** Text, or the ids of its tokens. */
export type Input = string | number[];

/** What is one input or a list of them. */
export function inputsOf(param: string, value: unknown): Input[] {
  const isTokens = (value: unknown): value is number[] => Array.isArray(value) && value.length > 0 && value.every((token) => Number.isInteger(token));
  const list = typeof value === "string" || isTokens(value) ? [value] : value;
  if (Array.isArray(list) && list.length > 0 && list.every((each) => typeof each === "string" || isTokens(each))) return list;
  throw invalid(param, "a string, token ids, or an array of them", value);
}

export const textOf = (model: Model, input: Input): string | Promise<string> => (typeof input === "string" ? input : model.detokenize(input));

export async function tokensIn(model: Model, texts: readonly string[]): Promise<number> {
  let tokens = 0;
  for (const text of texts) tokens += (await model.tokenize(text)).length;
  return tokens;
}
