// Completion of code, or of any text, at a place in it.

import type { GenerateOptions } from "./generate.js";

export interface CompleteOptions extends Omit<GenerateOptions, "controls"> {
  /**
   * What comes after the place. It needs a model that was trained to fill in the middle, as code models are; without it, what comes before
   * is continued, by any model.
   */
  after?: string | undefined;
}
