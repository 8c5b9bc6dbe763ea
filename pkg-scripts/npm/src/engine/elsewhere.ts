// A worker where the package comes from another origin than the page. An extension leaves this out: it has all its files itself.

import { here } from "../assets.js";
import { WorkerError } from "../errors.js";

/** What a page on another origin has to do. */
export const ELSEWHERE =
  "The package comes from another origin than the page: serve it from the page's own, or allow blob: and the other origin as " +
  "worker-src, and the other origin as script-src and connect-src, in the page's Content-Security-Policy";

/**
 * Browsers start workers from the page's own origin alone, but let any worker import from elsewhere: so a package that comes
 * from a CDN, or into a sandboxed frame, starts by a script of one line.
 */
export function workerFromElsewhere(script: string, refused: unknown): Worker {
  const line = `import ${JSON.stringify(new URL(script, here).href)};`;
  const address = URL.createObjectURL(new Blob([line], { type: "text/javascript" }));
  try {
    return new Worker(address, { type: "module" });
  } catch {
    throw new WorkerError(
      "worker/start",
      `the worker could not start: ${(refused as Error).message}. ${ELSEWHERE}`,
      { why: `${script} could not be started` },
    );
  } finally {
    // The browser has it by its address when the constructor returns, and fetches it later.
    setTimeout(() => URL.revokeObjectURL(address), REVOKE_MS);
  }
}

/** By then a worker has fetched its script, or never will. */
const REVOKE_MS = 60_000;
