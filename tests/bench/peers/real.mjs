// A published model file in our engine and in wllama, in headless Chromium, on the CPU, in turns. Run by `pkg-scripts/bench real`, which says
// what the options are. It takes the prompts from a text, cut where our tokenizer has so many tokens of it; both engines read the same text.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { ROOT } from "../../web/support/browser.mjs";
import { serve } from "../../web/support/server.mjs";
import { PageHost } from "./hosts.mjs";
import { summary } from "./statistics.mjs";

const CONTEXT = 1024;
const WRITTEN = 32;
const QUIET_MS = 500;
const TEXT = "www/samples/comet-landing.txt";
/** `of` turns what a page reports into a figure. */
const STEPS = [
  { title: "first token, prompt of 16, ms", prompt: 16, tokens: 1, of: ({ firstMs }) => firstMs, less: true },
  { title: `decode, ${WRITTEN} tokens, tokens/s`, prompt: 16, tokens: WRITTEN + 1, of: ({ tokens, laterMs }) => ((tokens - 1) * 1000) / laterMs },
  { title: "prefill 128, tokens/s", prompt: 128, tokens: 1, of: ({ firstMs }) => 128_000 / firstMs },
];

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "1,2" },
    runs: { type: "string", default: "3" },
    out: { type: "string", default: join(ROOT, "tests/bench/results/real.md") },
    "no-build": { type: "boolean" },
  },
});
const [file] = positionals;
const peers = join(import.meta.dirname, "node_modules");
for (const [what, path] of [["the model", file && resolve(file)], ["wllama (pkg-scripts/bench peers installs it)", join(peers, "wllama3")]]) {
  if (path !== undefined && existsSync(path)) continue;
  console.log(`SKIPPED real: ${what} is not here${path === undefined ? "" : `: ${path}`}`);
  process.exit(0);
}

/** Texts of exactly so many tokens, each beginning with another word. */
async function prompts(count, length) {
  const { Model } = await import(pathToFileURL(join(ROOT, "pkg-scripts/npm/dist/index.js")));
  const model = await Model.load(resolve(file), { device: "cpu" });
  const text = readFileSync(join(ROOT, TEXT), "utf8").replaceAll(/\s+/g, " ");
  const starts = [...text.matchAll(/[A-Z]\w+/g)].map(({ index }) => index);
  const found = [];
  for (const start of starts) {
    const ids = (await model.tokenize(text.slice(start))).slice(0, length);
    const cut = await model.detokenize(ids);
    if (ids.length === length && (await model.tokenize(cut)).length === length) found.push(cut);
    if (found.length === count) break;
  }
  await model.dispose();
  if (found.length < count) throw new Error(`${TEXT}: expected ${count} prompts of ${length} tokens, found ${found.length}`);
  return found;
}

const engines = (threads) => [
  { title: "nanolm", adapter: "nanolm", options: { url: "/model.gguf", build: threads > 1 ? "threads" : "relaxed", threads } },
  { title: "wllama 3", adapter: "wllama3", options: { url: "/model.gguf", threads, context: CONTEXT } },
  { title: "wllama 2", adapter: "wllama2", options: { url: "/model.gguf", threads, context: CONTEXT } },
];

const runs = Number(given.runs);
const texts = { 16: await prompts(2 * runs + 2, 16), 128: await prompts(runs + 1, 128) };
const server = await serve(
  {
    "/": join(import.meta.dirname, "page"),
    "/nanolm/": join(ROOT, "pkg-scripts/npm/dist"),
    "/peers/": peers,
    "/model.gguf": () => readFileSync(resolve(file)),
  },
  { policy: "default-src 'self' blob: data: 'unsafe-inline' 'unsafe-eval'", isolated: true },
);
let browser;
const sections = [];
for (const threads of given.threads.split(",").map(Number)) {
  const entrants = engines(threads).map((engine) => ({ ...engine, samples: {} }));
  for (const entrant of entrants) {
    try {
      entrant.host = await PageHost.start(server.origin);
      browser = entrant.host.browserVersion;
      entrant.loadMs = (await entrant.host.load(entrant.adapter, entrant.options)).ms;
      // Compilers optimise while code runs.
      for (const length of [16, 128, 16]) await entrant.host.generate(texts[length].at(-1), 8);
    } catch (error) {
      entrant.error = error.message;
    }
    console.error(`${threads} threads: ${entrant.title}: ${entrant.error ?? "ready"}`);
  }
  for (let round = 0; round < runs; round++) {
    const number = { 16: 2 * round, 128: round };
    for (const step of STEPS) {
      const text = texts[step.prompt][number[step.prompt]++];
      for (let at = 0; at < entrants.length; at++) {
        const entrant = entrants[(at + round) % entrants.length];
        if (entrant.error) continue;
        const answer = await entrant.host.generate(text, step.tokens);
        (entrant.samples[step.title] ??= []).push(step.of(answer));
        await sleep(QUIET_MS);
      }
    }
    console.error(`round ${round + 1} of ${runs}`);
  }
  sections.push(section(threads, entrants));
  for (const { host } of entrants) await host?.close();
}
await server.close();

function section(threads, entrants) {
  const [ours, ...others] = entrants;
  const show = (x) => (x === undefined ? "–" : x.toPrecision(3));
  const median = ({ samples }, step) => samples[step.title] && summary(samples[step.title]).median;
  const lines = STEPS.map((step) => {
    const found = others.map((other) => median(other, step)).filter((x) => x !== undefined);
    const best = step.less ? Math.min(...found) : Math.max(...found);
    const ratio = step.less ? best / median(ours, step) : median(ours, step) / best;
    return `| ${step.title} | ${entrants.map((entrant) => show(median(entrant, step))).join(" | ")} | ${found.length ? `${ratio.toFixed(1)}×` : "–"} |`;
  });
  const failed = entrants.filter(({ error }) => error).map(({ title, error }) => `${title} failed: ${error}`);
  return [
    `## ${threads} thread${threads > 1 ? "s" : ""}`,
    "",
    `| | ${entrants.map(({ title }) => title).join(" | ")} | ours against the best |`,
    `|---|${entrants.map(() => "---:|").join("")}---:|`,
    ...lines,
    `| load, s | ${entrants.map(({ loadMs }) => show(loadMs && loadMs / 1000)).join(" | ")} | |`,
    ...failed.flatMap((line) => ["", line]),
  ].join("\n");
}

const version = (name) => JSON.parse(readFileSync(join(peers, name, "package.json"), "utf8")).version;
const page = `# A published file beside wllama

\`${basename(file)}\` in headless Chromium ${browser}, on the CPU, ${cpus()[0].model.trim()}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}. wllama 3 is ${version("wllama3")},
wllama 2 is ${version("wllama2")}. Written by \`pkg-scripts/bench real\`. Medians of ${runs} rounds, in turns, each engine in a browser of its own; greedy; no prompt
comes twice. The last column is above 1 where ours is faster.

${sections.join("\n\n")}
`;
writeFileSync(given.out, page);
console.log(page);
process.exit(0);
