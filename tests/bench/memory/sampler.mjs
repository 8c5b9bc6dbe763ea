// In a thread of its own: what Linux says processes hold together, looked at again and again. Pages of their own and their part of those that they share,
// no files.
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

const { pids, everyMs } = workerData;

/** Bytes; none once the process is gone. */
function heldBy(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
    return of("Pss_Anon") + of("Pss_Shmem") + of("SwapPss");
  } catch {
    return 0;
  }
}

const held = () => pids.map(heldBy).reduce((a, b) => a + b);

let peak = 0;
let looks = 0;
const timer = setInterval(() => {
  peak = Math.max(peak, held());
  looks += 1;
}, everyMs);

parentPort.on("message", (message) => {
  if (message === "end") {
    clearInterval(timer);
    parentPort.close();
    return;
  }
  const now = held();
  parentPort.postMessage({ now, peak: Math.max(peak, now), looks });
  // From here on anew.
  peak = 0;
  looks = 0;
});
