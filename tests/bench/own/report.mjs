// Figures of the shipped model: the medians of a run, what a later run is held against, and the tables.
import { rounded, summary } from "../peers/statistics.mjs";

/** In the order of the tables. All are milliseconds, less is better, but for `tokensPerSecond`. */
export const FIGURES = {
  loadMs: "load, new profile, ms",
  coldFirstPointMs: "first key point, first call, ms",
  coldKeyPointsMs: "all key points, first call, ms",
  firstPointMs: "first key point, warm, ms",
  keyPointsMs: "all key points, warm, ms",
  tokensPerSecond: "reading, warm, tokens/s",
  tldrMs: "tldr, warm, ms",
  classifyMs: "classify, default labels, warm, ms",
  ownLabelsMs: "classify, five own labels, warm, ms",
  entitiesMs: "entities, warm, ms",
};

/** A paired ratio that calls for a look, and the chance that so many pairs agree where nothing differs. */
export const SLOWER = 1.05;
const CHANCE = 0.01;
/** Between runs on different days more is noise. */
const SLOWER_THAN_BEFORE = 1.15;

/** How many times as long `now` took as `before`: above 1 is slower, for rates too. */
export const times = (name, now, before) => (name === "tokensPerSecond" ? before / now : now / before);

/** The figures of some runs of one build: `{ name: { median, least, most, n } }`. */
export function figures(runs) {
  const all = {};
  for (const name of Object.keys(FIGURES)) {
    const values = runs.flatMap((run) => (name in run.cold ? [run.cold[name]] : run.warm.map((round) => round[name])));
    const found = summary(values.filter(Number.isFinite));
    if (found !== undefined) all[name] = found;
  }
  return all;
}

/** The same figure of one run: cold ones as they are, warm ones their median. */
function ofRun(run, name) {
  return name in run.cold ? run.cold[name] : summary(run.warm.map((round) => round[name]).filter(Number.isFinite))?.median;
}

/**
 * Runs of two builds, taken in turns, pair by pair: `{ name: { ratio, least, most, n, slower, faster } }`, the median of how many times as
 * long ours took. `slower` where that is beyond `SLOWER` and too many pairs agree for chance (a sign test: all of 7, 10 of 11), `faster`
 * the same the other way.
 */
export function paired(ours, theirs) {
  const out = {};
  for (const name of Object.keys(FIGURES)) {
    const ratios = ours.map((run, i) => times(name, ofRun(run, name), ofRun(theirs[i], name))).filter(Number.isFinite);
    const found = summary(ratios);
    if (found === undefined) continue;
    const sure = (holds) => byChance(ratios.length, ratios.filter(holds).length) < CHANCE;
    const slower = found.median > SLOWER && sure((r) => r > 1);
    const faster = found.median < 1 / SLOWER && sure((r) => r < 1);
    out[name] = { ratio: found.median, least: found.least, most: found.most, n: found.n, slower, faster };
  }
  return out;
}

/** The chance that of `n` fair coins `k` or more show heads. */
export function byChance(n, k) {
  let [sum, term] = [0, 0.5 ** n];
  for (let heads = n; heads >= k; heads--) {
    sum += term;
    term *= heads / (n - heads + 1);
  }
  return sum;
}

/** The last entry before `entry` that was measured on the same kind of machine, or undefined. */
export function before(history, entry) {
  const kind = ({ machine }) => [machine.processor, machine.cores].join("/");
  return history.filter((other) => other !== entry && other.date < entry.date && kind(other) === kind(entry)).at(-1);
}

/**
 * What became slower since the entry before: `[{ threads, name, times }]`. Runs of different days differ by the machine's mood, so a figure
 * counts only if its best run is slower than the worst one was, too. A paired run (`--against`) tells more.
 */
export function regressions(history, entry) {
  const last = before(history, entry);
  if (last === undefined) return [];
  const out = [];
  for (const [threads, now] of Object.entries(entry.figures)) {
    for (const [name, { median, least, most }] of Object.entries(now)) {
      const old = last.figures[threads]?.[name];
      if (old === undefined) continue;
      const apart = name === "tokensPerSecond" ? most < old.least : least > old.most;
      const ratio = times(name, median, old.median);
      if (apart && ratio > SLOWER_THAN_BEFORE) out.push({ threads, name, times: rounded(ratio) });
    }
  }
  return out;
}

const show = (x) => x.toFixed(x < 10 ? 2 : x < 100 ? 1 : 0);
const cell = (found) => (found === undefined ? "–" : `${show(found.median)} (${show(found.least)}-${show(found.most)})`);

/** An entry as a Markdown table, beside the entry before it and, where there is one, the build it was paired with. */
export function table(history, entry) {
  const last = before(history, entry);
  const threads = Object.keys(entry.figures);
  const heads = threads.flatMap((n) => {
    const name = `${n} thread${n === "1" ? "" : "s"}`;
    return [name, ...(last?.figures[n] ? [`${last.commit}, ${last.date.slice(0, 10)}`] : []), ...(entry.paired?.[n] ? ["paired"] : [])];
  });
  const lines = [`| | ${heads.join(" | ")} |`, `|---|${heads.map(() => "---:|").join("")}`];
  for (const [name, title] of Object.entries(FIGURES)) {
    const cells = threads.flatMap((n) => {
      const pair = entry.paired?.[n]?.[name];
      const mark = pair?.slower ? " **slower**" : pair?.faster ? " faster" : "";
      return [
        cell(entry.figures[n][name]),
        ...(last?.figures[n] ? [cell(last.figures[n][name])] : []),
        ...(entry.paired?.[n] ? [pair ? `${pair.ratio.toFixed(2)}×${mark}` : "–"] : []),
      ];
    });
    lines.push(`| ${title} | ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

/** Every entry of the history in a line: the key points' time, by machine, oldest first. */
export function course(history) {
  const lines = ["| date | commit | model | key points, 1 thread, warm, ms | first call, ms | reading, tokens/s | machine |", "|---|---|---|---:|---:|---:|---|"];
  for (const entry of history) {
    const of = (name) => cell(entry.figures["1"]?.[name]);
    const { machine, model } = entry;
    lines.push(
      `| ${entry.date.slice(0, 10)} | ${entry.commit} | ${(model.parameters / 1e6).toFixed(2)} M | ${of("keyPointsMs")} | ${of("coldKeyPointsMs")} | ` +
        `${of("tokensPerSecond")} | ${machine.cores} × ${machine.processor} |`,
    );
  }
  return lines.join("\n");
}
