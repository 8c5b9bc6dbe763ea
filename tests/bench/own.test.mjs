// The arithmetic of the shipped model's benchmark.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { before, byChance, course, FIGURES, figures, paired, regressions, table } from "./own/report.mjs";

const run = (load, points, rate = 1000) => ({
  cold: { loadMs: load, coldFirstPointMs: 2 * points, coldKeyPointsMs: 2 * points },
  warm: [points - 1, points, points + 1].map((ms) => ({ firstPointMs: ms, keyPointsMs: ms, tokensPerSecond: rate })),
});
const entry = (date, runs, cores = 2) => ({
  date, commit: date, machine: { processor: "P", cores }, model: { parameters: 3.5e6 }, figures: { 1: figures(runs) },
});

test("cold figures are one of each run, warm ones all rounds of all runs", () => {
  const found = figures([run(50, 100), run(60, 110)]);
  assert.deepEqual(found.loadMs, { median: 55, least: 50, most: 60, n: 2 });
  assert.deepEqual(found.keyPointsMs, { median: 105, least: 99, most: 111, n: 6 });
  assert.equal(found.entitiesMs, undefined);
});

test("a paired run says slower only where most pairs agree", () => {
  const all = (...points) => points.map((ms) => run(50, ms));
  const theirs = all(100, 100, 100, 100, 100, 100, 100);
  const slow = paired(all(120, 118, 121, 119, 120, 120, 122), theirs);
  assert.equal(slow.keyPointsMs.slower, true);
  assert.equal(slow.keyPointsMs.ratio, 1.2);
  assert.equal(slow.loadMs.slower, false);
  const noisy = paired(all(120, 90, 121, 80, 120, 120, 120), theirs);
  assert.equal(noisy.keyPointsMs.slower, false);
  assert.equal(paired(all(120, 120), theirs).keyPointsMs.slower, false, "two pairs are too few");
  const fast = paired(all(50, 51, 50, 52, 50, 50, 50), theirs);
  assert.deepEqual([fast.keyPointsMs.slower, fast.keyPointsMs.faster], [false, true]);
});

test("how likely coins agree", () => {
  assert.equal(byChance(1, 1), 0.5);
  assert.equal(byChance(3, 2), 0.5);
  assert.equal(byChance(7, 7), 1 / 128);
  assert.ok(Math.abs(byChance(10, 9) - 11 / 1024) < 1e-12);
});

test("of a rate less is slower", () => {
  const some = (rate) => Array.from({ length: 7 }, () => run(50, 100, rate));
  assert.equal(paired(some(500), some(1000)).tokensPerSecond.ratio, 2);
  assert.equal(paired(some(500), some(1000)).tokensPerSecond.slower, true);
  assert.equal(paired(some(2000), some(1000)).tokensPerSecond.faster, true);
});

test("an entry is held against the last one of the same kind of machine", () => {
  const history = [entry("2026-11-01", [run(50, 100)]), entry("2026-11-02", [run(50, 100)], 8), entry("2026-11-03", [run(50, 240)])];
  assert.equal(before(history, history[2]), history[0]);
  assert.equal(before(history, history[0]), undefined);
  const found = regressions(history, history[2]);
  assert.deepEqual(found.find(({ name }) => name === "keyPointsMs"), { threads: "1", name: "keyPointsMs", times: 2.4 });
  assert.ok(!found.some(({ name }) => name === "loadMs" || name === "tokensPerSecond"));
});

test("ranges that overlap are no regression", () => {
  const history = [entry("2026-11-01", [run(50, 100), run(50, 130)]), entry("2026-11-03", [run(50, 125)])];
  assert.deepEqual(regressions(history, history[1]), []);
});

test("the tables have a row for every figure and every entry", () => {
  const history = [entry("2026-11-01", [run(50, 100)]), entry("2026-11-03", [run(50, 240)])];
  assert.equal(table(history, history[1]).split("\n").length, 2 + Object.keys(FIGURES).length);
  assert.equal(course(history).split("\n").length, 4);
});

test("the history that is kept can be read", () => {
  const lines = readFileSync(join(import.meta.dirname, "results/history.jsonl"), "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
  for (const line of lines) {
    assert.match(line.date, /^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/);
    for (const found of Object.values(line.figures)) assert.ok(Object.keys(found).every((name) => name in FIGURES));
  }
  assert.deepEqual(lines.map(({ date }) => date), lines.map(({ date }) => date).toSorted());
});
