// node pkg-scripts/npm/assemble.mjs: compiles the TypeScript and puts into dist/ what package.json's `exports` and `bin` lead to, and
// nothing else: of the JavaScript what a module imports or names by `new URL("…", import.meta.url)`, of the types what the
// public ones refer to. The engine is built before: its wasm files lie in dist/, its JavaScript side in build/engine/.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize, relative, resolve } from "node:path";
import { build, rolldown } from "rolldown";
import { minifySync } from "rolldown/utils";

const PACKAGE = import.meta.dirname;
const ROOT = resolve(PACKAGE, "../..");
const COMPILED = join(ROOT, "build/package");
const DIST = join(PACKAGE, "dist");
/** The engine's JavaScript side, as wasm-bindgen writes it, by the module that the workers import it as. */
const ENGINES = { "engine.js": "relaxed", "engine-threads.js": "threads" };

const IMPORTED = /\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;
/** Not those that are fetched when they are first used, `import("…")`. */
const IMPORTED_AT_ONCE = /\b(?:from|import)\s*"(\.[^"]+)"/g;
/** What bundlers for pages are not to find is named by `here`. */
const NAMED = /new URL\("(\.[^"]+)",\s*(?:import\.meta\.url|here)\)/g;

/** The relative paths that a file's text leads to, as paths in the package. */
const targetsOf = (file, text, patterns) =>
  patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, path]) => normalize(join(dirname(file), path))));

/** Everything that can be reached from the roots; `next` gives what a file leads to. */
function reached(roots, next) {
  const found = new Set(roots);
  for (const file of found) for (const target of next(file)) found.add(target);
  return [...found];
}

const { exports, bin } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
/** The files in dist/ that `exports` names under a condition. Patterns name files that no compiler writes. */
const entries = (condition) =>
  Object.values(exports).flatMap((entry) => (entry[condition] === undefined ? [] : [entry[condition].replace("./dist/", "")]));

