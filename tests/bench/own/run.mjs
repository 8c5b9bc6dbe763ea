// The shipped model's own work in headless Chromium. Run by `pkg-scripts/bench own`, which says what the options are.
//
// Every run is a browser of its own with a new profile. Two builds are measured in turns, each first as often as the other, so that the
// machine's mood meets both alike.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { launch, ROOT } from "../../web/support/browser.mjs";
import { serve } from "../../web/support/server.mjs";
import { measure } from "./page.mjs";
import { course, figures, paired, regressions, table } from "./report.mjs";

const HISTORY = join(ROOT, "tests/bench/results/history.jsonl");
const ARTICLE = "www/samples/comet-landing.txt";
const LABELS = ["science", "sport", "politics", "economy", "culture"];

const { values: options } = parseArgs({
  options: {
    runs: { type: "string", default: "7" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "1,2" },
    against: { type: "string" },
    dist: { type: "string", default: join(ROOT, "pkg-scripts/npm/dist") },
    record: { type: "boolean" },
    note: { type: "string" },
    "no-build": { type: "boolean" },
    "report-only": { type: "boolean" },
  },
});

const history = existsSync(HISTORY) ? readFileSync(HISTORY, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line)) : [];
if (options["report-only"]) {
  const last = history.at(-1);
  console.log(last === undefined ? "nothing measured yet" : `${course(history)}\n\n${table(history, last)}`);
  process.exit();
}

/** The folder with index.js: what was given, or the `dist` in it. */
function built(folder) {
  const found = [folder, join(folder, "dist"), join(folder, "pkg-scripts/npm/dist")].find((at) => existsSync(join(at, "index.js")));
  if (found === undefined) throw new Error(`${folder}: no built package there (an index.js, in it or in its dist or pkg-scripts/npm/dist); build one with pkg-scripts/build`);
  return found;
}

const builds = { ours: built(resolve(options.dist)), ...(options.against ? { theirs: built(resolve(options.against)) } : {}) };
const names = Object.keys(builds);
const article = readFileSync(join(ROOT, ARTICLE), "utf8");
const mounts = { "/": join(ROOT, "tests/bench/page"), ...Object.fromEntries(names.map((name) => [`/${name}/`, builds[name]])) };
const plain = await serve(mounts);
const isolated = await serve(mounts, { isolated: true });

const runs = {};
let version, model;
for (let run = 0; run < Number(options.runs); run++) {
  for (const threads of options.threads.split(",").map(Number)) {
    for (const name of run % 2 === 0 ? names : names.toReversed()) {
      const browser = await launch({ gpu: "none" });
      try {
        version = browser.version();
        const page = await browser.newPage();
        await page.goto(`${(threads > 1 ? isolated : plain).origin}/`);
        const found = await page.evaluate(measure, { module: `/${name}/index.js`, article, labels: LABELS, threads, rounds: Number(options.rounds) });
        if (found.device.threads !== threads) throw new Error(`${name}: asked for ${threads} threads, got ${found.device.threads}`);
        if (name === "ours") model = found.model;
        ((runs[threads] ??= {})[name] ??= []).push(found);
      } finally {
        await browser.close();
      }
    }
  }
  process.stderr.write(`${run + 1} of ${options.runs}\n`);
}
await plain.close();
await isolated.close();

const weights = readFileSync(join(builds.ours, "model/nanolm-default.gguf"));
const git = (...args) => execFileSync("git", ["-C", ROOT, ...args], { encoding: "utf8" }).trim();
const each = (of) => Object.fromEntries(Object.entries(runs).map(([threads, found]) => [threads, of(found)]));
const entry = {
  date: `${new Date().toISOString().slice(0, 16)}Z`,
  commit: git("rev-parse", "--short=7", "HEAD") + (git("status", "--porcelain", "--", "src", "pkg-scripts/npm", "Cargo.toml") ? "+" : ""),
  machine: { processor: cpus()[0]?.model ?? "unknown", cores: cpus().length, browser: `Chromium ${version}` },
  model: { ...model, bytes: weights.length, sha256: createHash("sha256").update(weights).digest("hex").slice(0, 16) },
  text: `${ARTICLE}, ${article.split(/\s+/).filter(Boolean).length} words`,
  runs: Number(options.runs),
  ...(options.note ? { note: options.note } : {}),
  figures: each((found) => figures(found.ours)),
  ...(options.against ? { paired: each((found) => paired(found.ours, found.theirs)) } : {}),
};
if (options.record) appendFileSync(HISTORY, `${JSON.stringify(entry)}\n`);

console.log(`\n${entry.model.name}, ${entry.commit}: medians of ${entry.runs} runs (least-most); ${entry.text}; ${entry.machine.cores} × ${entry.machine.processor}\n`);
console.log(table(history, entry));
const slower = Object.entries(entry.paired ?? {}).flatMap(([threads, found]) =>
  Object.entries(found).filter(([, { slower }]) => slower).map(([name, { ratio }]) => `${name}, ${threads} threads: ${ratio.toFixed(2)} times as long as ${options.against}`),
);
const since = regressions(history, entry).map(({ threads, name, times }) => `${name}, ${threads} threads: ${times.toFixed(2)} times as long as in the entry before`);
for (const line of [...slower, ...since]) console.log(`SLOWER  ${line}`);
if (options.record) console.log(`\nAdded to ${HISTORY.slice(ROOT.length + 1)}`);
// Only a paired run can tell; what the history says is for the reader.
process.exitCode = slower.length > 0 ? 1 : 0;
