// node pkg-scripts/extension.mjs: the extension's folders and zips out of extension/ and the built package; see pkg-scripts/extension.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { zipSync } from "fflate";
import { rolldown } from "rolldown";
import { brokenRules, LARGEST_ZIP } from "./extension-rules.mjs";

const ROOT = join(import.meta.dirname, "..");
const SOURCE = join(ROOT, "extension");
const PACKAGE = join(ROOT, "pkg-scripts/npm");
const BUILD = join(ROOT, "build/extension");
const READABILITY = dirname(createRequire(import.meta.url).resolve("@mozilla/readability"));

/** Scripts of the extension and where they go. One file each: a browser then waits once for them, not for import after import. */
const SCRIPTS = [
  { input: "background.js", output: "background.js" },
  { input: "options.js", output: "options.js" },
  { input: "panel/main.js", output: "panel/main.js" },
  // The package names its worker and its models from its top folder.
  { input: "engine.js", output: "nanolm/host.js" },
  // Scripts in pages cannot import at all.
  { input: "page/index.js", output: "page.js", format: "iife" },
];

/**
 * Of the package: the worker's files and what finds names, without the embedding table, the labels and structured output, which the panel has no use for,
 * and without the build with threads: a nano model does not gain from it here, and Firefox gives extensions no shared memory.
 */
const ASSETS = /^(engine-(simd128|relaxed)\.wasm|model\/(nanolm-(default|names)\.gguf|(MODEL|HEADS)_CARD\.md))$/;

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/** The parts of both browsers, and of one. */
function manifestOf(target, version) {
  const common = readJson(join(SOURCE, "manifest.json"));
  const own = readJson(join(SOURCE, `manifest.${target}.json`));
  return { ...common, ...own, version, permissions: [...common.permissions, ...(own.permissions ?? [])] };
}

/** The package by the names that its users import. */
const alias = Object.fromEntries(
  Object.entries(readJson(join(PACKAGE, "package.json")).exports)
    .filter(([name, entry]) => /^\.\/(extension|elements|extract)/.test(name) && entry.default)
    .map(([name, entry]) => [`nanolm${name.slice(1)}$`, join(PACKAGE, entry.default)]),
);

/** Stores refuse workers made of blobs, and an extension never needs one: its files are its own. */
const OWN_FILES = {
  name: "own-files",
  load: (id) => (id.endsWith("/engine/elsewhere.js") ? 'export const ELSEWHERE = ""; export function workerFromElsewhere(_, refused) { throw refused; }' : null),
};

async function bundle(input, file, format = "es") {
  const all = await rolldown({ input, logLevel: "warn", resolve: { alias }, plugins: [OWN_FILES] });
  // Readable, for those who review it; with what the package imports when it is first used.
  await all.write({ file, format, minify: false, codeSplitting: false });
  await all.close();
}

/** Readability's licence goes where its code goes, and the model's card names its data. */
function licences() {
  const { version, license } = readJson(join(READABILITY, "package.json"));
  const notice = join(READABILITY, "LICENSE.md");
  return [
    `nanolm\n${"=".repeat(60)}\n${readFileSync(join(ROOT, "LICENSE"), "utf8")}`,
    `The default model: CC BY-SA 4.0; see nanolm/model/MODEL_CARD.md. What finds names: CC BY and CC BY-SA; see nanolm/model/HEADS_CARD.md\n`,
    `@mozilla/readability ${version}, ${license} (part of page.js; https://github.com/mozilla/readability)\n${"=".repeat(60)}\n${existsSync(notice) ? readFileSync(notice, "utf8") : ""}`,
  ].join("\n");
}

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

async function buildFor(target, version) {
  const folder = join(BUILD, target);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(SOURCE, { recursive: true })) {
    if (/\.(html|css|png)$/.test(name)) copy(join(SOURCE, name), join(folder, name));
  }
  const dist = join(PACKAGE, "dist");
  for (const name of readdirSync(dist, { recursive: true }).map((path) => path.split(sep).join("/"))) {
    if (ASSETS.test(name)) copy(join(dist, name), join(folder, "nanolm", name));
  }
  for (const { input, output, format } of SCRIPTS) await bundle(join(SOURCE, input), join(folder, output), format);
  await bundle(join(dist, "worker.js"), join(folder, "nanolm/worker.js"));
  writeFileSync(join(folder, "LICENSES.txt"), licences());
  writeFileSync(join(folder, "manifest.json"), `${JSON.stringify(manifestOf(target, version), null, 2)}\n`);
  return folder;
}

/** The same bytes on every day: stores compare what they are sent. */
const BUILT = new Date("2020-01-01T00:00:00");

function zip(folder) {
  const files = readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
  const entries = files.sort().map((name) => [name.split(sep).join("/"), readFileSync(join(folder, name))]);
  return zipSync(Object.fromEntries(entries), { level: 9, mtime: BUILT });
}

const { version } = readJson(join(PACKAGE, "package.json"));
if (!existsSync(join(PACKAGE, "dist/extension/index.js"))) {
  console.error("extension: the package is not built: expected pkg-scripts/npm/dist/extension/index.js. Run pkg-scripts/build");
  process.exit(1);
}
rmSync(BUILD, { recursive: true, force: true });
let broken = 0;
for (const target of ["chromium", "firefox"]) {
  const folder = await buildFor(target, version);
  const path = join(ROOT, `build/nanolm-${target}-${version}.zip`);
  const bytes = zip(folder);
  writeFileSync(path, bytes);
  console.log(`extension: ${relative(ROOT, path)}, ${bytes.length} bytes of at most ${LARGEST_ZIP}`);
  const faults = brokenRules(folder, target, bytes.length);
  for (const fault of faults) console.error(`extension: ${target}: ${fault}`);
  broken += faults.length;
}
if (broken > 0) process.exitCode = 1;
else console.log("extension: both keep the stores' rules");
