// What becomes of downloaded files, by whether a model can be made of them.

import type { ModelFiles } from "../engine.js";
import type { ReadFiles } from "../files/download.js";

/**
 * Makes a model, or a part, of files. A download that is none, a login page for one, is not found again by the next load; where an
 * earlier load kept it, this one asks for it once more, and no more often: a store may be unable to let a file go.
 */
export async function judged<T>(read: () => Promise<ReadFiles>, make: (files: ModelFiles) => Promise<T>, again = false): Promise<T> {
  const { files, judge, fresh } = await read();
  try {
    const made = await make(files);
    await judge(true);
    return made;
  } catch (error) {
    if (!isOfTheFiles(error)) throw error;
    await judge(false);
    if (fresh || again) throw error;
    return judged(read, make, true);
  }
}

/** Whether a model cannot be made of these files, whatever the device. */
function isOfTheFiles(error: unknown): boolean {
  return /^(format|model|text)\//.test(String((error as { code?: unknown } | null)?.code));
}
