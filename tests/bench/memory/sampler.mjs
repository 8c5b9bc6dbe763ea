// In a thread of its own: what Linux says a process holds, looked at every 20 ms. Pages of its own and its part of those that it shares, no files.
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

const { pid, everyMs } = workerData;

/** Bytes; undefined once the process is gone. */
function held() {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
    return of("Pss_Anon") + of("Pss_Shmem") + of("SwapPss");
  } catch {
    return undefined;
  }
}

let peak = 0;
let looks = 0;
const timer = setInterval(() => {
  const now = held();
  if (now === undefined) return;
  peak = Math.max(peak, now);
  looks += 1;
}, everyMs);

parentPort.on("message", (message) => {
  if (message === "end") {
    clearInterval(timer);
    parentPort.close();
    return;
  }
  const now = held();
  parentPort.postMessage({ now, peak: Math.max(peak, now ?? 0), looks });
  // From here on anew.
  peak = 0;
  looks = 0;
});
