// The arithmetic of the side-by-side benchmark: medians, merging, agreement, comparison, prompts, rooflines, the report.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { layout, scale } from "../../www/js/bars.js";
import { bytesRead, ENGINES, prompt, weightsRead, SHAPES } from "./peers/engines.mjs";
import { curve } from "./peers/long.mjs";
import { Processes } from "./peers/processes.mjs";
import { markdown, speedTable, withSpeedTable } from "./peers/report.mjs";
import { roofOf } from "./peers/roof.mjs";
import { runSlice } from "./peers/slice.mjs";
import { agreement, comparison, merge, partOfRoof, summary, threadGain, tokensOf, withAgreement } from "./peers/statistics.mjs";

const figure = (median) => ({ median, least: median, most: median, n: 1 });
const row = (engine, more = {}) => ({ shape: "15m", threads: 1, type: "q8_0", engine, run: "first", ...more });

test("a summary is the median with its range", () => {
  assert.deepEqual(summary([3, 1, 2]), { median: 2, least: 1, most: 3, n: 3 });
  assert.deepEqual(summary([4, 1, 2, 3]), { median: 2.5, least: 1, most: 4, n: 4 });
  assert.deepEqual(summary([10, 9]), { median: 9.5, least: 9, most: 10, n: 2 });
  assert.equal(summary([]), undefined);
  assert.equal(summary([1234.567]).median, 1235);
});

test("a partial run replaces what it measured and leaves the rest", () => {
  const old = {
    browser: "old",
    versions: { a: "1", b: "1" },
    rows: [row("wllama3", { decode: figure(1) }), row("wllama2", { decode: figure(2) }), row("wllama3", { threads: 2, decode: figure(3) })],
    roofs: [row("roofline", { decode: 10 })],
  };
  const merged = merge(old, { browser: "new", versions: { a: "2" }, rows: [row("wllama3", { error: "broke" })], roofs: [] });
  assert.equal(merged.browser, "new");
  assert.deepEqual(merged.versions, { a: "2", b: "1" });
  assert.deepEqual(merged.rows.map((each) => [each.engine, each.threads, each.error ?? each.decode.median]), [["wllama3", 1, "broke"], ["wllama2", 1, 2], ["wllama3", 2, 3]]);
  assert.equal(merged.roofs.length, 1);
  assert.equal(merge(undefined, { rows: [row("wllama3")], roofs: [] }).rows.length, 1);
  // A long run has no rows: those that are there stay.
  assert.equal(merge(old, { long: [row("nanolm-relaxed")] }).rows.length, 3);
});

test("texts fall into tokens, and agreement counts the first equal ones", () => {
  assert.deepEqual(tokensOf("Aabcx Zzzz"), ["Aabc", "x", " ", "Zzzz"]);
  assert.equal(agreement("AabcBabc", "AabcBabd"), 1);
  assert.equal(agreement("Aabc", "AabcBabc"), 1);
  assert.equal(agreement("", "Aabc"), 0);
  const rows = withAgreement([row("wllama3", { wrote: "Aabc Babd" }), row("nanolm-relaxed", { wrote: "Aabc Babc" }), row("wllama2", { error: "broke" })], ENGINES);
  assert.deepEqual(rows.map((each) => each.agrees), [1, 2, undefined]);
  // Nothing of ours to compare with: an old count does not stay.
  assert.equal(withAgreement([row("wllama3", { wrote: "Aabc", agrees: 9 })], ENGINES)[0].agrees, undefined);
});

test("ours are compared with the best peer, never with the native engine", () => {
  const rows = [
    row("nanolm-simd128", { decode: figure(50) }),
    row("nanolm-relaxed", { decode: figure(100) }),
    row("wllama3", { decode: figure(20) }),
    row("wllama2", { decode: figure(25) }),
    row("transformers", { type: "f16", decode: figure(40) }),
    row("llama.cpp", { decode: figure(1000) }),
    row("wllama2", { threads: 2, decode: figure(90) }),
  ];
  assert.deepEqual(comparison(rows, ENGINES, { shape: "15m", threads: 1, type: "q8_0" }, "decode"), {
    ours: "nanolm-relaxed", peer: "wllama2", ratio: 4, anyPeer: "transformers", anyType: "f16", anyRatio: 2.5,
  });
  assert.equal(comparison(rows, ENGINES, { shape: "15m", threads: 2, type: "q8_0" }, "decode"), undefined);
  assert.equal(comparison(rows, ENGINES, { shape: "15m", threads: 1, type: "q8_0" }, "prefill128"), undefined);
});

