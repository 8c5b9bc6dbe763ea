// One slice: all engines of one shape, number of threads and weight type, measured in turns.
import { setTimeout as sleep } from "node:timers/promises";
import { ENGINES, prompt } from "./engines.mjs";
import { summary, tokensOf } from "./statistics.mjs";

const SHORT = 16;
const WRITTEN = 64;
const CHECKED = 16;
/** Warming up takes at least and at most this long: engines' compilers optimise while code runs. */
const WARM_MS = { least: 3000, most: 12_000 };
/** Between measurements: threads of some engines spin on after the answer, and would take processor time from the engine that comes next. */
const QUIET_MS = 500;
/** The measured prompts' numbers begin here, beyond those of warming up. */
const FIRST_PROMPT = 200_000;

/** What is measured, in the order of a round; `of` turns what the page reports into figures. */
const STEPS = [
  { name: "decode", prompt: SHORT, tokens: WRITTEN + 1, of: (r) => ({ decode: ((r.tokens - 1) * 1000) / r.laterMs, firstTokenMs: r.firstMs }) },
  { name: "prefill128", prompt: 128, tokens: 1, of: (r) => ({ prefill128: 128_000 / r.firstMs }) },
  { name: "prefill512", prompt: 512, tokens: 1, of: (r) => ({ prefill512: 512_000 / r.firstMs }) },
];

/**
 * Measures `engines` (their names) in turns: within a round each figure of every engine after the other, beginning with another
 * engine each round, with the same prompts for all and none twice. Gives their rows and the roofs'. An engine that fails gives a row with its `error`.
 *
 *   run             says which run the rows are of: its time
 *   start(engine)   gives a host (see hosts.mjs), or throws why there is none
 *   roof            `{ measure() }` or undefined: measured once a round, like an engine
 *   slowMs          a figure that takes longer is measured twice at most, one that takes three times as long once
 *   longMs          prompts of 512 tokens are left out where 128 took longer than this
 *   deadline        a time (Date.now) after which no new round begins
 *   quietMs         pause after each answer; the processor time that the engine takes in it is its `afterMs`
 */
export async function runSlice({ shape, threads, type, run, engines, start, roof, runs, slowMs, longMs = Infinity, deadline, emptyPage, log, warmMs = WARM_MS, quietMs = QUIET_MS }) {
  const entrants = [];
  for (const engine of engines) {
    const entrant = { engine, samples: {}, row: { shape, threads, type, engine, run } };
    entrants.push(entrant);
    await guarded(entrant, log, async () => {
      entrant.host = await start(engine);
      await load(entrant, { shape, threads, type });
      await warmUp(entrant, warmMs);
      await sleep(quietMs);
      log(`  ${engine}: ready`);
    });
  }
  const roofSamples = [];
  for (let round = 0; round < runs && (round === 0 || Date.now() < deadline); round++) {
    for (const [place, step] of STEPS.entries()) {
      // The same for every engine.
      const number = FIRST_PROMPT + round * STEPS.length + place;
      for (let at = 0; at < entrants.length; at++) {
        const entrant = entrants[(at + round) % entrants.length];
        if (entrant.row.error || round >= (entrant.limits?.[step.name] ?? Infinity)) continue;
        await guarded(entrant, log, () => measure(entrant, step, number, { slowMs, longMs, quietMs }));
      }
    }
    if (roof) roofSamples.push(await roof.measure());
    log(`  round ${round + 1} of ${runs}`);
  }
  for (const entrant of entrants) {
    if (entrant.host) await guarded(entrant, log, () => finish(entrant, { shape, threads, type, runs, slowMs, emptyPage }));
  }
  const rows = entrants.map(({ row, samples }) => ({
    ...row,
    ...(row.error ? {} : Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, summary(values)]))),
  }));
  return { rows, roofs: roof ? [roof.summarise(roofSamples, { shape, threads, type, run })] : [] };
}

async function guarded(entrant, log, work) {
  try {
    await work();
  } catch (error) {
    entrant.row.error = error.message;
    log(`  ${entrant.engine}: FAILED: ${error.message}`);
    await entrant.host?.close();
    entrant.host = undefined;
  }
}

function keep(entrant, figures) {
  for (const [name, value] of Object.entries(figures)) (entrant.samples[name] ??= []).push(value);
}

/** Gives the milliseconds. */
async function load(entrant, { shape, threads, type }) {
  const { adapter, options } = ENGINES[entrant.engine];
  const { ms, about } = await entrant.host.load(adapter, options(shape, threads, type));
  keep(entrant, { loadMs: ms });
  entrant.row.about = about;
  return ms;
}

/** Until writing gets no faster: no call of the last four beats the best one before by 5 %. */
async function warmUp(entrant, warmMs) {
  const start = Date.now();
  let best = Infinity;
  let since = 0;
  for (let number = 0; ; number++) {
    const { text, laterMs } = await entrant.host.generate(prompt(24, number), CHECKED);
    // The same prompt for all: do they write the same?
    if (number === 0) entrant.row.wrote = tokensOf(text).join(" ");
    await entrant.host.generate(prompt(128, 100_000 + number), 1);
    since = laterMs < best * 0.95 ? 0 : since + 1;
    best = Math.min(best, laterMs);
    const spent = Date.now() - start;
    if (spent > warmMs.most || (spent > warmMs.least && since >= 4)) break;
  }
}

async function measure(entrant, step, number, { slowMs, longMs, quietMs }) {
  const answer = await entrant.host.generate(prompt(step.prompt, number), step.tokens);
  const before = entrant.host.processorMs;
  await sleep(quietMs);
  const afterMs = entrant.host.processorMs - before;
  // Some systems do not tell.
  if (!Number.isNaN(afterMs)) keep(entrant, { afterMs });
  if (answer.tokens !== step.tokens) throw new Error(`${step.name}: expected ${step.tokens} tokens, found ${answer.tokens}`);
  keep(entrant, step.of(answer));
  const ms = answer.firstMs + answer.laterMs;
  if (ms > slowMs) (entrant.limits ??= {})[step.name] = ms > 3 * slowMs ? 1 : 2;
  if (step.name === "prefill128" && ms > longMs) (entrant.limits ??= {}).prefill512 = 0;
}

async function finish(entrant, { shape, threads, type, runs, slowMs, emptyPage }) {
  const peak = entrant.host.peakMemory;
  if (peak !== undefined) {
    const own = ENGINES[entrant.engine].native ? peak : peak - emptyPage;
    entrant.row.memoryMb = Math.round(own / 1e6);
  }
  // Only now: what is left of an earlier load must not count as the engine's peak.
  for (let run = 1; run < Math.min(runs, 3); run++) {
    if ((await load(entrant, { shape, threads, type })) > slowMs) break;
  }
  await entrant.host.close();
  entrant.host = undefined;
}
