// Vectors of texts by our engine and by transformers.js, of the same encoder, in headless Chromium, on the CPU, in turns. Run by `pkg-scripts/bench
// embeddings`, which says what the options are. What transformers.js reads, encoder.py makes of the same folder.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ROOT } from "../../web/support/browser.mjs";
import { serve } from "../../web/support/server.mjs";
import { PageHost } from "./hosts.mjs";
import { summary } from "./statistics.mjs";

const QUIET_MS = 300;
/** Texts of so many tokens, of which so many are given at once, by so many calls one after the other. */
const STEPS = [
  { title: "1 × 16", tokens: 16, together: 1, calls: 20 },
  { title: "1 × 128", tokens: 128, together: 1, calls: 6 },
  { title: "32 × 128", tokens: 128, together: 32, calls: 1 },
];
const COLD = 3;

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    onnx: { type: "string", default: join(ROOT, "build/bench-models/minilm") },
    shipped: { type: "string", default: join(ROOT, "build/embed/package/model.gguf") },
    threads: { type: "string", default: "1,2" },
    runs: { type: "string", default: "5" },
    out: { type: "string", default: join(ROOT, "tests/bench/results/embeddings.md") },
    "no-build": { type: "boolean" },
  },
});
const [folder] = positionals;
const peers = join(import.meta.dirname, "node_modules");
for (const [what, path] of [
  ["the encoder's folder", folder && resolve(folder, "model.safetensors")],
  ["the companion model (pkg-scripts/embed/pack makes it)", given.shipped],
  ["its ONNX files (tests/bench/peers/encoder.py makes them)", join(given.onnx, "onnx/model_quantized.onnx")],
  ["transformers.js (pkg-scripts/bench peers installs it)", join(peers, "@huggingface/transformers")],
]) {
  if (path !== undefined && existsSync(path)) continue;
  console.log(`SKIPPED embeddings: ${what} is not here${path === undefined ? "" : `: ${path}`}`);
  process.exit(0);
}

// Frequent words that are one token each; [CLS] and [SEP] stand around a text.
const { vocab } = JSON.parse(readFileSync(join(folder, "tokenizer.json"), "utf8")).model;
const words = Object.keys(vocab).filter((word) => vocab[word] > 2000 && vocab[word] < 6000 && /^[a-z]{2,}$/.test(word)).sort();
let seed = 1;
const random = () => (seed = (seed * 48_271) % 2_147_483_647);
const text = (tokens) => Array.from({ length: tokens - 2 }, () => words[random() % words.length]).join(" ");
/** No text comes twice. */
const lists = ({ tokens, together, calls }) => Array.from({ length: calls }, () => Array.from({ length: together }, () => text(tokens)));

const engines = (threads) => {
  const build = threads > 1 ? "threads" : "relaxed";
  const other = (title, dtype, cpuOnly) => ({ title, page: cpuOnly ? "cpu-only.html" : "", adapter: "embed-transformers", options: { model: "minilm", dtype, threads, cpuOnly } });
  return [
    { title: "nanolm, shipped file", adapter: "embed-nanolm", options: { url: "/shipped.gguf", build, threads }, ours: true },
    { title: "nanolm, f32", adapter: "embed-nanolm", options: { url: "/encoder/", build, threads }, ours: true },
    other("transformers.js, q8", "q8", false),
    other("transformers.js, q8, CPU-only runtime", "q8", true),
    other("transformers.js, fp32, CPU-only runtime", "fp32", true),
  ];
};

const server = await serve(
  {
    "/": join(import.meta.dirname, "page"),
    "/nanolm/": join(ROOT, "pkg-scripts/npm/dist"),
    "/peers/": peers,
    "/models/minilm/": given.onnx,
    "/encoder/": folder,
    "/shipped.gguf": () => readFileSync(given.shipped),
  },
  { policy: "default-src 'self' blob: data: 'unsafe-inline' 'unsafe-eval'", isolated: true },
);

