// How long it takes from the press of the button to the first key point of an article of 500 words. Prints what it measures; the limits
// are wide, because tests share their machine.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { serve } from "../web/support/server.mjs";
import { launchWith, pause, unzipped } from "./support/chromium.mjs";

const ROUNDS = process.env.NANOLM_LONG ? 7 : 1;
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

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
    const marks = await panel.evaluate(() => ({
      panel: performance.timeOrigin,
      ...Object.fromEntries(performance.getEntriesByType("mark").map(({ name, startTime }) => [name, performance.timeOrigin + startTime])),
    }));
    assert.ok(marks["first point"] > pressed, JSON.stringify(marks));
    return Object.fromEntries(Object.entries(marks).map(([name, at]) => [name, Math.round(at - pressed)]));
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
    const of = (runs, name) => median(runs.map((run) => run[name]));
    const parts = (runs) => `panel begins ${of(runs, "panel")}, page read ${of(runs, "page read")}, first key point ${of(runs, "first point")} ms`;
    console.log(`click to first key point, 518 words, cold: ${parts(cold)}`);
    console.log(`click to first key point, 575 words, warm: ${parts(warm)}`);
    assert.ok(of(cold, "first point") < 4000 && of(warm, "first point") < 2000);
  });
});
