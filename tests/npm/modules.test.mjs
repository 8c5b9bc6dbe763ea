// How the TypeScript package hangs together: no circle of imports, one direction between its parts, and surfaces that know
// the public modules only. Each rule is shown to fail.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { test } from "node:test";
import { ROOT } from "../web/support/browser.mjs";

const SOURCE = join(ROOT, "pkg-scripts/npm/src");
/** Of the inner parts, what each may import besides itself. Files at the top are parts by their own name. */
const PARTS = {
  errors: [],
  info: [],
  platform: [],
  assets: [],
  "node.d": [],
  node: [],
  "engine.d": ["info", "engine"],
  "engine-threads.d": ["engine.d"],
  "jinja.d": [],
  "readability.d": [],
  files: ["errors", "platform", "assets", "node", "engine.d"],
  engine: ["errors", "info", "platform", "assets", "node", "files", "engine.d"],
  model: ["errors", "info", "files", "engine.d", "engine", "jinja.d"],
  index: ["errors", "info", "files", "model"],
  worker: ["engine.d", "engine"],
  thread: [],
  "worker-threads": ["engine-threads.d", "engine", "thread"],
  "worker-node": ["node"],
  // The command, which is for Node alone.
  cli: ["index", "openai"],
};
/** Every other folder is a public surface of its own, such as an adapter, and may import these. */
const PUBLIC = ["index", "info", "errors", "model"];
/** What a surface may build on besides, where it would be the same once more. */
const BUILT_ON = {
  // It answers in the form of the same API: its local models are `createFetch`, its events and errors are made by the same code.
  router: ["openai"],
  // Its answers, with calls of tools in them, and its models by name are those of that API.
  "ai-sdk": ["openai"],
  // It reads calls of tools out of what a model writes, as that API does.
  "built-in-ai": ["openai"],
  // Text nodes and the way back to them are those of the elements.
  extract: ["elements", "readability.d"],
  // It looks at what downloads have kept.
  store: ["files", "platform", "node"],
  // It keeps indexes where the package keeps downloads, in Node.
  search: ["platform", "node"],
};

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g;

/** What each file imports, types included: `{ "model/model.ts": ["errors.ts", …] }`. */
function importsOf(files) {
  return Object.fromEntries(
    Object.entries(files).map(([file, text]) => {
      const paths = [...text.matchAll(IMPORT)].map(([, path]) => normalize(join(dirname(file), path)).split(sep).join("/"));
      const named = (path) => [path.replace(/\.js$/, ".ts"), path.replace(/\.js$/, ".d.ts")].find((name) => name in files);
      return [file, paths.map((path) => named(path) ?? assert.fail(`${file} imports ${path}, which is not there`))];
    }),
  );
}

/** A circle of imports as a list of files, or undefined. */
function circleIn(imports) {
  const done = new Set();
  const visit = (file, path) => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports[file]) {
      const circle = visit(next, [...path, file]);
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of Object.keys(imports)) {
    const circle = visit(file, []);
    if (circle) return circle;
  }
  return undefined;
}

const partOf = (file) => (file.includes("/") ? file.split("/")[0] : file.replace(/\.ts$/, ""));

/** Imports that go against the direction, in words. */
function wrongImports(imports) {
  return Object.entries(imports).flatMap(([file, targets]) => {
    const part = partOf(file);
    const allowed = PARTS[part] ?? [...PUBLIC, ...(BUILT_ON[part] ?? [])];
    return targets
      .filter((target) => partOf(target) !== part && !allowed.includes(partOf(target)))
      .map((target) => `${file} imports ${target}`);
  });
}

const sources = Object.fromEntries(
  readdirSync(SOURCE, { recursive: true })
    .map((path) => path.split(sep).join("/"))
    .filter((path) => path.endsWith(".ts"))
    .map((path) => [path, readFileSync(join(SOURCE, path), "utf8")]),
);

test("no circle of imports", () => {
  assert.equal(circleIn(importsOf(sources)), undefined);
  const broken = { ...sources, "errors.ts": `import type { Model } from "./model/model.js";\n${sources["errors.ts"]}` };
  assert.ok(circleIn(importsOf(broken)).includes("errors.ts"));
});

test("one direction between the parts, and surfaces import nothing internal", () => {
  assert.deepEqual(wrongImports(importsOf(sources)), []);
  const surface = { ...sources, "openai/index.ts": 'import { Model } from "../index.js";\nimport { launch } from "../engine/launch.js";' };
  assert.deepEqual(wrongImports(importsOf(surface)), ["openai/index.ts imports engine/launch.ts"]);
  const sideways = { ...sources, "openai/index.ts": 'import { createRouter } from "../router/index.js";' };
  assert.deepEqual(wrongImports(importsOf(sideways)), ["openai/index.ts imports router/index.ts"]);
  const upwards = { ...sources, "files/hub.ts": 'import type { Piece } from "../model/stream.js";' };
  assert.deepEqual(wrongImports(importsOf(upwards)), ["files/hub.ts imports model/stream.ts"]);
});

test("no file is longer than 400 lines", () => {
  const long = Object.entries(sources).filter(([, text]) => text.split("\n").length > 400);
  assert.deepEqual(long.map(([file]) => file), []);
});

test("the codes of errors are those that the engine gives, and those that are made here", () => {
  const rust = [...readFileSync(join(ROOT, "src/error.rs"), "utf8").matchAll(/=> "([a-z-]+(?:\/[a-z-]+)?)",/g)].map(([, code]) => code);
  const made = Object.values(sources).flatMap((text) => [...text.matchAll(/Error\(\s*"([a-z-]+\/[a-z-]+)"/g)].map(([, code]) => code));
  const union = /export type ErrorCode =(.*?);\n\n/s.exec(sources["errors.ts"])[1];
  const declared = [...union.matchAll(/\| "([^"]+)"/g)].map(([, code]) => code);
  assert.equal(new Set(declared).size, declared.length);
  assert.ok(rust.length > 10 && made.length > 8);
  assert.deepEqual([...new Set([...rust, ...made])].sort(), [...declared].sort());
});
