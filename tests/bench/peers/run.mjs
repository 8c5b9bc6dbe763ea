// The side-by-side benchmark: our engine and its peers in headless Chromium, on the same weights, with the same prompts, in turns.
// Run by pkg-scripts/bench peers, which installs the peers and writes the models.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../../web/support/browser.mjs";
import { serve } from "../../web/support/server.mjs";
import { ENGINES, SHAPES, THREADS, TYPES } from "./engines.mjs";
import { NativeHost, PageHost } from "./hosts.mjs";
import { runLong } from "./long.mjs";
import { markdown, withSpeedTable } from "./report.mjs";
import { startRoof } from "./roof.mjs";
import { runSlice } from "./slice.mjs";
import { merge, withAgreement } from "./statistics.mjs";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
    shapes: { type: "string", default: Object.keys(SHAPES).join(",") },
    types: { type: "string", default: TYPES.join(",") },
    threads: { type: "string", default: THREADS.join(",") },
    engines: { type: "string", default: Object.keys(ENGINES).join(",") },
    runs: { type: "string" },
    seconds: { type: "string" },
    out: { type: "string" },
    "no-build": { type: "boolean", default: false },
    "report-only": { type: "boolean", default: false },
  },
});

/** A list's entries, each one of those that there are. */
function chosen(name, known) {
  const list = options[name].split(",").map((entry) => (name === "threads" ? Number(entry) : entry));
  const unknown = list.find((entry) => !known.includes(entry));
  if (unknown !== undefined) {
    console.error(`bench peers: --${name} ${unknown}: expected some of ${known.join(", ")}`);
    process.exit(2);
  }
  return list;
}
const shapes = chosen("shapes", Object.keys(SHAPES));
const types = chosen("types", TYPES);
const threadCounts = chosen("threads", THREADS);
const engines = chosen("engines", Object.keys(ENGINES));
const asked = Number(options.runs ?? (options.quick ? 1 : 5));
if (!(asked >= 1)) throw new Error(`--runs: expected a number from 1 on, found ${options.runs}`);

const here = import.meta.dirname;
const modules = join(here, "node_modules");
const python = join(ROOT, "build/bench-python/bin/python");
const models = join(ROOT, "build/bench-models");
const out = options.out ?? join(ROOT, "tests/bench/results");
const jsonFile = join(out, "peers.json");
const run = `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`;
const log = (text) => console.log(text);

mkdirSync(out, { recursive: true });
let results = existsSync(jsonFile) ? JSON.parse(readFileSync(jsonFile, "utf8")) : undefined;
if (!options["report-only"]) await measureAll();
write();

async function measureAll() {
  const roofline = join(ROOT, "build/roofline.wasm");
  const features = ["--enable-simd", "--enable-relaxed-simd", "--enable-bulk-memory", "--enable-bulk-memory-opt"];
  execFileSync(join(ROOT, "node_modules/.bin/wasm-as"), [...features, join(here, "../roofline.wat"), "-o", roofline]);
  const server = await serve(
    {
      "/": join(here, "page"),
      "/nanolm/": join(ROOT, "pkg-scripts/npm/dist"),
      "/peers/": modules,
      "/models/": models,
      "/roofline.wasm": () => readFileSync(roofline),
    },
    // The peers start workers from blobs and compile text.
    { policy: "default-src 'self' blob: data: 'unsafe-inline' 'unsafe-eval'", isolated: true },
  );
  const empty = await PageHost.start(server.origin);
  const emptyPage = empty.peakMemory ?? 0;
  const browser = `Chromium ${empty.browserVersion}`;
  await empty.close();
  const about = { machine: machine(), browser, emptyPageMb: Math.round(emptyPage / 1e6), versions: versions() };

  const slices = types.flatMap((type) => shapes.flatMap((shape) => threadCounts.map((threads) => ({ shape, type, threads, run }))));
  // What the comparison is about comes first, should somebody stop it.
  for (const slice of slices) {
    const entrants = engines.filter((engine) => ENGINES[engine].runs(slice.threads, slice.type));
    log(`\n${slice.shape}, ${slice.type}, ${slice.threads} thread${slice.threads > 1 ? "s" : ""}: ${entrants.join(", ")}`);
    const found = options.long ? await measureLong(slice, entrants, server.origin) : await measureSlice(slice, entrants, server.origin, emptyPage);
    results = merge(results, { ...about, ...found });
    // After each slice, so that what is there is kept whatever happens to the next.
    write();
  }
  await server.close();
}

async function measureSlice(slice, entrants, origin, emptyPage) {
  const roof = await startRoof(await PageHost.start(origin), slice).catch((error) => {
    log(`  roofline: FAILED: ${error.message}`);
    return undefined;
  });
  // F16 is there to see that all engines run the same model.
  const isCheck = slice.type === "f16";
  const found = await runSlice({
    ...slice,
    engines: entrants,
    start: (engine) => startHost(engine, origin),
    roof,
    runs: isCheck ? 1 : asked,
    slowMs: 4000,
    longMs: options.quick || isCheck ? 2000 : Infinity,
    ...(options.quick ? { warmMs: { least: 1000, most: 4000 } } : {}),
    deadline: options.seconds ? Date.now() + 1000 * Number(options.seconds) : Infinity,
    emptyPage,
    log,
  });
  await roof?.close();
  return found;
}

/** Our fastest build of the slice, until the context is full. */
async function measureLong(slice, entrants, origin) {
  const engine = entrants.findLast((each) => ENGINES[each].ours);
  if (engine === undefined) return {};
  const host = await startHost(engine, origin);
  try {
    return { long: [await runLong(host, engine, slice)] };
  } catch (error) {
    log(`  ${engine}: FAILED: ${error.message}`);
    return { long: [{ ...slice, engine, error: error.message }] };
  } finally {
    await host.close();
  }
}

function startHost(engine, origin) {
  if (!ENGINES[engine].native) return PageHost.start(origin, ENGINES[engine].page);
  const failed = join(ROOT, "build/bench-native-failed");
  if (existsSync(failed)) throw new Error(readFileSync(failed, "utf8").trim());
  return NativeHost.start(python, join(here, "native.py"), models);
}

function machine() {
  return { processor: cpus()[0]?.model.trim() ?? "unknown", cores: cpus().length, platform: process.platform };
}

function versions() {
  const version = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
  return {
    nanolm: version(join(ROOT, "pkg-scripts/npm")),
    "wllama 3": version(join(modules, "wllama3")),
    "wllama 2": version(join(modules, "wllama2")),
    "transformers.js": version(join(modules, "@huggingface/transformers")),
    "onnxruntime-web": version(join(modules, "onnxruntime-web")),
  };
}

function write() {
  if (results === undefined) throw new Error(`${jsonFile} is not there: measure first`);
  // For readers that have only the file: the benchmark page.
  const engines = Object.entries(ENGINES).map(([name, { title, ours, native, typeNames }]) => [name, { title, ours, native, types: typeNames }]);
  results = { ...results, engines: Object.fromEntries(engines), rows: withAgreement(results.rows, ENGINES) };
  writeFileSync(jsonFile, `${JSON.stringify(results, null, 1)}\n`);
  const text = markdown(results);
  writeFileSync(join(out, "peers.md"), text);
  const readme = join(ROOT, "README.md");
  if (options.out === undefined) writeFileSync(readme, withSpeedTable(readFileSync(readme, "utf8"), results));
  if (options["report-only"]) log(text);
}