test("parts of the roofline and the gain of threads are our fastest engine's", () => {
  const rows = [row("nanolm-simd128", { decode: figure(50) }), row("nanolm-relaxed", { decode: figure(80) }), row("wllama3", { decode: figure(90) }), row("nanolm-threads", { threads: 2, decode: figure(120) })];
  const roofs = [row("roofline", { decode: 160 })];
  assert.equal(partOfRoof(rows, roofs, ENGINES, { shape: "15m", threads: 1, type: "q8_0" }, "decode"), 0.5);
  assert.equal(partOfRoof(rows, roofs, ENGINES, { shape: "15m", threads: 2, type: "q8_0" }, "decode"), undefined);
  assert.equal(threadGain(rows, ENGINES, { shape: "15m", type: "q8_0", threads: 2 }, "decode"), 1.5);
  assert.equal(threadGain(rows, ENGINES, { shape: "15m", type: "q8_0", threads: 2 }, "prefill128"), undefined);
});

test("a curve that grows on a line is on it, and a step or a pause is seen", () => {
  const walk = (ms) => {
    let now = 0;
    return Array.from({ length: 2031 }, (_, at) => (now += ms(at)));
  };
  const smooth = curve([walk((at) => 10 + at / 1000)]);
  assert.equal(smooth.positions.length, 15);
  assert.equal(smooth.positions[0], 144);
  assert.ok(smooth.residual < 0.001, `${smooth.residual}`);
  assert.ok(smooth.longestMs < 13);
  assert.ok(curve([walk((at) => (at < 1024 ? 10 : 12))]).residual > 0.04);
  const pause = walk((at) => (at === 1024 ? 300 : 10));
  assert.ok(curve([pause]).longestMs >= 300);
  // What happened in one run of three was not the engine.
  const even = walk(() => 10);
  assert.deepEqual(curve([even, pause, even]), curve([even]));
});

test("prompts are letters and single spaces, of their length, and never the same", () => {
  const seen = new Set();
  for (let number = 0; number < 500; number++) {
    const text = prompt(128, number);
    assert.match(text, /^[a-z]+( [a-z]+)*$/);
    assert.equal(text.length, 128);
    // A cache of prefixes finds nothing: no two share more than a few tokens.
    seen.add(text.slice(0, 8));
  }
  assert.equal(seen.size, 500);
  assert.equal(prompt(16, 7), prompt(16, 7));
});

test("rooflines: a token reads each matrix once, a prompt multiplies with each", () => {
  // SmolLM2-135M: 30 layers of 3.54 million weights, 28.3 million of the tied output.
  assert.deepEqual(weightsRead(SHAPES["135m"]), { layers: 106_168_320, output: 28_311_552 });
  assert.equal(bytesRead("135m", "q8_0"), (134_479_872 * 34) / 32);
  const samples = [{ readGBs: 14, dotGMACs: 100 }, { readGBs: 16, dotGMACs: 110 }, { readGBs: 15, dotGMACs: 105 }];
  const roof = roofOf(samples, { shape: "135m", threads: 1, type: "q8_0", run: "" });
  assert.equal(roof.decode, 105);
  assert.equal(roof.prefill512, Number(((105e9 * 512) / (106_168_320 * 512 + 28_311_552)).toPrecision(4)));
});

/** A host that answers after no time at all, as slowly as it says. */
function host(log, name, { firstMs = 10, afterMs = 0, fails } = {}) {
  let worked = 0;
  return {
    load: async () => ({ ms: 1, about: {} }),
    generate: async (text, tokens) => {
      log.push([name, text.length, text, performance.now()]);
      if (fails && log.length > fails) throw new Error("it broke");
      return { firstMs, laterMs: tokens > 1 ? 64 : 0, tokens, text: "Aabc" };
    },
    peakMemory: 3e6,
    get processorMs() {
      return (worked += afterMs);
    },
    close: async () => log.push([name, "closed"]),
  };
}

