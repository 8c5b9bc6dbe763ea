// Tells a worker when nobody sees the page. Downloaded by those who ask for it.

import type { WorkerConnection } from "./connection.js";
import type { Pace } from "./protocol.js";

/** Work goes on at this pace while the page is hidden, for as long as the worker lives. */
export function follow(connection: WorkerConnection, hidden: Pace): void {
  const { document } = globalThis;
  if (document === undefined) return;
  const tell = (): void => {
    if (connection.closed !== undefined) {
      document.removeEventListener("visibilitychange", tell);
      return;
    }
    const pace = document.visibilityState === "hidden" ? hidden : "run";
    connection.send<void>({ method: "pace", pace }).answer.catch(() => {});
  };
  document.addEventListener("visibilitychange", tell);
  tell();
}
