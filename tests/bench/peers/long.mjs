// A long run: does writing slow down only as attention's own work grows, without steps or pauses? Our engines alone.
import { CONTEXT, ENGINES, prompt } from "./engines.mjs";
import { rounded, summary } from "./statistics.mjs";

const PROMPT = 16;
/** Tokens in one piece of the curve. */
const PIECE = 128;
/** Runs that count: what else the machine does hits one piece in one of them. */
const RUNS = 3;

/** Writes until the context is full, several times. Gives a row for the results, each piece's time the median of the runs'. */
export async function runLong(host, engine, { shape, threads, type, run }) {
  const { adapter, options } = ENGINES[engine];
  await host.load(adapter, options(shape, threads, type));
  const tokens = CONTEXT - PROMPT - 1;
  await host.generate(prompt(PROMPT, 1), 256);
  const runs = [];
  for (let i = 0; i < RUNS; i++) {
    const { times } = await host.generate(prompt(PROMPT, 2 + i), tokens);
    if (times.length !== tokens) throw new Error(`expected ${tokens} tokens, found ${times.length}`);
    runs.push(times);
  }
  return { shape, threads, type, engine, run, ...curve(runs) };
}

/**
 * `positions`: tokens read and written at the end of each piece; `msPerToken`: its time over its tokens; `residual`: the largest
 * distance from the straight line through these, as part of the line's value there; `longestMs`: the longest wait for a token.
 * `runs`: when each token came, in milliseconds, for each run; medians over the runs are given.
 */
export function curve(runs) {
  const positions = [];
  const msPerToken = [];
  for (let end = PIECE; end < runs[0].length; end += PIECE) {
    positions.push(PROMPT + end);
    msPerToken.push(summary(runs.map((times) => (times[end] - times[end - PIECE]) / PIECE)).median);
  }
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const [x, y] = [mean(positions), mean(msPerToken)];
  const slope =
    positions.reduce((sum, position, at) => sum + (position - x) * (msPerToken[at] - y), 0) / positions.reduce((sum, position) => sum + (position - x) ** 2, 0);
  const residual = Math.max(...positions.map((position, at) => Math.abs(msPerToken[at] / (y + slope * (position - x)) - 1)));
  const longestMs = summary(runs.map((times) => Math.max(...times.slice(1).map((time, at) => time - times[at])))).median;
  return { positions, msPerToken: msPerToken.map(rounded), residual: rounded(residual), longestMs: rounded(longestMs) };
}
