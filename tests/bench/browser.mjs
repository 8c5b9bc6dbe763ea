// The built package in headless Chromium, on each device. Run by pkg-scripts/bench. Medians with their range over several runs.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { sizes, sizeTable } from "../../pkg-scripts/sizes.mjs";
import { launch, ROOT } from "../web/support/browser.mjs";
import { serve } from "../web/support/server.mjs";

const { values: options } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    devices: { type: "string", default: "cpu,gpu" },
    gpu: { type: "string", default: "software" },
    model: { type: "string" },
    "no-build": { type: "boolean" },
  },
});
const runs = Number(options.runs);
const dist = join(ROOT, "pkg-scripts/npm/dist");
const article = readFileSync(join(ROOT, "www/samples/comet-landing.txt"), "utf8");
const mounts = { "/": join(ROOT, "tests/bench/page"), "/nanolm/": dist };
let source = null;
if (options.model) {
  const path = resolve(options.model);
  mounts["/model/"] = (rest) => (rest === basename(path) ? readFileSync(path) : undefined);
  source = `/model/${basename(path)}`;
}

const server = await serve(mounts);
const measured = {};
let info;
for (const device of options.devices.split(",")) {
  // A browser of its own for each device: neither warms the other up.
  const browser = await launch({ gpu: options.gpu });
  try {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/`);
    const found = await page.evaluate(measure, { device, source, article, runs });
    info = found.info;
    const name = device === "gpu" ? `WebGPU (${found.info.device.adapter ?? options.gpu})` : "CPU";
    measured[name] = Object.fromEntries(Object.entries(found.samples).map(([key, values]) => [key, summary(values)]));
  } catch (error) {
    console.log(`SKIPPED ${device}: ${error.message.split("\n")[0]}`);
  } finally {
    await browser.close();
  }
}
await server.close();

const bytes = sizes(dist);
const machine = { processor: cpus()[0]?.model, cores: cpus().length, node: process.version };
const output = join(ROOT, "build/bench.json");
writeFileSync(output, `${JSON.stringify({ machine, model: info, runs, measured, bytes }, null, 2)}\n`);

console.log(`\n${info?.name}: ${(info?.parameters / 1e6).toFixed(2)} million weights, ${info?.weightType}, context ${info?.contextLength}`);
console.log(`${machine.cores} x ${machine.processor}; medians of ${runs} runs (least-most)\n`);
const rows = {
  loadMs: "load, not cached, ms",
  firstTokenMs: "first token, 16-token prompt, ms",
  prefill128: "prefill 128, tokens/s",
  prefill512: "prefill 512 (or what fits), tokens/s",
  decode: "decode, tokens/s",
  keyPointsMs: "key points of a sample article, ms",
};
const names = Object.keys(measured);
console.log(`| | ${names.join(" | ")} |`);
console.log(`|---|${names.map(() => "---:|").join("")}`);
for (const [key, title] of Object.entries(rows)) {
  console.log(`| ${title} | ${names.map((name) => cell(measured[name][key])).join(" | ")} |`);
}
console.log(`\n${sizeTable(bytes)}\n\nWritten to ${output.slice(ROOT.length + 1)}`);

function summary(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], least: sorted[0], most: sorted.at(-1), values };
}

function cell({ median, least, most }) {
  const show = (x) => x.toFixed(x < 10 ? 2 : x < 100 ? 1 : 0);
  return `${show(median)} (${show(least)}-${show(most)})`;
}

/** Runs in the page. */
async function measure({ device, source, article, runs }) {
  const { Model } = await import("/nanolm/index.js");
  const samples = { loadMs: [], firstTokenMs: [], prefill128: [], prefill512: [], decode: [], keyPointsMs: [] };
  let model;
  for (let run = 0; run < runs; run++) {
    await model?.dispose();
    const start = performance.now();
    model = await Model.load(source ?? undefined, { device, cache: false });
    samples.loadMs.push(performance.now() - start);
  }
  const { contextLength } = model.info;
  const ids = await model.tokenize(article.repeat(4));
  // Text of about n tokens: cut at other places, it can be a token or two more or fewer.
  const prompt = async (n, from) => model.detokenize(ids.slice(from, from + Math.min(n, contextLength - 8)));
  // Nothing is taken over from one measurement to the next.
  const finished = (text, options) => model.generate(text, { ...options, fresh: true }).result;
  const prefill = async (n, from) => {
    const { usage, timings } = await finished(await prompt(n, from), { maxNewTokens: 1 });
    return (usage.promptTokens * 1000) / timings.prefillMs;
  };
  // The first round only warms up.
  for (let run = 0; run <= runs; run++) {
    const round = {};
    round.firstTokenMs = (await finished(await prompt(16, run), { maxNewTokens: 1 })).timings.firstTokenMs;
    round.prefill128 = await prefill(128, run);
    round.prefill512 = await prefill(512, run);
    for (let seed = 0; round.decode === undefined; seed++) {
      // Sampled, because the likeliest continuation may be a short one.
      const options = { maxNewTokens: 64, temperature: 1, seed: seed + run };
      const { usage, timings } = await finished(await prompt(16, run + seed), options);
      if (usage.completionTokens >= 48 || seed > 20) round.decode = ((usage.completionTokens - 1) * 1000) / timings.decodeMs;
    }
    const start = performance.now();
    if (model.info.tasks.includes("key-points")) await model.summarize(article, { type: "key-points", fresh: true }).result;
    round.keyPointsMs = performance.now() - start;
    if (run > 0) for (const [key, value] of Object.entries(round)) samples[key].push(value);
  }
  const { info } = model;
  await model.dispose();
  return { info, samples };
}
