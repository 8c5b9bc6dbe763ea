// Two builds of the package on the same model files, in headless Chromium, in turns. Run by `pkg-scripts/bench versions --against FOLDER
// MODEL.gguf ...`; prints how long this build takes for each figure as a part of what the other takes.
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { launch, ROOT } from "../web/support/browser.mjs";
import { serve } from "../web/support/server.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    against: { type: "string" },
    dist: { type: "string", default: join(ROOT, "pkg-scripts/npm/dist") },
    runs: { type: "string", default: "3" },
    rounds: { type: "string", default: "4" },
    threads: { type: "string", default: "1" },
    "no-build": { type: "boolean" },
  },
});
if (options.against === undefined || positionals.length === 0) throw new Error("expected --against FOLDER and model files");
const builds = { ours: resolve(options.dist), theirs: resolve(options.against) };
for (const path of [...Object.values(builds), ...positionals]) if (!existsSync(path)) throw new Error(`${path} is not there`);
const threads = Number(options.threads);
const mounts = { "/": join(ROOT, "tests/bench/page"), "/ours/": builds.ours, "/theirs/": builds.theirs };
positionals.forEach((path, i) => (mounts[`/model${i}/`] = dirname(resolve(path))));
const server = await serve(mounts, { isolated: threads > 1 });

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
console.log("| model | figure | this build | the other | part of its time |\n| --- | --- | ---: | ---: | ---: |");
for (const [i, path] of positionals.entries()) {
  const found = { ours: [], theirs: [] };
  for (let run = 0; run < Number(options.runs); run++) {
    // A browser of its own for each: neither warms the other up.
    for (const name of run % 2 === 0 ? ["ours", "theirs"] : ["theirs", "ours"]) {
      const browser = await launch({ gpu: "none" });
      try {
        const page = await browser.newPage();
        await page.goto(`${server.origin}/`);
        const given = { module: `/${name}/index.js`, source: `/model${i}/${basename(path)}`, rounds: Number(options.rounds), threads };
        found[name].push(...(await page.evaluate(measure, given)));
      } finally {
        await browser.close();
      }
    }
  }
  const model = `${basename(dirname(resolve(path)))} ${basename(path, ".gguf")}`;
  for (const [figure, name] of [["prefillMs", "reading 128 tokens"], ["tokenMs", "writing a token"]]) {
    const [ours, theirs] = ["ours", "theirs"].map((build) => found[build].map((round) => round[figure]));
    const parts = ours.map((time, k) => time / theirs[k]).toSorted((a, b) => a - b);
    const range = `${median(parts).toFixed(2)} (${parts[0].toFixed(2)}-${parts.at(-1).toFixed(2)})`;
    console.log(`| ${model} | ${name} | ${median(ours).toFixed(2)} ms | ${median(theirs).toFixed(2)} ms | ${range} |`);
  }
}
await server.close();

/** Runs in the page. */
async function measure({ module, source, rounds, threads }) {
  const { Model } = await import(module);
  const model = await Model.load(source, { device: "cpu", cache: false, threads });
  const words = Array.from({ length: 400 }, (_, i) => ["lamp", "tower", "winter", "keeper", "storm"][(i * 7 + (i >> 3)) % 5]).join(" ");
  const ids = await model.tokenize(words);
  const prompt = (n, from) => model.detokenize(ids.slice(from, from + n));
  const found = [];
  // The first round only warms up.
  for (let round = 0; round <= rounds; round++) {
    const read = await model.generate(await prompt(128, round), { maxNewTokens: 1, fresh: true }).result;
    const written = await model.generate(await prompt(16, round), { maxNewTokens: 48, temperature: 1, seed: round, fresh: true, speculate: false }).result;
    const times = {
      prefillMs: (read.timings.prefillMs * 128) / read.usage.promptTokens,
      tokenMs: written.timings.decodeMs / Math.max(1, written.usage.completionTokens - 1),
    };
    if (round > 0) found.push(times);
  }
  await model.dispose();
  return found;
}