test("a slice measures in turns with the same prompts, none twice, and keeps a failure as a row", { timeout: 10_000 }, async () => {
  const log = [];
  const hosts = { "nanolm-relaxed": host(log, "nanolm-relaxed"), wllama3: host(log, "wllama3", { firstMs: 5000, afterMs: 30 }) };
  const { rows, roofs } = await runSlice({
    shape: "15m", threads: 1, type: "q8_0", run: "first",
    engines: ["nanolm-relaxed", "wllama3", "wllama2"],
    start: async (engine) => hosts[engine] ?? Promise.reject(new Error("no such browser")),
    runs: 3, slowMs: 4000, deadline: Infinity, emptyPage: 1e6, log: () => {}, warmMs: { least: 1, most: 50 }, quietMs: 20,
  });
  const [ours, slow, missing] = rows;
  assert.equal(ours.decode.median, 1000);
  assert.equal(ours.decode.n, 3);
  assert.equal(ours.prefill128.median, 12_800);
  assert.equal(ours.memoryMb, 2);
  assert.deepEqual([ours.afterMs.median, slow.afterMs.median], [0, 30]);
  assert.equal(slow.prefill512.n, 2);
  assert.equal(ours.prefill512.n, 3);
  assert.equal(missing.error, "no such browser");
  assert.equal(missing.decode, undefined);
  assert.deepEqual(roofs, []);
  const measured = log.filter(([, length]) => [16, 512].includes(length));
  const names = measured.map(([name]) => name);
  // Each waits until the one before has been quiet; timers may come a millisecond early.
  const times = measured.map(([, , , at]) => at);
  for (let at = 1; at < times.length; at++) assert.ok(times[at] - times[at - 1] >= 19, `${names[at]}: ${times[at] - times[at - 1]} ms`);
  // Round one begins with the first engine, round two with the second.
  assert.deepEqual(names.slice(0, 8), ["nanolm-relaxed", "wllama3", "nanolm-relaxed", "wllama3", "wllama3", "nanolm-relaxed", "wllama3", "nanolm-relaxed"]);
  const prompts = (engine) => measured.filter(([name]) => name === engine).map(([, , text]) => text);
  assert.equal(new Set(prompts("nanolm-relaxed")).size, prompts("nanolm-relaxed").length);
  // What the slower engine still measures, it measures with the same prompts.
  assert.deepEqual(prompts("wllama3").filter((text) => !prompts("nanolm-relaxed").includes(text)), []);
});

test("processor time is that of the process, and unknown of one that is not there", (context) => {
  if (process.platform !== "linux") return context.skip("only Linux tells the processor time of other processes");
  const own = new Processes([process.pid]);
  const before = { processes: own.processorMs, node: process.cpuUsage() };
  for (const start = Date.now(); Date.now() - start < 300; );
  const { user, system } = process.cpuUsage(before.node);
  // Both in steps of up to 10 ms.
  assert.ok(Math.abs(own.processorMs - before.processes - (user + system) / 1000) <= 30);
  assert.ok(own.processorMs - before.processes > 0);
  own.stop();
  const gone = new Processes([process.pid, 2 ** 30]);
  assert.equal(gone.processorMs, undefined);
  gone.stop();
});

test("long prompts are left out where asked, and what takes very long is measured once", { timeout: 10_000 }, async () => {
  const hosts = { "nanolm-relaxed": host([], "a", { firstMs: 20_000 }), wllama3: host([], "b") };
  const { rows } = await runSlice({
    shape: "15m", threads: 1, type: "f16", run: "first", engines: Object.keys(hosts), start: async (engine) => hosts[engine],
    runs: 3, slowMs: 4000, longMs: 2000, deadline: Infinity, emptyPage: 0, log: () => {}, warmMs: { least: 1, most: 50 }, quietMs: 1,
  });
  assert.deepEqual(rows.map((each) => [each.prefill128.n, each.prefill512?.n]), [[1, undefined], [3, 3]]);
});

