// One endpoint for models on the device and larger ones elsewhere. Nothing leaves the device without consent.

import { optionError, unknownOption } from "../errors.js";
import { ApiError, errorResponse, toApiError } from "../openai/errors.js";
import { type EventSink, eventStream } from "../openai/events.js";
import type { Body } from "../openai/parameters.js";
import { absolute, bodyOf, endpointOf } from "../openai/request.js";
import { askResponse, askStream, askWhole } from "./ask.js";
import { Attempts, type Patience, Unanswered } from "./attempts.js";
import { type Call, readCall } from "./call.js";
import { Consent } from "./consent.js";
import { type Endpoint, ENDPOINTS } from "./endpoints.js";
import { toFailure } from "./failure.js";
import { Ledger } from "./ledger.js";
import { type Routed, routedModels } from "./models.js";
import { checkPolicy, orderOf } from "./policy.js";
import { Seam } from "./seam.js";
import type { Router, RouterOptions } from "./types.js";

export type { Consent, ConsentHook, ConsentQuestion, ConsentStorage } from "./consent.js";
export type { Endpoint } from "./endpoints.js";
export type { Health } from "./health.js";
export type { Left } from "./ledger.js";
export { personalIn, type Span } from "./personal.js";
export type * from "./types.js";

/** The name that leaves the choice to the policy. Any other that no model has does so, too. */
const AUTO = "auto";
/** Of how many answers of `responses` it is known which model gave them. */
const MOST_OWNERS = 100;

const OPTIONS = ["models", "policy", "consent", "storage", "personal", "findPersonal", "retries", "backoffMs", "maxWaitMs", "breakAfter", "breakMs", "onLeave"];

function checkOptions(options: RouterOptions): void {
  if (typeof options !== "object" || options === null) throw optionError("options", "an object", options);
  for (const name of Object.keys(options)) if (!OPTIONS.includes(name)) throw unknownOption(name, OPTIONS);
  const { personal = "stay", consent, findPersonal, onLeave } = options;
  if (!["stay", "redact", "send"].includes(personal)) throw optionError("personal", '"stay", "redact" or "send"', personal);
  for (const [name, hook] of Object.entries({ consent, findPersonal, onLeave })) {
    if (hook !== undefined && typeof hook !== "function") throw optionError(name, "a function", hook);
  }
  for (const name of ["retries", "backoffMs", "maxWaitMs", "breakAfter", "breakMs"] as const) {
    const value = options[name];
    if (value !== undefined && !(typeof value === "number" && value >= (name === "breakAfter" ? 1 : 0))) throw optionError(name, "a number of at least 0", value);
  }
}

/**
 * A `fetch` for clients of OpenAI's API that asks the models of a policy one after the other until one answers.
 *
 * ```js
 * const router = createRouter({
 *   models: { device: () => Model.load(), large: { baseURL: "https://api.example/v1", apiKey, model: "large-1" } },
 *   consent: ({ origin }) => confirm(`May your text go to ${origin}?`),
 * });
 * const client = new OpenAI({ apiKey: "none", dangerouslyAllowBrowser: true, fetch: router.fetch });
 * ```
 */
export function createRouter(options: RouterOptions): Router {
  checkOptions(options);
  const routing = new Routing(options);
  return {
    fetch: (input, init) => routing.fetch(input, init),
    consent: routing.consent,
    get ledger() {
      return [...routing.ledger.entries];
    },
    stats: () => ({
      models: Object.fromEntries([...routing.models].map(([name, { record }]) => [name, record.health])),
      ...routing.counts,
      cost: routing.cost,
    }),
  };
}

class Routing {
  readonly #options: RouterOptions;
  readonly #patience: Patience;
  readonly #owners = new Map<string, string>();
  readonly models: Map<string, Routed>;
  readonly consent: Consent;
  readonly ledger: Ledger;
  readonly counts = { answered: 0, failed: 0, continued: 0 };

  constructor(options: RouterOptions) {
    const { retries = 2, backoffMs = 500, maxWaitMs = 20_000 } = options;
    this.#options = options;
    this.#patience = { retries, backoffMs, maxWaitMs };
    this.models = routedModels(options);
    checkPolicy(options.policy, this.models);
    this.consent = new Consent(options.consent, options.storage);
    this.ledger = new Ledger(options.onLeave);
  }

  get cost(): number {
    return [...this.models.values()].reduce((all, { record }) => all + record.health.cost, 0);
  }

