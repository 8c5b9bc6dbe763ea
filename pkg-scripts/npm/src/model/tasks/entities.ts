// Names, numbers, dates and the like.

import type { Connection } from "../../engine/connection.js";
import { collect } from "../job.js";
import { type CallOptions, checkText } from "../options.js";
import type { Place } from "../places.js";

export interface EntityOptions extends CallOptions {
  /** Only these types, such as `["PER", "DATE"]`; all of them by default. */
  types?: readonly string[] | undefined;
}

/** A name, number, date or the like. */
export interface Entity extends Place {
  text: string;
  /**
   * `PER`, `LOC`, `ORG`, `MISC` with the default model; `NUMBER`, `DATE`, `TIME`, `MONEY`, `EMAIL`, `URL`, `PHONE` with any, found by
   * their form.
   */
  type: string;
  /** 0 to 1: how sure the model is; 1 for what is found by its form. */
  score: number;
}

/** @internal */
export async function extractEntities(engine: Connection, text: string, options: EntityOptions): Promise<Entity[]> {
  checkText("text", text);
  // An event's own type is "entity"; the entity's travels as its kind.
  type Item = Place & { text: string; kind: string; score: number };
  const items = await collect<Item>(engine, { task: "entities", input: text, options }, "entity");
  return items.map(({ text, kind, start, end, score }) => ({ text, type: kind, start, end, score }));
}
