// The most memory that the page's process holds while a model is loaded, beside the size of its file, in headless Chromium. Run by `pkg-scripts/bench
// memory`, which says what the options are. Linux alone tells.
//
// Every figure is a browser of its own. What the process held before, with the package's modules there and no model, is taken off.
import { existsSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { launch, ROOT } from "../../web/support/browser.mjs";
import { summary } from "../peers/statistics.mjs";
import { load } from "./page.mjs";
import { serveFiles } from "./server.mjs";

const EVERY_MS = 20;
const SETTLE_MS = 1500;
/** What the project's aim says: on the CPU so many times the file; on the GPU so many bytes beyond the GPU's copy. */
const MOST_TIMES = 1.25;
const MOST_BEYOND = 64e6;

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "3" },
    ways: { type: "string", default: "network,unkept,kept,file" },
    devices: { type: "string", default: "cpu,gpu" },
    dist: { type: "string", default: join(ROOT, "pkg-scripts/npm/dist") },
    out: { type: "string", default: join(ROOT, "tests/bench/results/memory.md") },
    "no-build": { type: "boolean" },
  },
});
if (!existsSync("/proc/self/smaps_rollup")) {
  console.log("SKIPPED memory: this system does not tell what a process holds (/proc/<pid>/smaps_rollup)");
  process.exit(0);
}
const files = positionals.length > 0 ? positionals.map((file) => resolve(file)) : [join(ROOT, "build/bench-models/135m/q8_0.gguf")];
const missing = files.find((file) => !existsSync(file));
if (missing !== undefined) {
  console.log(`SKIPPED memory: ${missing} is not here (python3 tests/bench/peers/models.py build/bench-models --shapes 135m --types q8_0 makes the random one)`);
  process.exit(0);
}

const WAYS = {
  network: { title: "from the network, kept", from: "address", cache: true },
  unkept: { title: "from the network, not kept", from: "address", cache: false },
  kept: { title: "from what is kept", from: "address", cache: true, before: true },
  file: { title: "from a File", from: "file", cache: true },
};

class Sampler {
  #worker;
  constructor(pids) {
    this.#worker = new Worker(new URL("./sampler.mjs", import.meta.url), { workerData: { pids, everyMs: EVERY_MS } });
  }
  /** What is held now, and the most since it was asked last. */
  look() {
    const answer = new Promise((resolve, reject) => {
      this.#worker.once("message", resolve);
      this.#worker.once("error", reject);
    });
    this.#worker.postMessage("look");
    return answer;
  }
  end() {
    this.#worker.postMessage("end");
  }
}

/** The processes of pages, by what the browser says: the page's, and what the browser keeps for later ones, which does nothing. */
async function renderersOf(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
}

async function measure(server, file, { from, cache, before }, device) {
  const browser = await launch({ gpu: device === "gpu" ? "software" : "none" });
  try {
    const context = await browser.newContext();
    const url = `/model/${basename(file)}`;
    const open = async () => {
      const page = await context.newPage();
      await page.goto(`${server.origin}/`);
      await page.evaluate(() => import("/nanolm/index.js").then(() => {}));
      if (from === "file") {
        const input = await page.evaluateHandle(() => {
          const input = document.createElement("input");
          input.type = "file";
          document.body.append(input);
          return input;
        });
        await input.asElement().setInputFiles(file);
        await input.evaluate((input) => {
          globalThis.chosen = input.files[0];
        });
      }
      return page;
    };
    if (before) {
      const page = await open();
      await page.evaluate(load, { url, from, device, cache });
      await page.close();
      await sleep(SETTLE_MS);
    }
    const page = await open();
    await sleep(SETTLE_MS);
    const sampler = new Sampler(await renderersOf(browser));
    await sleep(200);
    const { now: idle } = await sampler.look();
    const found = await page.evaluate(load, { url, from, device, cache });
    const { peak, looks } = await sampler.look();
    await sleep(SETTLE_MS);
    const { now: after } = await sampler.look();
    sampler.end();
    const [wasm] = await Promise.all(page.workers().map((worker) => worker.evaluate(() => globalThis.wasmMemory.buffer.byteLength)));
    if (found.kind !== device) throw new Error(`expected the ${device}, found ${found.kind}: ${found.reason}`);
    return { peak: peak - idle, after: after - idle, idle, looks, wasm, version: browser.version() };
  } finally {
    await browser.close();
  }
}

const rows = [];
let version;
const server = await serveFiles({ "/nanolm/": given.dist, "/model/": files });
for (const file of files) {
  const { size } = statSync(file);
  for (const device of given.devices.split(",")) {
    for (const name of given.ways.split(",")) {
      const row = { file: basename(file), size, device, way: WAYS[name].title, samples: [] };
      for (let run = 0; run < Number(given.runs); run++) {
        try {
          const found = await measure(server, file, WAYS[name], device);
          version = found.version;
          row.samples.push(found);
          console.error(`${row.file}, ${device}, ${row.way}: peak ${(found.peak / 1e6).toFixed(1)} MB = ${(found.peak / size).toFixed(3)}, after ${(found.after / 1e6).toFixed(1)} MB, wasm ${(found.wasm / 1e6).toFixed(1)} MB, idle ${(found.idle / 1e6).toFixed(1)} MB, ${found.looks} looks`);
        } catch (error) {
          row.error = error.message.split("\n")[0].slice(0, 300);
          console.error(`${row.file}, ${device}, ${row.way}: ${row.error}`);
          break;
        }
      }
      rows.push(row);
    }
  }
}
await server.close();

const mb = (bytes) => (bytes / 1e6).toFixed(1);
const line = ({ file, size, device, way, samples, error }) => {
  if (samples.length === 0) return `| ${file}, ${mb(size)} MB | ${device.toUpperCase()} | ${way} | – | – | – | – | ${error} |`;
  const peak = summary(samples.map(({ peak }) => peak));
  const after = summary(samples.map(({ after }) => after)).median;
  const wasm = summary(samples.map(({ wasm }) => wasm)).median;
  const holds = device === "cpu" ? peak.median <= MOST_TIMES * size : peak.median <= MOST_BEYOND;
  const aim = device === "cpu" ? `${mb(MOST_TIMES * size)} MB` : `${mb(MOST_BEYOND)} MB`;
  return `| ${file}, ${mb(size)} MB | ${device.toUpperCase()} | ${way} | ${mb(peak.median)} (${mb(peak.least)}-${mb(peak.most)}) | ${(peak.median / size).toFixed(2)}× | ${mb(after)} | ${mb(wasm)} | ${holds ? "holds" : "**missed**"}: ${aim} |`;
};
const text = `# Memory of the page's process while a model is loaded

Headless Chromium ${version}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}. The most that the page's process held (its pages of its own, and its part of
shared ones) from the load to the first token, looked at every ${EVERY_MS} ms, less what it held before; medians of ${given.runs} (least-most). Written by \`pkg-scripts/bench memory\`.
On the GPU, weights lie in another process (with the software adapter, in its memory): that copy is not counted.

| file | device | | peak, MB | of the file | after, MB | wasm memory, MB | the aim |
|---|---|---|---:|---:|---:|---:|---|
${rows.map(line).join("\n")}
`;
writeFileSync(given.out, text);
console.log(text);
