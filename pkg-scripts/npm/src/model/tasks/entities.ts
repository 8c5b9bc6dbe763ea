// Names, numbers, dates and the like.

import type { Connection } from "../../engine/connection.js";
import { collect } from "../job.js";
import { type CallOptions, checkOptions, checkText, type Instructed } from "../options.js";
import type { Parts } from "../parts.js";
import type { Place } from "../places.js";

export interface EntityOptions extends CallOptions {
  /**
   * Only these types, such as `["PER", "DATE"]`; all that the package knows by default. A chat model is asked for types of your own, such
   * as `"product"` or `"disease"`. An encoder that labels tokens has its own, without `B-` and the like; what is found by its form can
   * be asked for as well.
   */
  types?: readonly string[] | undefined;
}

/** A name, number, date or the like. */
export interface Entity extends Place {
  /** As it stands in the text. */
  text: string;
  /**
   * `PER`, `LOC`, `ORG`, `MISC`, which are names; `NUMBER`, `DATE`, `TIME`, `MONEY`, `EMAIL`, `URL`, `PHONE`, found by
   * their form.
   */
  type: string;
  /** 0 to 1: how sure the model is, of a token classifier the mean over the words; 1 for what is found by its form. */
  score: number;
}

const NAMES: ReadonlySet<unknown> = new Set(["PER", "LOC", "ORG", "MISC"]);
const BY_FORM: ReadonlySet<unknown> = new Set(["NUMBER", "DATE", "TIME", "MONEY", "EMAIL", "URL", "PHONE"]);

/** @internal */
export async function extractEntities(
  engine: Connection,
  parts: Parts,
  text: string,
  options: EntityOptions,
  { chats, ask }: Instructed<EntityOptions & { types: readonly string[] }, Entity[]>,
  byTokens?: (text: string, options: EntityOptions) => Promise<{ found: Entity[]; others: readonly string[] }>,
): Promise<Entity[]> {
  checkText("text", text);
  const { types } = checkOptions(options);
  if (byTokens !== undefined) {
    const { found, others } = await byTokens(text, options);
    if (others.length === 0) return found;
    const more = await extractEntities(engine, parts, text, { ...options, types: others }, { chats, ask });
    return [...found, ...more].sort((a, b) => a.start - b.start);
  }
  const isKnown = (type: unknown): boolean => NAMES.has(type) || BY_FORM.has(type);
  if (chats && Array.isArray(types) && !types.every(isKnown)) {
    const known = types.filter(isKnown);
    const own = types.filter((type) => !isKnown(type));
    const asked = await ask(text, { ...options, types: own });
    const others = known.length === 0 ? [] : await extractEntities(engine, parts, text, { ...options, types: known }, { chats, ask });
    return [...others, ...asked].sort((a, b) => a.start - b.start);
  }
  // What form shows needs nothing else; a wrong value is the engine's to refuse.
  const byForm = Array.isArray(types) && types.length > 0 && types.every((type: unknown) => BY_FORM.has(type));
  if (!byForm) await parts.ready("names", options);
  // An event's own type is "entity"; the entity's travels as its kind.
  type Item = Place & { text: string; kind: string; score: number };
  const items = await collect<Item>(engine, { task: "entities", input: text, options }, "entity");
  return items.map(({ text, kind, start, end, score }) => ({ text, type: kind, start, end, score }));
}
