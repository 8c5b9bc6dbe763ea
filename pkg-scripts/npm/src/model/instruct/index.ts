// Every task by instruction: one file a task, and the table of them.

import { answer } from "./answer.js";
import { classify } from "./classify.js";
import { complete } from "./complete.js";
import { extractEntities } from "./entities.js";
import { rewrite, translate } from "./rewrite.js";
import { summarize } from "./summarize.js";

/** Those that write. */
export const WRITERS = { summarize, rewrite, translate, complete };
export type Writers = typeof WRITERS;

/** Those that give a value. */
export const FINDERS = { classify, answer, extractEntities };
export type Finders = typeof FINDERS;
