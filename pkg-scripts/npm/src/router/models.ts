// One of the models: how it is asked, and what it may be asked.

import { optionError } from "../errors.js";
import { createFetch } from "../openai/index.js";
import { isOne, type ServedModel } from "../openai/served.js";
import { type Endpoint, ENDPOINTS } from "./endpoints.js";
import { HealthRecord } from "./health.js";
import type { LocalModel, RemoteModel, RoutedModel, RouterOptions, Traits } from "./types.js";

const TIMEOUT_MS = 60_000;
const STALL_MS = 20_000;

/** A model with all that is known of it. */
export interface Routed {
  readonly name: string;
  readonly where: "device" | "remote";
  readonly origin: string | undefined;
  readonly quality: number;
  readonly maxCharacters: number;
  readonly endpoints: readonly Endpoint[];
  readonly timeoutMs: number;
  readonly stallMs: number;
  /** What makes it go on from an unfinished message; `undefined` where it cannot. */
  readonly continues: Readonly<Record<string, unknown>> | undefined;
  readonly record: HealthRecord;
  /** What it calls itself. */
  readonly model: string;
  urlOf(endpoint: Endpoint): string;
  /** Sends a body that is ready to leave. */
  send(endpoint: Endpoint, body: string, signal: AbortSignal): Promise<Response>;
}

const isRemote = (model: RoutedModel): model is RemoteModel => typeof model === "object" && model !== null && "baseURL" in model;
const isLocal = (model: RoutedModel): model is LocalModel => typeof model === "object" && model !== null && "local" in model;

export function routedModels({ models, breakAfter = 3, breakMs = 30_000 }: RouterOptions): Map<string, Routed> {
  if (typeof models !== "object" || models === null || Object.keys(models).length === 0) throw optionError("models", "models by name", models);
  const served: Record<string, ServedModel> = {};
  for (const [name, model] of Object.entries(models)) {
    if (isRemote(model)) continue;
    served[name] = isLocal(model) ? model.local : model;
    if (!isOne(served[name] as ServedModel)) throw optionError(`models.${name}`, "a model, a function that loads it, or { baseURL }", model);
  }
  const local = createFetch(served);
  const routed = new Map<string, Routed>();
  for (const [name, model] of Object.entries(models)) {
    const remote = isRemote(model);
    const traits: Traits = remote || isLocal(model) ? model : {};
    const record = new HealthRecord(breakAfter, breakMs, traits.price ?? { input: 0, output: 0 });
    const common = {
      name,
      quality: traits.quality ?? 0.5,
      maxCharacters: traits.maxCharacters ?? Number.POSITIVE_INFINITY,
      endpoints: traits.endpoints ?? ENDPOINTS,
      timeoutMs: traits.timeoutMs ?? (remote ? TIMEOUT_MS : 0),
      stallMs: traits.stallMs ?? (remote ? STALL_MS : 0),
      record,
    };
    routed.set(name, { ...common, ...(remote ? atServer(name, model) : onDevice(name, local)) });
  }
  return routed;
}

type Place = Pick<Routed, "where" | "origin" | "continues" | "model" | "urlOf" | "send">;

const onDevice = (name: string, local: typeof fetch): Place => ({
  where: "device",
  origin: undefined,
  continues: {},
  model: name,
  urlOf: (endpoint) => `http://localhost/v1/${endpoint}`,
  send: (endpoint, body, signal) => local(`http://localhost/v1/${endpoint}`, { method: "POST", body, signal }),
});

function atServer(name: string, { baseURL, apiKey, model = name, headers = {}, continues = false }: RemoteModel): Place {
  let base: URL;
  try {
    base = new URL(baseURL, globalThis.location?.href);
  } catch {
    throw optionError(`models.${name}.baseURL`, "an address such as https://api.example/v1", baseURL);
  }
  const urlOf = (endpoint: Endpoint): string => `${base.href.replace(/\/$/, "")}/${endpoint}`;
  return {
    where: "remote",
    origin: base.origin,
    continues: continues === true ? {} : continues === false ? undefined : continues,
    model,
    urlOf,
    async send(endpoint, body, signal) {
      const key = typeof apiKey === "function" ? await apiKey() : apiKey;
      signal.throwIfAborted();
      return fetch(urlOf(endpoint), {
        method: "POST",
        body,
        signal,
        headers: { ...headers, "content-type": "application/json", ...(key !== undefined && { authorization: `Bearer ${key}` }) },
        // The consent is for this origin alone, and for what stands in the body.
        redirect: "error",
        credentials: "omit",
        referrerPolicy: "no-referrer",
        cache: "no-store",
      });
    },
  };
}
