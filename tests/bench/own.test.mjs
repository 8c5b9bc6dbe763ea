// The arithmetic of the shipped model's benchmark.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { before, course, FIGURES, figures, paired, regressions, table } from "./own/report.mjs";

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
  const theirs = [run(50, 100), run(50, 100), run(50, 100), run(50, 100), run(50, 100)];
  const slow = paired([run(50, 120), run(50, 118), run(50, 121), run(50, 119), run(50, 120)], theirs);
  assert.equal(slow.keyPointsMs.slower, true);
  assert.equal(slow.keyPointsMs.ratio, 1.2);
  assert.equal(slow.loadMs.slower, false);
  const noisy = paired([run(50, 120), run(50, 90), run(50, 121), run(50, 80), run(50, 120)], theirs);
  assert.equal(noisy.keyPointsMs.slower, false);
  const fast = paired([run(50, 50), run(50, 51), run(50, 50), run(50, 52), run(50, 50)], theirs);
  assert.deepEqual([fast.keyPointsMs.slower, fast.keyPointsMs.faster], [false, true]);
});

test("of a rate less is slower", () => {
  const some = (rate) => [run(50, 100, rate), run(50, 100, rate)];
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