rmSync(COMPILED, { recursive: true, force: true });
try {
  const tsc = [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", PACKAGE, "--outDir", COMPILED];
  execFileSync(process.execPath, [...tsc, "--emitDeclarationOnly"], { stdio: "inherit" });
  // Editors show the comments of the types; browsers would download those of the code.
  execFileSync(process.execPath, [...tsc, "--declaration", "false", "--removeComments"], { stdio: "inherit" });
} catch {
  process.exit(1); // the compiler has said why
}

// Libraries of others that the package brings along, each in a file of its own: pages without a bundler find them, too.
for (const [name, taken, licence, output] of [
  ["@huggingface/jinja", 'export { Template } from "@huggingface/jinja";', "LICENSE", "jinja.js"],
  ["@mozilla/readability", 'import Readability from "@mozilla/readability/Readability.js"; export { Readability };', "LICENSE.md", "readability.js"],
]) {
  const folder = join(ROOT, "node_modules", name);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const banner = `/*! ${name} ${version}\n\n${readFileSync(join(folder, licence), "utf8").trim()} */`;
  const input = join(COMPILED, `whole-${output}`);
  writeFileSync(input, taken);
  await build({ input, output: { file: join(COMPILED, output), format: "esm", minify: true, banner }, logLevel: "warn" });
}

// Each worker is one file: a page waits once for it, not for import after import, and a copy of it is all that has to lie beside a bundle.
for (const [file, engine] of Object.entries(ENGINES)) {
  const written = join(ROOT, `build/engine/${engine}/engine.js`);
  if (!existsSync(written)) {
    console.error(`assemble: the engine is not there: build/engine/${engine}/engine.js. Build it first: pkg-scripts/build`);
    process.exit(1);
  }
  copyFileSync(written, join(COMPILED, file));
}
for (const worker of ["worker.js", "worker-threads.js"]) {
  const bundled = await rolldown({ input: join(COMPILED, worker), logLevel: "warn" });
  await bundled.write({ file: join(COMPILED, `whole/${worker}`), format: "esm", codeSplitting: false });
  await bundled.close();
  renameSync(join(COMPILED, `whole/${worker}`), join(COMPILED, worker));
}

/**
 * A module's text with short names and no white space: workers are loaded as they are, past any bundler. What bundlers look for,
 * `new URL("…", import.meta.url)` and a worker's type, stays in double quotes. A library of others is small already, and keeps its licence.
 */
function smaller(path) {
  const text = readFileSync(path, "utf8");
  if (text.startsWith("/*!")) return text;
  const { code, errors } = minifySync(path, text, { module: true, compress: true, mangle: true });
  if (errors.length > 0) throw new Error(`assemble: ${path} cannot be minified: ${errors[0].message}`);
  const known = code.replace(/(["'`])sha256:([\w./-]+)\1/g, (_, quote, file) => `${quote}${integrityOf(file)}${quote}`);
  const whole = known.replace(/(["'`])base64:(\w+)\1/g, (_, quote, name) => `${quote}${moduleOf(name)}${quote}`);
  return whole.replace(/(new URL\(|\{type:)`([^`$\\]+)`/g, '$1"$2"');
}

/** The hash of a file that is loaded later, which the module that loads it knows it by. Model files come to dist/ after the modules. */
function integrityOf(file) {
  const path = [join(PACKAGE, file), join(DIST, file)].find(existsSync);
  // Whoever builds without the model gets a package without it.
  return path === undefined ? `sha256:${file}` : `sha256-${createHash("sha256").update(readFileSync(path)).digest("base64")}`;
}

/** A wasm module of a few KB, which lies within the JavaScript that calls it. */
function moduleOf(name) {
  const path = join(ROOT, `build/engine/${name}/optimised.wasm`);
  if (existsSync(path)) return readFileSync(path).toString("base64");
  console.error(`assemble: ${name} is not there: build/engine/${name}/optimised.wasm. Build it first: pkg-scripts/build`);
  process.exit(1);
}

const isModule = (file) => file.endsWith(".js");
const textOf = (file) => readFileSync(join(COMPILED, file), "utf8");
const commands = Object.values(bin).map((path) => path.replace("./dist/", ""));
const modules = reached([...entries("default"), ...commands], (file) =>
  isModule(file) ? targetsOf(file, textOf(file), [IMPORTED, NAMED]) : [],
);
const types = reached(entries("types"), (file) => {
  // A declaration refers to another by the name of its module.
  const targets = targetsOf(file, textOf(file), [IMPORTED]);
  return targets.map((target) => target.replace(/\.js$/, ".d.ts"));
});

// Left-overs of renamed modules must not get into the package.
mkdirSync(DIST, { recursive: true });
for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
  if (entry.isFile() && /\.(js|d\.ts)$/.test(entry.name)) rmSync(join(entry.parentPath, entry.name));
}
const place = (file) => {
  mkdirSync(dirname(join(DIST, file)), { recursive: true });
  return join(DIST, file);
};

/**
 * Imports of all that an entry needs at once and does not import itself. A page without a bundler then asks for every module as soon as it has
 * the entry, not for import after import, each a round trip later. Behind its own ones: the order in which modules run stays. Bundlers leave them out.
 */
function ahead(file) {
  const direct = targetsOf(file, textOf(file), [IMPORTED_AT_ONCE]);
  const needed = reached([file], (other) => targetsOf(other, textOf(other), [IMPORTED_AT_ONCE]));
  const paths = needed.filter((other) => other !== file && !direct.includes(other)).map((other) => relative(dirname(file), other));
  return paths.map((path) => `import${JSON.stringify(path.startsWith(".") ? path : `./${path}`)};`).join("");
}

for (const file of types) copyFileSync(join(COMPILED, file), place(file));
const pages = entries("default");
for (const file of modules.filter(isModule)) {
  writeFileSync(place(file), smaller(join(COMPILED, file)) + (pages.includes(file) ? ahead(file) : ""));
}
const missing = modules.filter((file) => !isModule(file) && !/\.gguf$/.test(file) && !existsSync(join(DIST, file)));
if (missing.length > 0) {
  console.error(`assemble: the engine is not there: ${missing.join(", ")}. Build it first: pkg-scripts/build`);
  process.exit(1);
}
