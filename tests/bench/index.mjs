// An index over vectors: how long a search takes, and how many of the exact results the smaller types find. Run by `pkg-scripts/bench index
// [--model FOLDER|FILE.gguf --data FILE.jsonl.xz] [--vectors 100000] [--texts 10000] [--recall-only] [--out FILE] [--no-build]`. What is taken of
// the data is fixed: the first records that have a title and a first sentence; the titles of every n-th are the queries.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Model } from "../../pkg-scripts/npm/dist/index.js";
import { VectorIndex } from "../../pkg-scripts/npm/dist/search/index.js";
import { launch, ROOT } from "../web/support/browser.mjs";
import { serve } from "../web/support/server.mjs";

const { values: given } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    vectors: { type: "string", default: "100000" },
    texts: { type: "string", default: "10000" },
    out: { type: "string", default: new URL("results/index.md", import.meta.url).pathname },
    "recall-only": { type: "boolean", default: false },
    "no-build": { type: "boolean" },
  },
});
const TYPES = ["float32", "int8", "binary"];
const DIMENSIONS = 384;
const QUERIES = 300;
const BATCH = 500;

/** In milliseconds; runs in the page, too. Random vectors take as long as others. */
function measure(VectorIndex, type, count, dimensions) {
  let seed = 1;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647 - 0.5;
  const vector = () => Float32Array.from({ length: dimensions }, random);
  const index = new VectorIndex({ dimensions, type });
  for (let id = 0; id < count; id++) index.add(id, vector());
  const times = Array.from({ length: 40 }, () => {
    const query = vector();
    const start = performance.now();
    index.search(query, { k: 10 });
    return performance.now() - start;
  }).sort((a, b) => a - b);
  const timed = (work) => {
    const start = performance.now();
    return { value: work(), ms: performance.now() - start };
  };
  const saved = timed(() => index.save());
  const loaded = timed(() => VectorIndex.load(saved.value));
  return { median: times[20], slowest: times.at(-1), bytes: saved.value.length, save: saved.ms, load: loaded.ms };
}

async function inChromium(count) {
  const served = await serve({ "/": join(ROOT, "pkg-scripts/npm/dist") });
  const browser = await launch({ gpu: "none" });
  const rows = {};
  try {
    for (const type of TYPES) {
      const page = await browser.newPage();
      await page.goto(`${served.origin}/package-is-here`);
      const call = `import("/search/index.js").then(({ VectorIndex }) => (${measure})(VectorIndex, "${type}", ${count}, ${DIMENSIONS}))`;
      rows[type] = await page.evaluate(call);
      await page.close();
    }
  } finally {
    await browser.close();
    await served.close();
  }
  return rows;
}

/** Titles and first sentences. */
function records(file, most) {
  const text = execFileSync("bash", ["-c", 'xz -dc "$0" | head -n "$1"', file, String(3 * most)], { encoding: "utf8", maxBuffer: 2 ** 31 });
  const found = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const first = ({ title, text }) => ({ title, text: /^.{40,300}?[.!?](?=\s|$)/s.exec(text)?.[0] });
  return found.map(first).filter(({ title, text }) => title && text).slice(0, most);
}

async function recalls(folder, file, most) {
  const model = await Model.load(pathToFileURL(folder.endsWith(".gguf") ? resolve(folder) : `${resolve(folder)}/`), { device: "cpu", cache: false });
  const list = records(file, most);
  const embed = async (texts) => {
    const vectors = [];
    for (let at = 0; at < texts.length; at += BATCH) vectors.push(...(await model.embed(texts.slice(at, at + BATCH))));
    return vectors;
  };
  const step = Math.max(1, Math.floor(list.length / QUERIES));
  const vectors = await embed(list.map(({ text }) => text));
  const asked = list.map(({ title }, id) => ({ title, id })).filter((_, i) => i % step === 0).slice(0, QUERIES);
  const queries = await embed(asked.map(({ title }) => title));
  const { name, weightType } = model.info;
  await model.dispose();
  const indexOf = (options) => {
    const index = new VectorIndex({ dimensions: vectors[0].length, ...options });
    vectors.forEach((vector, id) => index.add(id, vector));
    return queries.map((query) => index.search(query, { k: 10 }).map(({ id }) => id));
  };
  const exact = indexOf({ type: "float32" });
  const forms = { float32: {}, int8: {}, "binary, 20 candidates a result": { rescore: 20 }, "binary, 10 candidates a result": { rescore: 10 }, "binary, 5 candidates a result": { rescore: 5 }, "binary, bits alone": { rescore: 0 } };
  const rows = Object.entries(forms).map(([form, options]) => {
    const found = form === "float32" ? exact : indexOf({ type: form.split(/[ ,]/)[0], ...options });
    const same = found.map((ids, i) => exact[i].filter((id) => ids.includes(id)).length / 10);
    const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    return { form, recall: mean(same), first: mean(found.map((ids, i) => Number(ids[0] === exact[i][0]))), own: mean(found.map((ids, i) => Number(ids.includes(asked[i].id)))) };
  });
  return { name: `${name} (${weightType})`, texts: vectors.length, queries: queries.length, rows };
}

const count = Number(given.vectors);
/** How long a search takes, here and in Chromium. */
async function speeds() {
  const figures = [["Chromium", await inChromium(count)], ["Node", Object.fromEntries(TYPES.map((type) => [type, measure(VectorIndex, type, count, DIMENSIONS)]))]];
  const ms = (value) => value.toFixed(value < 10 ? 1 : 0);
  return [
    "# An index over vectors",
    "",
    `\`pkg-scripts/bench index\` on ${cpus()[0].model} (${cpus().length} cores), one thread, Node ${process.version}. ${count.toLocaleString("en")} vectors of ${DIMENSIONS} numbers, the ten nearest,`,
    "40 searches with other queries. Every vector is compared with the query: random ones take as long as others.",
    "",
    "| where | type | median ms | slowest ms | saved MB | save ms | load ms |",
    "|---|---|---:|---:|---:|---:|---:|",
    ...figures.flatMap(([where, rows]) =>
      Object.entries(rows).map(([type, { median, slowest, bytes, save, load }]) => `| ${where} | ${type} | ${ms(median)} | ${ms(slowest)} | ${(bytes / 1e6).toFixed(1)} | ${ms(save)} | ${ms(load)} |`),
    ),
  ];
}

/** Where only the recall is taken anew, what the file says of speed stays. */
const RECALL = "What the smaller types find";
const lines = given["recall-only"] ? readFileSync(given.out, "utf8").split(`\n${RECALL}`)[0].trimEnd().split("\n") : await speeds();
const write = () => writeFileSync(given.out, `${lines.join("\n")}\n`);
write();
if (given.model !== undefined && given.data !== undefined && existsSync(given.model) && existsSync(given.data)) {
  const { name, texts, queries, rows } = await recalls(given.model, given.data, Number(given.texts));
  lines.push(
    "",
    `${RECALL}: first sentences of ${texts.toLocaleString("en")} encyclopaedia articles by ${name}, the titles of ${queries} of them as queries. Recall: what`,
    "part of the exact ten nearest is found. Nearest: how often the first is the same. Article: how often the title's own is among the ten.",
    "",
    "| type | recall | nearest | article |",
    "|---|---:|---:|---:|",
    ...rows.map(({ form, recall, first, own }) => `| ${form} | ${recall.toFixed(4)} | ${first.toFixed(3)} | ${own.toFixed(3)} |`),
  );
} else {
  console.log("SKIPPED recall: name an encoder's folder with --model and JSON lines of texts with --data");
}
write();
console.log(lines.join("\n"));
