// How long a visitor waits for the first answer: from nothing, over a slow line, beside other engines, in headless Chromium. Run by `pkg-scripts/bench
// first`, which says what the options are.
//
// Every figure is a browser of its own with a new profile, so that nothing was downloaded before; engines take turns. What was measured is kept in
// build/first.json, so that rates and groups can be measured one after the other.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { launch, ROOT } from "../../web/support/browser.mjs";
import { COMMON, GROUPS, lacking } from "./entrants.mjs";
import { serveOver, TRUSTING } from "./link.mjs";
import { page as report } from "./report.mjs";

const KEPT = join(ROOT, "build/first.json");
const LIMIT_MS = 120_000;
/** By the rate, in million bits a second. */
const ROUND_TRIP_MS = { 10: 40, 100: 20 };

const { values: given } = parseArgs({
  options: {
    rates: { type: "string", default: "10,100" },
    groups: { type: "string", default: Object.keys(GROUPS).join(",") },
    threads: { type: "string", default: "1" },
    runs: { type: "string", default: "3" },
    dist: { type: "string", default: join(ROOT, "pkg-scripts/npm/dist") },
    against: { type: "string" },
    out: { type: "string", default: join(ROOT, "tests/bench/results/first.md") },
    "no-build": { type: "boolean" },
  },
});
const threads = Number(given.threads);
const article = readFileSync(join(ROOT, "www/samples/comet-landing.txt"), "utf8");
const builds = { "": resolve(given.dist), ...(given.against ? { before: resolve(given.against) } : {}) };

/** One figure: `{ readyMs, firstMs, bytes, timeline }`. */
async function measure(server, { adapter, page: path = "", task, url, options }, text) {
  server.requests.length = 0;
  const browser = await launch({ gpu: "none", args: TRUSTING });
  try {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/${path}`);
    await page.waitForFunction(() => globalThis.ready);
    const asked = page.evaluate(([adapter, options, task, text]) => first(adapter, options, task, text), [adapter, { ...options, url, threads }, task, text]);
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not done after ${LIMIT_MS / 1000} s`)), LIMIT_MS)));
    const { start, ...found } = await Promise.race([asked, late]).finally(() => clearTimeout(timer));
    const requests = server.requests.filter(({ asked }) => asked >= start);
    const marks = await Promise.all(page.workers().map((worker) => worker.evaluate(() => performance.getEntriesByType("mark").map(({ name, startTime }) => [name, performance.timeOrigin + startTime]))));
    const timeline = [
      ...requests.flatMap(({ path, asked, ended, bytes }) => [[`${path} asked for`, asked - start], [`${path} sent, ${bytes} bytes`, ended - start]]),
      ...marks.flat().map(([name, at]) => [name, at - start]),
      ["ready", found.readyMs],
      ["answered", found.firstMs],
    ];
    const version = browser.version();
    return { ...found, bytes: requests.reduce((sum, { bytes }) => sum + bytes, 0), timeline: timeline.sort((a, b) => a[1] - b[1]), version };
  } finally {
    await browser.close();
  }
}

const measured = () => (existsSync(KEPT) ? JSON.parse(readFileSync(KEPT, "utf8")) : { sections: {} });
for (const mbits of given.rates.split(",").map(Number)) {
  for (const name of given.groups.split(",")) {
    const group = GROUPS[name];
    const lacks = lacking(group);
    if (lacks !== undefined) {
      console.log(`SKIPPED first, ${name}: ${lacks} is not here`);
      continue;
    }
    const roundTripMs = ROUND_TRIP_MS[mbits] ?? 30;
    const entrants = group.entrants.flatMap((entrant) =>
      Object.keys(builds).filter((build) => build === "" || entrant.ours).map((build) => ({ ...entrant, build, title: build ? `${entrant.title} (${build})` : entrant.title, samples: [] })),
    );
    const servers = {};
    for (const [build, dist] of Object.entries(builds)) {
      servers[build] = await serveOver({ ...COMMON, ...group.mounts, "/nanolm/": dist }, { mbits, roundTripMs, isolated: threads > 1 });
    }
    // What is compressed is so before the clock runs.
    for (const entrant of entrants) await measure(servers[entrant.build], entrant, textOf(group)).catch(() => {});
    for (let round = 0; round < Number(given.runs); round++) {
      for (let at = 0; at < entrants.length; at++) {
        const entrant = entrants[(at + round) % entrants.length];
        if (entrant.error) continue;
        try {
          entrant.samples.push(await measure(servers[entrant.build], entrant, textOf(group)));
        } catch (error) {
          entrant.error = error.message.split("\n")[0].slice(0, 300);
        }
      }
      console.error(`${mbits} Mbit/s, ${name}: round ${round + 1} of ${given.runs}`);
    }
    for (const server of Object.values(servers)) await server.close();
    const [{ samples }] = entrants;
    const kept = measured();
    kept.sections[`${mbits}/${threads}/${name}`] = {
      mbits, roundTripMs, threads, name, title: group.title, runs: Number(given.runs), browser: samples[0]?.version, timeline: samples.at(-1)?.timeline,
      rows: entrants.map(({ title, ours, error, samples }) => ({ title, ours, error, samples: samples.map(({ readyMs, firstMs, bytes }) => ({ readyMs, firstMs, bytes })) })),
    };
    kept.machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores`;
    kept.date = new Date().toISOString().slice(0, 10);
    writeFileSync(KEPT, JSON.stringify(kept, null, 1));
  }
}
const text = report(measured());
writeFileSync(given.out, text);
console.log(text);
console.log(`Written to ${basename(given.out)}`);

function textOf({ text }) {
  return text === "article" ? article : text;
}
