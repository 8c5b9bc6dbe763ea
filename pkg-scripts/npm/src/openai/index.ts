// `fetch` for libraries that speak the API of OpenAI: requests are answered on the device, and none leaves it.

import type { Model } from "../index.js";
import { abortable } from "../model/abortable.js";
import { completeChat, readChat } from "./chat.js";
import { complete, readCompletion } from "./completions.js";
import { embed, readEmbeddings } from "./embeddings.js";
import { ApiError, errorResponse, toApiError } from "./errors.js";
import { Parameters } from "./parameters.js";
import { absolute, bodyOf, endpointOf } from "./request.js";
import { readResponse, respond, type Stored } from "./responses.js";
import { Served, type ServedModels } from "./served.js";

export type { ServedModel, ServedModels } from "./served.js";

export interface FetchOptions {
  /** What requests for other addresses get: by default an error with the status 404, so that nothing leaves the device. */
  elsewhere?: typeof fetch | undefined;
}

/**
 * A `fetch` that answers `/v1/chat/completions`, `/v1/completions`, `/v1/responses`, `/v1/embeddings` and `/v1/models`, whatever the address before
 * them, with models on the device. What a model cannot do is an error in the service's form that names the parameter.
 *
 * ```js
 * const client = new OpenAI({ apiKey: "none", dangerouslyAllowBrowser: true, fetch: createFetch(await Model.load(url)) });
 * ```
 */
export function createFetch(models: ServedModels, { elsewhere }: FetchOptions = {}): typeof fetch {
  const served = new Served(models);
  const stored: Stored = new Map();
  return async (input, init) => {
    const request = new Request(absolute(input), init);
    const path = endpointOf(request.url);
    // A request made of a signal that is aborted later has a signal of its own in every browser.
    const signal = init?.signal ?? request.signal;
    signal.throwIfAborted();
    try {
      const endpoint = ENDPOINTS[`${request.method} ${path}`];
      if (endpoint !== undefined) return await abortable(endpoint({ request, served, stored, signal }), signal);
      const name = /^\/models\/(.+)$/.exec(path ?? "")?.[1];
      if (name !== undefined && request.method === "GET") return Response.json(served.described(decodeURIComponent(name)));
      if (elsewhere !== undefined) return await elsewhere(input, init);
      throw new ApiError(404, `Unknown request URL: ${request.method} ${new URL(request.url).pathname}. Served on this device are ${Object.keys(ENDPOINTS).join(", ")}.`, null, "unknown_url");
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return errorResponse(toApiError(error));
    }
  };
}

interface Call {
  request: Request;
  served: Served;
  stored: Stored;
  signal: AbortSignal;
}

/** The model that a body names, and its other parameters. */
async function asked({ request, served }: Call): Promise<{ name: string; parameters: Parameters; model: () => Promise<Model> }> {
  const parameters = new Parameters(await bodyOf(request));
  const name = parameters.text("model");
  if (name === undefined) throw new ApiError(400, "you must provide a model parameter");
  served.require(name);
  return { name, parameters, model: () => served.get(name) };
}

const ENDPOINTS: Record<string, (call: Call) => Promise<Response>> = {
  "POST /chat/completions": async (call) => {
    const { name, parameters, model } = await asked(call);
    const wanted = readChat(parameters);
    parameters.rest();
    return completeChat(name, await model(), wanted, call.signal);
  },
  "POST /completions": async (call) => {
    const { name, parameters, model } = await asked(call);
    const wanted = readCompletion(parameters);
    parameters.rest();
    return complete(name, await model(), wanted, call.signal);
  },
  "POST /responses": async (call) => {
    const { name, parameters, model } = await asked(call);
    const wanted = readResponse(parameters, call.stored);
    parameters.rest();
    return respond(name, await model(), wanted, call.stored, call.signal);
  },
  "POST /embeddings": async (call) => {
    const { name, parameters, model } = await asked(call);
    const wanted = readEmbeddings(parameters);
    parameters.rest();
    return embed(name, await model(), wanted, call.signal);
  },
  "GET /models": async ({ served }) => Response.json({ object: "list", data: served.names.map((name) => served.described(name)) }),
};
