// What reading ahead is worth (prompt lookup, src/session/lookup.rs): the built package in headless Chromium, on the CPU, with and
// without, in turns, over the sample articles. The same tokens come out; a run in which they do not fails.
//
//   node tests/bench/ahead.mjs [--runs 5] [--model file.gguf] [--builds relaxed,simd128]
//
// Three ways of writing: a tldr that the model writes freely after the text, a text begun once more, and tokens drawn at random,
// where there is nothing to copy. Medians of milliseconds a token, without the first; tokens read ahead and those that came true.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { launch, ROOT } from "../web/support/browser.mjs";
import { serve } from "../web/support/server.mjs";

const { values: options } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    model: { type: "string" },
    builds: { type: "string", default: "relaxed" },
  },
});
const runs = Number(options.runs);
const samples = join(ROOT, "www/samples");
const articles = readdirSync(samples).map((name) => ({ name, text: readFileSync(join(samples, name), "utf8") }));
const mounts = { "/": join(ROOT, "tests/bench/page"), "/nanolm/": join(ROOT, "pkg-scripts/npm/dist") };
let source;
if (options.model) {
  const path = resolve(options.model);
  mounts["/model/"] = (rest) => (rest === basename(path) ? readFileSync(path) : undefined);
  source = `/model/${basename(path)}`;
}
const server = await serve(mounts);
const browser = await launch({ gpu: "none" });
try {
  for (const build of options.builds.split(",")) {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/`);
    const { info, rows } = await page.evaluate(measure, { source, articles, runs, build });
    console.log(`\n${info.name}, ${info.weightType}; ${info.device.reason}; medians of ${runs} runs over ${articles.length} articles\n`);
    console.log("| writing | ms a token, plain | by default | always ahead | gain by default | always | ahead: read, right (default) | (always) |");
    console.log("|---|---:|---:|---:|---:|---:|---:|---:|");
    for (const { name, tokens, plain, automatic, always } of rows) {
      const ms = (mode) => mode.ms.toFixed(3);
      const gain = (mode) => `${(plain.ms / mode.ms).toFixed(2)}x`;
      const ahead = (mode) => `${mode.drafted}, ${mode.accepted} of ${tokens}`;
      const cells = [name, ms(plain), ms(automatic), ms(always), gain(automatic), gain(always), ahead(automatic), ahead(always)];
      console.log(`| ${cells.join(" | ")} |`);
    }
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}

/** Runs in the page. */
async function measure({ source, articles, runs, build }) {
  const { Model } = await import("/nanolm/index.js");
  const model = await Model.load(source, { device: "cpu", cache: false, build, threads: 1 });
  const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
  const sentences = (text) => [...segmenter.segment(text.replace(/\s+/g, " "))].map(({ segment }) => segment.trim()).filter(Boolean);
  const most = Math.min(600, model.info.contextLength - 120);
  const cut = async (text, n) => model.detokenize((await model.tokenize(text)).slice(0, n));
  const ways = {
    "a tldr": async (text) => {
      let prompt = "<|text|>";
      for (const [i, sentence] of sentences(text).entries()) {
        const longer = `${prompt} ${sentence}<|s${i}|>`;
        if ((await model.tokenize(longer)).length > most) break;
        prompt = longer;
      }
      return { prompt: `${prompt}<|tldr|>`, noRepeatNgram: 3 };
    },
    "a text once more": async (text) => {
      const once = await cut(text, 160);
      return { prompt: `${once}\n\n${once}\n\n${once.split(" ").slice(0, 12).join(" ")}` };
    },
    "at random": async (text) => ({ prompt: await cut(text, 200), temperature: 1, seed: 1 }),
  };
  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
  const rows = [];
  for (const [name, ask] of Object.entries(ways)) {
    const modes = { plain: false, automatic: undefined, always: true };
    const totals = Object.fromEntries(Object.keys(modes).map((mode) => [mode, { runs: [], drafted: 0, accepted: 0 }]));
    let tokens = 0;
    const calls = [];
    for (const { text } of articles) calls.push(await ask(text));
    // The first round only warms up.
    for (let run = 0; run <= runs; run++) {
      const sums = Object.fromEntries(Object.keys(modes).map((mode) => [mode, { ms: 0, tokens: 0, drafted: 0, accepted: 0 }]));
      for (const { prompt, ...how } of calls) {
        const texts = new Set();
        for (const [mode, speculate] of Object.entries(modes)) {
          const { text, usage, timings } = await model.generate(prompt, { maxNewTokens: 80, ...how, speculate }).result;
          texts.add(text);
          sums[mode].ms += timings.decodeMs;
          sums[mode].tokens += Math.max(0, usage.completionTokens - 1);
          sums[mode].drafted += usage.draftedTokens;
          sums[mode].accepted += usage.acceptedTokens;
        }
        if (texts.size !== 1) throw new Error(`${name}: other tokens when reading ahead:\n${[...texts].join("\n---\n")}`);
      }
      if (run === 0) continue;
      for (const [mode, sum] of Object.entries(sums)) {
        totals[mode].runs.push(sum.ms / Math.max(1, sum.tokens));
        Object.assign(totals[mode], { drafted: sum.drafted, accepted: sum.accepted });
        tokens = sum.tokens;
      }
    }
    const of = ({ runs, drafted, accepted }) => ({ ms: median(runs), drafted, accepted });
    rows.push({ name, tokens, plain: of(totals.plain), automatic: of(totals.automatic), always: of(totals.always) });
  }
  const { info } = model;
  await model.dispose();
  return { info, rows };
}
