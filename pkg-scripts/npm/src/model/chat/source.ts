// What a model's files say about chats.

import type { Connection } from "../../engine/connection.js";
import type { ChatFiles } from "../../engine.js";

/** A model's template and what it needs. */
export interface ChatSource {
  /** Undefined where the files have none. */
  template: string | undefined;
  /** `bos_token`, `eos_token` and the like, as templates call them. */
  specials: Record<string, string>;
  /** Tokens of prompt and output together. */
  contextLength: number;
  /** Control tokens' ids by their texts. */
  controls: ReadonlyMap<string, number>;
  /** Their texts by their ids. */
  controlTexts: ReadonlyMap<number, string>;
}

const known = new WeakMap<Connection, Promise<ChatSource>>();

/** Asks the engine, once for each model. */
export function sourceOf(connection: Connection): Promise<ChatSource> {
  let source = known.get(connection);
  if (source === undefined) {
    source = connection.send<ChatFiles>({ method: "chatFiles" }).answer.then(read);
    known.set(connection, source);
    // Asked again after a failure.
    source.catch(() => known.delete(connection));
  }
  return source;
}

function read({ template, config, contextLength, controls, start, end }: ChatFiles): ChatSource {
  const ids = new Map(Object.entries(controls));
  const controlTexts = new Map([...ids].map(([text, id]) => [id, text]));
  const described = config === undefined ? {} : configOf(config);
  const specials: Record<string, string> = {
    bos_token: controlTexts.get(start ?? -1) ?? "",
    eos_token: controlTexts.get(end ?? -1) ?? "",
  };
  for (const [name, value] of Object.entries(described)) {
    const text = typeof value === "string" ? value : (value as { content?: unknown } | null)?.content;
    if (name.endsWith("_token") && typeof text === "string") specials[name] = text;
  }
  return { template: template ?? templateIn(described["chat_template"]), specials, contextLength, controls: ids, controlTexts };
}

function configOf(text: string): Record<string, unknown> {
  try {
    const config: unknown = JSON.parse(text);
    return typeof config === "object" && config !== null ? (config as Record<string, unknown>) : {};
  } catch {
    // Nothing else of the model depends on it.
    return {};
  }
}

/** A template, or the default one of a list of named templates. */
function templateIn(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  const named = value as { name?: unknown; template?: unknown }[];
  const chosen = named.find(({ name }) => name === "default") ?? named[0];
  return typeof chosen?.template === "string" ? chosen.template : undefined;
}
