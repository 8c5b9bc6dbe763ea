// What the operating system says of the processes that an engine runs in.
import { existsSync, readFileSync } from "node:fs";

/** What processes took together. Only Linux tells; elsewhere it is undefined. */
export class Processes {
  #timer;
  #pids;
  /** The most memory that they held, looked at ten times a second: bytes of pages of their own and shared memory, no files. */
  peak;

  constructor(pids) {
    this.#pids = pids;
    const look = () => {
      const now = pids.map(held);
      if (!now.includes(undefined)) this.peak = Math.max(this.peak ?? 0, now.reduce((a, b) => a + b));
    };
    look();
    this.#timer = setInterval(look, 100);
  }

  /** Milliseconds of processor time since they began, all threads together, in steps of 10. */
  get processorMs() {
    const each = this.#pids.map(worked);
    return each.includes(undefined) ? undefined : each.reduce((a, b) => a + b);
  }

  stop() {
    clearInterval(this.#timer);
  }
}

function held(pid) {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return undefined;
  const lines = readFileSync(status, "utf8").matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm);
  return [...lines].reduce((sum, [, kilobytes]) => sum + Number(kilobytes) * 1024, 0);
}

/** Clock ticks of Linux's process statistics are hundredths of a second on every processor that Chromium runs on. */
const MS_PER_TICK = 10;

function worked(pid) {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return undefined;
  // The name, in brackets, may hold anything; the state follows, and as 12th and 13th field from there user and system time.
  const fields = readFileSync(file, "utf8").split(")").at(-1).trim().split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}
