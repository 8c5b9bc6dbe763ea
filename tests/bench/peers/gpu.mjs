// Our engine and transformers.js, both on WebGPU, in turns in one run of headless Chromium, on the adapter that computes on the CPU: says
// nothing of graphics hardware, and which of the two asks less of a machine without.
//
//   node tests/bench/peers/gpu.mjs [--shape 15m] [--type q8_0] [--runs 3] [--dtypes fp32,q8] [--prompts 128,512] [--build relaxed]
// after pkg-scripts/bench peers has made the models.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch, ROOT } from "../../web/support/browser.mjs";
import { serve } from "../../web/support/server.mjs";

const { values: options } = parseArgs({
  options: {
    shape: { type: "string", default: "15m" },
    type: { type: "string", default: "q8_0" },
    runs: { type: "string", default: "3" },
    models: { type: "string", default: join(ROOT, "build/bench-models") },
    modules: { type: "string", default: join(import.meta.dirname, "node_modules") },
    dtypes: { type: "string", default: "fp32,q8" },
    prompts: { type: "string", default: "128" },
    build: { type: "string", default: "relaxed" },
  },
});
const TOKENS = 32;
const { shape } = options;
const peer = (dtype) => ({
  adapter: "transformers",
  options: { model: `${shape}/onnx`, dtype, threads: 2, texts: `/models/${shape}/vocabulary.json`, device: "webgpu" },
});
const entrants = {
  nanolm: { adapter: "nanolm", options: { url: `/models/${shape}/${options.type}.gguf`, device: "gpu", build: options.build } },
  ...Object.fromEntries(options.dtypes.split(",").map((dtype) => [`transformers.js ${dtype}`, peer(dtype)])),
};

const server = await serve(
  {
    "/": join(import.meta.dirname, "page"),
    "/nanolm/": join(ROOT, "pkg-scripts/npm/dist"),
    "/peers/": options.modules,
    "/models/": options.models,
  },
  { policy: "default-src 'self' blob: data: 'unsafe-inline' 'unsafe-eval'", isolated: true },
);
const browser = await launch({ gpu: "software" });
const prompts = options.prompts.split(",").map(Number);
const text = (length) => Array.from({ length }, (_, i) => "etaoinshrdlu "[(i * 7) % 13]).join("");
const pages = {};
const found = {};
for (const [name, { adapter, options }] of Object.entries(entrants)) {
  const page = await browser.newPage();
  await page.goto(`${server.origin}/`);
  await page.waitForFunction(() => globalThis.ready);
  try {
    const { ms, about } = await page.evaluate(([adapter, options]) => bench.load(adapter, options), [adapter, options]);
    console.log(`${name}: loaded in ${Math.round(ms)} ms, ${JSON.stringify(about)}`);
    await page.evaluate(([text]) => bench.generate(text, 2), [text(prompts[0])]);
    pages[name] = page;
    found[name] = [];
  } catch (error) {
    console.log(`${name}: FAILED: ${error.message.split("\n")[0]}`);
    await page.close();
  }
}
for (let i = 0; i < Number(options.runs); i++) {
  for (const prompt of prompts) {
    for (const [name, page] of Object.entries(pages)) {
      const run = await page.evaluate(([text, n]) => bench.generate(text, n), [text(prompt), TOKENS]);
      found[name].push({ prompt, ...run });
      console.log(`  ${name}: ${prompt} in ${run.firstMs.toFixed(0)} ms, ${run.tokens - 1} more in ${run.laterMs.toFixed(0)} ms`);
    }
  }
}
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
for (const prompt of prompts) {
  for (const [name, all] of Object.entries(found)) {
    const runs = all.filter((run) => run.prompt === prompt);
    const prefill = median(runs.map(({ firstMs }) => (prompt / firstMs) * 1000));
    const decode = median(runs.map(({ laterMs, tokens }) => ((tokens - 1) / laterMs) * 1000));
    console.log(`${name}: prefill ${prompt} ${prefill.toFixed(0)} tokens/s (to the first token), decode behind it ${decode.toFixed(1)} tokens/s`);
  }
}
await browser.close();
await server.close();
