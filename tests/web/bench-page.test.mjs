// The benchmark page's chart of the comparison with other engines, drawn from results of known numbers, under the strict policy.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, ROOT } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

const figure = (median, more = {}) => ({ median, least: median, most: median, n: 1, ...more });
const row = (engine, more) => ({ shape: "15m", threads: 1, type: "q8_0", engine, run: "a day", ...more });
const RESULTS = {
  machine: { processor: "a processor", cores: 2, platform: "linux" },
  browser: "a browser",
  versions: { nanolm: "1.2.3" },
  engines: { ours: { title: "ours", ours: true }, peer: { title: "peer", types: { q8_0: "q8" } }, broken: { title: "broken" } },
  rows: [
    row("ours", { decode: figure(100, { least: 80, most: 120, n: 3 }), prefill128: figure(10) }),
    row("peer", { decode: figure(25), prefill128: figure(20) }),
    row("broken", { error: "<b>it broke</b>" }),
    row("ours", { threads: 2, decode: figure(150) }),
  ],
  roofs: [row("roofline", { decode: 200 })],
};

describe("benchmark page", () => {
  let browser, server, page, problems;
  before(async () => {
    browser = await launch({ gpu: "none" });
    const mounts = { "/": join(ROOT, "www"), "/peers.json": (rest) => (rest === "" ? JSON.stringify(RESULTS) : undefined) };
    server = await serve(mounts, { policy: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" });
    page = await browser.newPage();
    problems = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await page.goto(`${server.origin}/bench.html`);
    await page.waitForSelector("#peer-chart svg");
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  const widths = () => page.$$eval("#peer-chart rect.bar", (bars) => bars.map((bar) => [bar.classList[1], bar.width.baseVal.value]));

  test("bars are as long as the numbers, in the engines' order", async () => {
    const [ours, peer, broken] = await widths();
    assert.deepEqual([ours[0], peer[0], broken[0]], ["ours", "peer", "peer"]);
    assert.ok(Math.abs(ours[1] - 4 * peer[1]) < 0.01, `${ours[1]} and ${peer[1]}`);
    assert.equal(broken[1], 0);
  });

  test("the table says the same, with failures, and what was measured", async () => {
    const rows = await page.$$eval("#peer-table tbody tr", (lines) => lines.map((line) => [...line.cells].map((cell) => cell.textContent)));
    assert.deepEqual(rows, [
      ["ours", "Q8_0", "100 80 to 120"],
      ["peer, q8", "Q8_0", "25"],
      ["broken", "Q8_0", "failed: <b>it broke</b>"],
      ["the machine's limit", "Q8_0", "200"],
    ]);
    assert.match(await page.textContent("#peer-facts"), /a processor, 2 cores, linux; a browser; nanolm 1\.2\.3; a day/);
  });

  test("another figure or number of threads draws anew", async () => {
    await page.selectOption("#peer-figure", "prefill128");
    const [ours, peer] = await widths();
    assert.ok(Math.abs(peer[1] - 2 * ours[1]) < 0.01);
    await page.selectOption("#peer-figure", "decode");
    await page.selectOption("#peer-threads", "2");
    assert.equal((await widths()).length, 1);
  });

  test("a phone shows whole bars and needs no scrolling sideways", async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    const wide = await page.evaluate(() => ({
      page: document.documentElement.scrollWidth - innerWidth,
      chart: document.querySelector("#peer-chart").scrollWidth - document.querySelector("#peer-chart").clientWidth,
      culprits: [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > innerWidth + 1).map((each) => `${each.tagName}.${each.className}#${each.id}`).slice(0, 8),
    }));
    assert.ok(wide.page <= 0 && wide.chart <= 0, JSON.stringify(wide));
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test("nothing went wrong on the way", () => assert.deepEqual(problems, []));
});