  async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(absolute(input), init);
    // A request made of a signal that is aborted later has a signal of its own in every browser.
    const signal = init?.signal ?? request.signal;
    signal.throwIfAborted();
    const path = endpointOf(request.url) ?? "";
    const endpoint = ENDPOINTS.find((endpoint) => path === `/${endpoint}`);
    try {
      if (endpoint !== undefined && request.method === "POST") return await this.#answer(endpoint, await bodyOf(request), request.headers, signal);
      if (request.method === "GET" && /^\/models(\/|$)/.test(path)) return this.#described(path.slice("/models/".length));
      throw new ApiError(404, `Unknown request URL: ${request.method} ${new URL(request.url).pathname}. Served are ${ENDPOINTS.join(", ")} and models.`, null, "unknown_url");
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const response = errorResponse(toApiError(error));
      if (!(error instanceof Unanswered)) return response;
      // What helps was tried: the client's own retries would do all of it again.
      response.headers.set("x-should-retry", "false");
      if (error.retryAfterMs !== undefined) response.headers.set("retry-after", String(Math.ceil(error.retryAfterMs / 1000)));
      return response;
    }
  }

  #described(name: string): Response {
    const names = [AUTO, ...this.models.keys()];
    const described = (name: string): object => ({ id: name, object: "model", created: 0, owned_by: this.models.get(name)?.origin ?? "nanolm" });
    if (name === "") return Response.json({ object: "list", data: names.map(described) });
    const wanted = decodeURIComponent(name);
    if (names.includes(wanted)) return Response.json(described(wanted));
    throw new ApiError(404, `The model \`${wanted}\` does not exist. There are: ${names.join(", ")}.`, null, "model_not_found");
  }

  async #answer(endpoint: Endpoint, body: Body, headers: Headers, signal: AbortSignal): Promise<Response> {
    const previous = body["previous_response_id"];
    const owner = typeof previous === "string" ? this.#owners.get(previous) : undefined;
    const call = await readCall(endpoint, body, headers, this.models, this.#options, owner);
    const order = await orderOf(this.#options.policy, call.asked, this.models, this.cost);
    const attempts = new Attempts(order, call, this.consent, this.#patience);
    return call.asked.stream && endpoint !== "embeddings" ? this.#streamed(call, attempts, signal) : this.#whole(call, attempts, signal);
  }

  async #whole(call: Call, attempts: Attempts, signal: AbortSignal): Promise<Response> {
    const { model, value } = await this.#ask(attempts, signal, (model) => askWhole({ call, model, ledger: this.ledger, signal }));
    this.#own(call, (value as { id?: unknown }).id, model);
    return Response.json(value, { headers: { "x-nanolm-model": model.name } });
  }

  async #streamed(call: Call, attempts: Attempts, signal: AbortSignal): Promise<Response> {
    const { endpoint, body, redaction } = call;
    const seam = new Seam(endpoint, body, redaction);
    let writer = "";
    const response = await eventStream(
      async (sink, signal) => {
        if (endpoint === "responses") return this.#responses(call, attempts, sink, signal, (name) => (writer = name));
        const work = async (model: Routed): Promise<void> => {
          writer = model.name;
          const goesOn = seam.begun;
          await askStream({ call, model, ledger: this.ledger, signal }, seam, sink);
          if (goesOn) this.counts.continued++;
        };
        await this.#ask(attempts, signal, work, () => seam.open);
      },
      endpoint === "responses"
        ? { failed: ({ message, param, code }) => ({ data: { type: "error", code, message, param }, name: "error" }) }
        : { done: "[DONE]", failed: (error) => ({ data: error.body }) },
      signal,
    );
    response.headers.set("x-nanolm-model", writer);
    return response;
  }

  /** The events of `responses` tell of one answer as a whole: no other model can go on with them. */
  async #responses(call: Call, attempts: Attempts, sink: EventSink, signal: AbortSignal, writes: (name: string) => void): Promise<void> {
    let begun = false;
    const work = (model: Routed): Promise<void> => {
      writes(model.name);
      return askResponse({ call, model, ledger: this.ledger, signal }, sink, (id) => {
        begun = true;
        this.#own(call, id, model);
      });
    };
    await this.#ask(attempts, signal, work, () => !begun);
  }

  /** Asks one model after the other. `open` tells whether another can still take over. */
  async #ask<T>(attempts: Attempts, signal: AbortSignal, work: (model: Routed) => Promise<T>, open = () => true): Promise<{ model: Routed; value: T }> {
    for (;;) {
      const model = await attempts.next(signal).catch((error: unknown) => {
        if (error instanceof Unanswered) this.counts.failed++;
        throw error;
      });
      try {
        const value = await work(model);
        this.counts.answered++;
        return { model, value };
      } catch (error) {
        if (signal.aborted) {
          model.record.left();
          throw signal.reason;
        }
        attempts.failed(toFailure(error));
        if (open()) continue;
        this.counts.failed++;
        throw attempts.unanswered();
      }
    }
  }

  /** The model that gave an answer of `responses` gives those that go on from it. */
  #own({ endpoint }: Call, id: unknown, { name }: Routed): void {
    if (endpoint !== "responses" || typeof id !== "string") return;
    this.#owners.set(id, name);
    const [oldest] = this.#owners.keys();
    if (this.#owners.size > MOST_OWNERS && oldest !== undefined) this.#owners.delete(oldest);
  }
}
