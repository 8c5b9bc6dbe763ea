// node pkg-scripts/sizes.mjs <dist> [--json]: what a browser downloads, raw and compressed, against the budget. It takes one of
// the three builds of the engine.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** JavaScript and wasm together, gzipped, without the model, for the largest build; tests/npm/size.test.mjs holds it. The aim is 800,000. */
export const BUDGET = 866_000;

/** What a page's first call makes a browser download, but for the engine's workers: the modules that the package's own imports. */
const ENTRY = "index.js";
const WORKERS = ["worker.js", "worker-threads.js"];
/** Not those that are imported when they are first used, `import("…")`. */
const IMPORTED = /\b(?:from|import)\s*"(\.[^"]+)"/g;

/** The JavaScript files that every page loads. */
export function loadedAtOnce(dist) {
  const found = new Set([ENTRY, ...WORKERS, "thread.js"]);
  for (const file of found) {
    for (const [, path] of readFileSync(join(dist, file), "utf8").matchAll(IMPORTED)) found.add(normalize(join(dirname(file), path)));
  }
  return [...found];
}

/** JavaScript that only the build with threads loads, and what it does without. */
const THREADED = ["thread.js", "worker-threads.js"];
const UNTHREADED = ["worker.js"];

export function sizes(dist) {
  const measured = (path) => {
    const bytes = readFileSync(path);
    // Weights hardly get smaller, however long they are looked at.
    const quality = path.endsWith(".gguf") ? 5 : 11;
    const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
    return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli.length };
  };
  const add = (parts) =>
    parts.reduce((a, b) => ({ raw: a.raw + b.raw, gzip: a.gzip + b.gzip, brotli: a.brotli + b.brotli }), {
      raw: 0,
      gzip: 0,
      brotli: 0,
    });
  const files = [...loadedAtOnce(dist), ...readdirSync(dist).filter((name) => name.endsWith(".wasm"))];
  const size = Object.fromEntries(files.map((name) => [name, measured(join(dist, name))]));
  const builds = {};
  for (const build of ["simd128", "relaxed", "threads"]) {
    const unused = build === "threads" ? UNTHREADED : THREADED;
    const javascript = add(files.filter((name) => name.endsWith(".js") && !unused.includes(name)).map((name) => size[name]));
    const wasm = size[`engine-${build}.wasm`];
    builds[build] = { javascript, wasm, code: add([javascript, wasm]) };
  }
  const largest = Object.values(builds).reduce((a, b) => (a.code.gzip >= b.code.gzip ? a : b));
  const folder = join(dist, "model");
  const weights = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".gguf")) : [];
  const models = Object.fromEntries(weights.map((name) => [/^nanolm-(.+)\.gguf$/.exec(name)?.[1] ?? name, measured(join(folder, name))]));
  return { builds, code: largest.code, grammar: size["grammar.wasm"], models };
}

export function sizeTable(measured) {
  const row = (name, { raw, gzip, brotli }) =>
    `| ${name.padEnd(22)} | ${[raw, gzip, brotli].map((n) => String(n).padStart(10)).join(" | ")} |`;
  return [
    "| bytes                  |        raw |       gzip |     brotli |",
    "| ---------------------- | ---------: | ---------: | ---------: |",
    ...Object.entries(measured.builds).flatMap(([build, { javascript, wasm, code }]) => [
      row(`${build}: JavaScript`, javascript),
      row(`${build}: wasm`, wasm),
      row(`${build}: both`, code),
    ]),
    row("structured output", measured.grammar),
    ...Object.entries(measured.models).map(([name, size]) => row(`model/nanolm-${name}`, size)),
  ].join("\n");
}

if (process.argv[1] === import.meta.filename) {
  const measured = sizes(process.argv[2]);
  console.log(process.argv[3] === "--json" ? JSON.stringify(measured) : sizeTable(measured));
  if (measured.code.gzip > BUDGET) {
    console.error(`sizes: the code is over its budget: expected at most ${BUDGET} bytes gzipped, found ${measured.code.gzip}`);
  }
}
