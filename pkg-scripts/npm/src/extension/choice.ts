// Which model an extension runs.

import type { LoadOptions } from "../model/model.js";

/** How the model is loaded. */
export interface ModelChoice extends Pick<LoadOptions, "device" | "threads" | "hub"> {
  /**
   * Address of the model, or the name of a file in the origin private file system of the extension. By default the model of the
   * package.
   */
  source?: string | { file: string } | undefined;
}
