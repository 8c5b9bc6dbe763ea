// node pkg-scripts/slowest.mjs <folder of logs>: the ten slowest cases of all lanes, and why a case may take over five seconds.
// The reasons stand in tests/slow.txt: `lane case: reason`, one a line.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const MOST = 10;
const SLOW_SECONDS = 5;
/** "test models::jobs::x ... ok <1.234s>" of cargo, "✔ a case (1234.5ms)" of node. */
const CASE = /^test (?<rust>.+?) \.\.\. \w+ <(?<seconds>[\d.]+)s>$|^\s*[✔✖] (?<node>.+) \((?<milliseconds>[\d.]+)ms\)$/;

/** "▶ a suite" of node, whose end looks like a case's. */
const SUITE = /^\s*▶ (?<name>.+)$/;

export function cases(lane, log) {
  const found = new Map();
  const lines = log.split("\n");
  const suites = new Set(lines.map((line) => SUITE.exec(line)?.groups.name));
  for (const line of lines) {
    const { rust, seconds, node, milliseconds } = CASE.exec(line)?.groups ?? {};
    if (suites.has(node)) continue;
    // A case that failed is printed twice.
    if (rust ?? node) found.set(rust ?? node, Number(seconds ?? milliseconds / 1000));
  }
  return [...found].map(([name, took]) => ({ lane, name, took }));
}

export function reasons(text) {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(": ")), line.slice(line.lastIndexOf(": ") + 2)]));
}

export function report(all, why) {
  const slowest = [...all].sort((a, b) => b.took - a.took).slice(0, MOST);
  return slowest.map(({ lane, name, took }) => {
    const reason = why.get(`${lane} ${name}`);
    const note = reason ?? (took > SLOW_SECONDS ? "NO REASON GIVEN: make it faster, or say why in tests/slow.txt" : "");
    return `${took.toFixed(1).padStart(7)} s  ${lane}: ${name}${note && `  (${note})`}`;
  });
}

const [folder] = process.argv.slice(2);
if (folder !== undefined) {
  const logs = readdirSync(folder).filter((file) => file.endsWith(".log") && file !== "beside.log");
  const all = logs.flatMap((file) => cases(basename(file, ".log"), readFileSync(join(folder, file), "utf8")));
  const table = new URL("../tests/slow.txt", import.meta.url);
  for (const line of report(all, reasons(existsSync(table) ? readFileSync(table, "utf8") : ""))) console.log(line);
}