test("the report names every failure and says what is missing", () => {
  const rows = [row("nanolm-relaxed", { decode: figure(100), prefill128: figure(10), memoryMb: 5 }), row("wllama3", { error: "no | such thing" })];
  const report = (rows) => markdown({ rows, roofs: [], machine: { processor: "x", cores: 2, platform: "linux" }, browser: "b", versions: {}, emptyPageMb: 1 });
  const text = report(rows);
  assert.match(text, /\| nanolm, relaxed SIMD \| 100 \| 10\.0 \| – \|/);
  assert.match(text, /\| wllama 3 \| failed: no \/ such thing \|/);
  assert.match(text, /^Measured first\.$/m);
  // Engines that did not meet are not passed off as if they had.
  assert.match(report([...rows, row("wllama2", { run: "second" })]), /^Measured in 2 runs: first \(nanolm, relaxed SIMD; wllama 3\), second \(wllama 2\.3\.7\)\.$/m);
});

test("a chart's scale ends at a round number at or above the longest bar", () => {
  for (const max of [0.003, 0.9, 1, 4.2, 5, 99, 100, 101, 692, 4230, 1e6]) {
    const { end, ticks } = scale(max);
    assert.ok(end >= max && end <= max * 1.5, `${max}: ${end}`);
    assert.ok(ticks.length >= 3 && ticks.length <= 7, `${max}: ${ticks}`);
    assert.equal(ticks[0], 0);
    assert.equal(ticks.at(-1), Number(end.toPrecision(6)));
  }
  assert.deepEqual(scale(0), { end: 1, ticks: [0, 1] });
});

test("a chart's bars are as long as their numbers, each in a row of its own", () => {
  const bars = [{ title: "a", median: 100, least: 50, most: 120 }, { title: "b", median: 25 }, { title: "c", note: "broke" }];
  const { plot, ticks, groups, height } = layout([{ title: "one", bars, roof: { value: 200 } }, { title: "two", bars, roof: { value: 1000 } }]);
  const [a, b, c] = groups[0].bars;
  assert.ok(Math.abs(a.width - 4 * b.width) < 1e-9);
  assert.equal(c.width, 0);
  assert.ok(a.range.from < a.x + a.width && a.range.to > a.x + a.width);
  const rows = groups.flatMap((group) => group.bars).map(({ y, height }) => [y, y + height]);
  for (let at = 1; at < rows.length; at++) assert.ok(rows[at][0] >= rows[at - 1][1]);
  assert.ok(rows.at(-1)[1] < height);
  // The near roof is on the scale, at the number it says; the far one stands at the edge.
  assert.equal(groups[0].roof.beyond, false);
  assert.ok(Math.abs(groups[0].roof.x - plot.left - 2 * a.width) < 1e-9);
  assert.equal(groups[1].roof.beyond, true);
  assert.equal(groups[1].roof.x, plot.right);
  assert.deepEqual([ticks[0].x, ticks.at(-1).x], [plot.left, plot.right]);
});

test("the README's table stands between its marks and holds the ratios to the best peer", () => {
  const rows = [row("nanolm-relaxed", { decode: figure(100) }), row("wllama3", { decode: figure(20) })];
  const table = speedTable({ rows });
  assert.equal(table.split("\n").length, 6);
  assert.match(table, /^\| 15M, Q8_0 \| 5\.0× \| – \| – \| – \| – \| – \|$/m);
  const marked = "# a\n<!-- speed: written by pkg-scripts/bench peers -->\nold\n<!-- end of speed -->\nb\n";
  const found = withSpeedTable(marked, { rows });
  assert.ok(found.startsWith("# a\n<!-- speed") && found.endsWith("-->\nb\n") && found.includes(table) && !found.includes("old"));
  assert.equal(withSpeedTable(found, { rows }), found);
  assert.throws(() => withSpeedTable("# a", { rows }), /expected the lines/);
});

test("the committed results can be read again and hold every engine", (context) => {
  let results;
  try {
    results = JSON.parse(readFileSync(join(import.meta.dirname, "results/peers.json"), "utf8"));
  } catch {
    context.skip("no results are committed");
    return;
  }
  assert.equal(readFileSync(join(import.meta.dirname, "results/peers.md"), "utf8"), markdown(results));
  const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
  assert.equal(readme, withSpeedTable(readme, results));
  for (const { engine } of results.rows) assert.ok(ENGINES[engine], engine);
});
