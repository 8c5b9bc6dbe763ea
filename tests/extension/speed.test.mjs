// How long it takes from the press of the button to the first key point of an article of 500 words, and what of it takes how long.
// Prints what it measures; the limits are wide, because tests share their machine.
// NANOLM_LONG=1 measures seven times and writes the medians to tests/bench/results/extension.md.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { serve } from "../web/support/server.mjs";
import { launchWith, pause, unzipped } from "./support/chromium.mjs";

const ROUNDS = process.env.NANOLM_LONG ? 7 : 1;
const RESULTS = join(import.meta.dirname, "../bench/results/extension.md");
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** The parts, in the order in which they end, with the medians of the milliseconds after the press. */
function partsOf(runs) {
  const named = [
    ["panel's page begins", ({ panel }) => panel.begins],
    ["page read", ({ panel }) => panel["page read"]],
    ["engine's page begins", ({ engine }) => engine.begins],
    ["worker begins", ({ worker }) => worker.begins],
    ["worker's script run", ({ worker }) => worker["worker ready"]],
    ["engine fetched, compiled and started", ({ worker }) => worker["engine started"]],
    ["model's file read", ({ worker }) => worker["files read"]],
    ["model made", ({ worker }) => worker["model made"]],
    ["first key point", ({ panel }) => panel["first point"]],
  ];
  // What was there before the press took no time.
  const found = named.map(([part, of]) => [part, median(runs.map(of))]).filter(([, ms]) => ms > 0);
  return found.sort(([, a], [, b]) => a - b);
}

function table(parts, version) {
  const lines = Object.entries(parts).flatMap(([what, found]) => [`## ${what[0].toUpperCase()}${what.slice(1)}`, "", "| | ms after the press |", "| --- | ---: |", ...found.map(([part, ms]) => `| ${part} | ${ms} |`), ""]);
  return `${[
    "# The extension, from the press of its button to the first key point",
    "",
    `Medians of ${ROUNDS} runs, ${new Date().toISOString().slice(0, 10)}, ${cpus()[0].model}, ${cpus().length} cores, Chromium ${version}. Written by`,
    "`NANOLM_LONG=1 node --test tests/extension/speed.test.mjs`. Several of the parts run at the same time. Cold: no page, no worker and no model of",
    "the extension is there. Warm: the panel was closed, and the engine is still there.",
    "",
    ...lines,
  ].join("\n").trimEnd()}\n`;
}

/** In a page or a worker: when it began, its marks, and when the files it fetched were there. */
function times() {
  const at = (time) => performance.timeOrigin + time;
  const marks = performance.getEntriesByType("mark").map(({ name, startTime }) => [name.replace("nanolm: ", ""), at(startTime)]);
  const files = performance.getEntriesByType("resource").map(({ name, responseEnd }) => [name.replace(/.*\//, ""), at(responseEnd)]);
  return { begins: at(0), ...Object.fromEntries(files), ...Object.fromEntries(marks) };
}

describe("from the click to the first key point", () => {
  let folder, extension, server, page;
  before(async () => {
    folder = unzipped("chromium");
    server = await serve({ "/": join(import.meta.dirname, "pages") }, { policy: "default-src 'none'; style-src 'unsafe-inline'; img-src data:" });
    extension = await launchWith(folder);
    page = extension.context.pages()[0];
  });
  after(async () => {
    await extension?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function close(pattern) {
    for (const { targetId } of await extension.targets(pattern)) await extension.cdp.send("Target.closeTarget", { targetId });
    for (const end = Date.now() + 5000; (await extension.targets(pattern)).length > 0; await pause(20)) assert.ok(Date.now() < end);
  }

  /** Milliseconds after the press, by the panel's own marks. It is left alone meanwhile. */
  async function measure() {
    const pressed = Date.now();
    await extension.press(page.url());
    await pause(1000);
    const panel = await extension.open(/panel\.html\?tab/);
    // Not busy is also what has not begun.
    await panel.until(() => performance.getEntriesByName("first point").length > 0 && document.getElementById("main").getAttribute("aria-busy") === "false");
    const engine = await extension.open(/engine\.html/);
    const [worker] = await engine.workers();
    const marks = { panel: await panel.evaluate(times), engine: await engine.evaluate(times), worker: await worker.evaluate(times) };
    assert.ok(marks.panel["first point"] > pressed, JSON.stringify(marks));
    const words = await panel.evaluate(() => /[\d,]+ words/.exec(document.getElementById("about").textContent)[0]);
    const after = (at) => Math.round(at - pressed);
    const shown = Object.entries(marks).map(([where, at]) => [where, Object.fromEntries(Object.entries(at).map(([name, time]) => [name, after(time)]))]);
    return { words, ...Object.fromEntries(shown) };
  }

  test("cold, and with the engine there", async () => {
    const cold = [];
    const warm = [];
    for (let round = 0; round < ROUNDS; round++) {
      await close(/panel\.html/);
      await close(/engine\.html/);
      await extension.stopServiceWorker();
      await page.goto(`${server.origin}/news.html?${round}`);
      cold.push(await measure());
      // Another article, with the panel closed and opened again.
      await close(/panel\.html/);
      await page.goto(`${server.origin}/blog.html?${round}`);
      warm.push(await measure());
    }
    const parts = { [`cold, ${cold[0].words}`]: partsOf(cold), [`warm, ${warm[0].words}`]: partsOf(warm) };
    for (const [what, found] of Object.entries(parts)) console.log(`click to first key point, ${what}: ${found.map(([part, ms]) => `${part} ${ms} ms`).join(", ")}`);
    if (process.env.NANOLM_LONG) writeFileSync(RESULTS, table(parts, extension.context.browser().version()));
    for (const runs of [cold, warm]) assert.ok(runs.every(({ panel }) => panel["first point"] < 4000));
  });
});
