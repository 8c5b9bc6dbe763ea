// What an app says about its models, and what it is told.

import type { ServedModel } from "../openai/index.js";
import type { Consent, ConsentHook, ConsentStorage } from "./consent.js";
import type { Endpoint } from "./endpoints.js";
import type { Health } from "./health.js";
import type { Left } from "./ledger.js";
import type { Span } from "./personal.js";

/** What is known of a model before it is asked. */
export interface Traits {
  /** How good its answers are, from 0 to 1, on a scale of the app's own. 0.5 by default. */
  quality?: number | undefined;
  /** For a million tokens each. In a currency of the app's own; nothing by default. */
  price?: { input: number; output: number } | undefined;
  /** Longer inputs are not given to it. */
  maxCharacters?: number | undefined;
  /** What it answers; everything by default. */
  endpoints?: readonly Endpoint[] | undefined;
  /** How long it may take to its first piece, in milliseconds. A remote model has a minute, one on the device without limit. */
  timeoutMs?: number | undefined;
  /** How long a stream may stand still, in milliseconds. A remote model has 20 seconds. */
  stallMs?: number | undefined;
}

/** A model on the device. */
export interface LocalModel extends Traits {
  local: ServedModel;
}

/** A server that speaks the API of OpenAI. */
export interface RemoteModel extends Traits {
  /** As the official clients take it, such as `https://api.openai.com/v1`. */
  baseURL: string | URL;
  /** The key, or what gives it. It is asked after the consent, for each attempt. */
  apiKey?: string | (() => string | Promise<string>) | undefined;
  /** What the server calls the model; by default as this router does. */
  model?: string | undefined;
  /** More headers. */
  headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether it goes on from an assistant's message that the conversation ends with; with more of the body for that, such as
   * `{ continue_final_message: true, add_generation_prompt: false }`. Where it does not (default), it is given the message all the
   * same, and what it repeats of it is cut.
   */
  continues?: boolean | Readonly<Record<string, unknown>> | undefined;
}

export type RoutedModel = ServedModel | LocalModel | RemoteModel;

/** What a request is, for a policy. */
export interface Asked {
  endpoint: Endpoint;
  /** What the app calls it: the header `x-nanolm-task`. */
  task: string | undefined;
  /** The name that the request has for the model. */
  model: string;
  /** Characters of its texts. */
  characters: number;
  /** Whether a text looks personal, or cannot be looked at. */
  personal: boolean;
  /** Whether it has tools, or wants a form of the output. */
  tools: boolean;
  structured: boolean;
  /** Whether it has anything but text, such as images. */
  media: boolean;
  stream: boolean;
  /** What the browser says of the network. */
  online: boolean;
  /** What is wanted: the headers `x-nanolm-quality`, `x-nanolm-latency`, `x-nanolm-cost`, or what the policy has. */
  quality: number | undefined;
  latencyMs: number | undefined;
  cost: number | undefined;
  /** The models, in the order in which they stand. */
  models: readonly Candidate[];
}

/** A model, for a policy. */
export interface Candidate {
  name: string;
  where: "device" | "remote";
  /** Of a remote one. */
  origin: string | undefined;
  quality: number;
  /** What the request would cost there at most, as far as can be told. */
  cost: number;
  health: Health;
}

/** A rule holds for a request that all of `when` fits. */
export interface Rule {
  when?:
    | {
        endpoint?: Endpoint | readonly Endpoint[] | undefined;
        task?: string | readonly string[] | undefined;
        /** At least and at most so many. */
        characters?: readonly [least: number, most: number] | undefined;
        personal?: boolean | undefined;
        tools?: boolean | undefined;
        structured?: boolean | undefined;
        media?: boolean | undefined;
        online?: boolean | undefined;
      }
    | undefined;
  /** The models to ask, the first one first. */
  use: readonly string[];
}

export interface PolicyData {
  /** The first that holds decides. Where none does, all models are asked in the order in which they stand. */
  rules?: readonly Rule[] | undefined;
  /** Models of less quality are asked after the others. */
  quality?: number | undefined;
  /** Models that were measured to take longer to the first piece are asked after the others. */
  latencyMs?: number | undefined;
  /** A model that may cost more for a request is not asked. */
  cost?: number | undefined;
  /** All requests of this router together. */
  totalCost?: number | undefined;
}

/** The names of models in the order to ask them; `undefined` for all in theirs. */
export type PolicyFunction = (asked: Asked) => readonly string[] | undefined | Promise<readonly string[] | undefined>;

export type Policy = PolicyData | PolicyFunction;

export interface RouterOptions {
  /** By the names that requests and policies have for them. They are asked in this order where the policy does not say. */
  models: Readonly<Record<string, RoutedModel>>;
  policy?: Policy | undefined;
  /** Asked once for each origin before anything goes there. Without it nothing goes anywhere. */
  consent?: ConsentHook | undefined;
  /** Where answers about consent are kept; by default `localStorage` where it is there, else in memory. */
  storage?: ConsentStorage | undefined;
  /**
   * What becomes of texts that look personal. `stay` (default): they do not leave. `redact`: what is found is replaced before
   * anything leaves, and put back in the answer. `send`: they leave like others.
   */
  personal?: "stay" | "redact" | "send" | undefined;
  /** Finds more in a text than the patterns of this package do: names, with `model.extractEntities`. */
  findPersonal?: ((text: string) => readonly Span[] | Promise<readonly Span[]>) | undefined;
  /** How often a model is asked again for one request after failing; 2 by default. */
  retries?: number | undefined;
  /** The pause before the first time; it doubles with each. 500 ms by default. */
  backoffMs?: number | undefined;
  /** A server that asks for a longer pause (`Retry-After`) is not asked again. 20 seconds by default. */
  maxWaitMs?: number | undefined;
  /** After so many failures in a row a model is left alone for a while. 3 by default. */
  breakAfter?: number | undefined;
  /** How long at first; it doubles with each further failure, up to ten minutes. 30 seconds by default. */
  breakMs?: number | undefined;
  /** Told of everything that leaves, just before it does. */
  onLeave?: ((left: Left) => void) | undefined;
}

/** What `router.stats()` gives. */
export interface RouterStats {
  /** Of each model, by its name. */
  models: Record<string, Health>;
  /** Requests that were answered, those that were not, and streams that a second model or attempt went on with. */
  answered: number;
  failed: number;
  continued: number;
  cost: number;
}

export interface Router {
  /** For clients of OpenAI's API: `new OpenAI({ fetch: router.fetch, apiKey: "none" })`. */
  readonly fetch: typeof fetch;
  readonly consent: Consent;
  /** What left the device, the oldest first; of the last thousand times. */
  readonly ledger: readonly Left[];
  stats(): RouterStats;
}