let browser;
const sections = [];
for (const threads of given.threads.split(",").map(Number)) {
  const entrants = engines(threads).map((engine) => ({ ...engine, samples: {}, cold: [] }));
  // A page as a visitor opens it, in a browser that has nothing of it: until the first vector is there, files from this machine.
  for (let round = 0; round < COLD; round++) {
    for (let at = 0; at < entrants.length; at++) {
      const entrant = entrants[(at + round) % entrants.length];
      if (entrant.error) continue;
      const host = await PageHost.start(server.origin, entrant.page ?? "");
      browser = host.browserVersion;
      try {
        const { ms } = await host.load(entrant.adapter, entrant.options);
        entrant.cold.push(ms + (await host.embed([[text(16)]])).ms);
      } catch (error) {
        entrant.error = error.message;
      }
      await host.close();
    }
  }
  const same = text(64);
  for (const entrant of entrants.filter(({ error }) => !error)) {
    entrant.host = await PageHost.start(server.origin, entrant.page ?? "");
    await entrant.host.load(entrant.adapter, entrant.options);
    // Compilers optimise while code runs.
    for (const step of STEPS) await entrant.host.embed(lists(step));
    entrant.vector = (await entrant.host.embed([[same]])).first;
  }
  for (let round = 0; round < Number(given.runs); round++) {
    for (const step of STEPS) {
      const asked = lists(step);
      for (let at = 0; at < entrants.length; at++) {
        const entrant = entrants[(at + round) % entrants.length];
        if (entrant.error) continue;
        const { ms } = await entrant.host.embed(asked);
        (entrant.samples[step.title] ??= []).push((step.together * step.calls * 1000) / ms);
        await sleep(QUIET_MS);
      }
    }
    console.error(`${threads} threads: round ${round + 1} of ${given.runs}`);
  }
  for (const { host } of entrants) await host?.close();
  sections.push(section(threads, entrants));
}
await server.close();

function section(threads, entrants) {
  const show = (x) => (x === undefined ? "–" : x.toPrecision(3));
  const median = (samples) => (samples?.length ? summary(samples).median : undefined);
  const line = (title, of, less) => {
    const figures = entrants.map(of);
    const best = (ours) => {
      const found = figures.filter((x, i) => x !== undefined && Boolean(entrants[i].ours) === ours);
      return less ? Math.min(...found) : Math.max(...found);
    };
    const [shipped] = figures;
    const ratio = less ? best(false) / shipped : shipped / best(false);
    return `| ${title} | ${figures.map(show).join(" | ")} | ${Number.isFinite(ratio) ? `${ratio.toFixed(2)}×` : "–"} |`;
  };
  const exact = entrants[1].vector;
  const cosine = ({ vector }) => vector && exact && vector.reduce((sum, x, i) => sum + x * exact[i], 0).toFixed(4);
  return [
    `## ${threads} thread${threads > 1 ? "s" : ""}`,
    "",
    `| | ${entrants.map(({ title }) => title).join(" | ")} | the shipped file against the best of the others |`,
    `|---|${entrants.map(() => "---:|").join("")}---:|`,
    ...STEPS.map(({ title }) => line(`${title}, texts/s`, ({ samples }) => median(samples[title]))),
    line("first vector in a new browser, ms", ({ cold }) => median(cold), true),
    `| cosine with our f32, one text | ${entrants.map((entrant) => cosine(entrant) ?? "–").join(" | ")} | |`,
    ...entrants.filter(({ error }) => error).flatMap(({ title, error }) => ["", `${title} failed: ${error}`]),
  ].join("\n");
}

// What was written by hand stays.
const before = existsSync(given.out) ? readFileSync(given.out, "utf8") : "";
const profile = /\n## Where the time goes[\s\S]*/.exec(before)?.[0] ?? "";
const { version } = JSON.parse(readFileSync(join(peers, "@huggingface/transformers/package.json"), "utf8"));
const page = `# Vectors of texts beside transformers.js

all-MiniLM-L6-v2 in headless Chromium ${browser}, on the CPU, ${cpus()[0].model.trim()}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}. transformers.js ${version} with ONNX files of
the same weights (\`tests/bench/peers/encoder.py\`). Written by \`pkg-scripts/bench embeddings\`. Medians of ${given.runs} rounds, in turns, each engine in a
browser of its own; tokenizer, pooling and length 1 included; no text comes twice. 1 × 16: texts of 16 tokens, one a call. The last
column is above 1 where the shipped file is faster. The first vector: from the import of the library on, in a new browser, files from the same machine.

${sections.join("\n\n")}
${profile}`;
writeFileSync(given.out, page);
console.log(page);
process.exit(0);
