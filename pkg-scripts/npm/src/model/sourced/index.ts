// What encoder-decoders do beside turning one text into another.

import { summarize } from "./summarize.js";
import { translate } from "./translate.js";

export const TASKS = { summarize, translate };
export type Tasks = typeof TASKS;
