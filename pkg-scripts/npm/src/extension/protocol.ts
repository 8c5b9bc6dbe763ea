// What an extension's pages and its engine say to each other over a port. Everything is JSON, because ports carry no more.

import type { WireError } from "../errors.js";
import type { Progress } from "../info.js";
import type { ModelChoice } from "./choice.js";

/** The name of the ports to the engine. */
export const PORT = "nanolm";

/** What asks the background script to open the engine's document. */
export const OPEN = { nanolm: "open" } as const;

/** Its answer. */
export type Opened = { nanolm: "opened" } | { nanolm: "failed"; error: WireError };

/**
 * The methods of a model that can be called from afar: whether each gives a stream or a value, and how many arguments come
 * before its options.
 */
export const METHODS = {
  summarize: { gives: "stream", args: 1 },
  generate: { gives: "stream", args: 1 },
  chat: { gives: "stream", args: 1 },
  rewrite: { gives: "stream", args: 1 },
  translate: { gives: "stream", args: 1 },
  complete: { gives: "stream", args: 1 },
  embed: { gives: "value", args: 1 },
  classify: { gives: "value", args: 2 },
  extractEntities: { gives: "value", args: 1 },
  extractKeywords: { gives: "value", args: 1 },
  answer: { gives: "value", args: 2 },
  tokenize: { gives: "value", args: 1 },
  detokenize: { gives: "value", args: 1 },
  /** `model.info` */
  info: { gives: "value", args: 0 },
} as const;

export type Method = keyof typeof METHODS;

/** A call, as it travels. Sent again with the same id it is the same call, wherever it stands. */
export interface CallMessage {
  type: "call";
  /** Unique among all pages. */
  id: string;
  method: Method;
  args: unknown[];
  options: Record<string, unknown>;
  load: ModelChoice;
  /** The call goes on under this name when nobody listens. */
  keep?: string | undefined;
  /** How many pieces the caller has. */
  from: number;
}

export type ToEngine =
  | CallMessage
  /** Stops a call: a stream still ends, with what it has. */
  | { type: "cancel"; id: string }
  /** Listens to the call that is kept under a name, from its first piece on. The call goes by this id here. */
  | { type: "resume"; id: string; name: string };

export type ToPage =
  /** The first message: this port leads to an engine. */
  | { type: "ready" }
  | { type: "progress"; id: string; progress: Progress }
  | { type: "piece"; id: string; at: number; piece: unknown }
  | { type: "done"; id: string; value: unknown }
  | { type: "error"; id: string; error: WireError }
  /** Whether there is a call under the name. */
  | { type: "kept"; id: string; found: boolean };
