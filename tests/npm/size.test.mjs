// What a browser downloads has a budget: the engine with its JavaScript, for every build. `pkg-scripts/bench size` says what the
// bytes are.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { BUDGET, loadedAtOnce, sizes } from "../../pkg-scripts/sizes.mjs";
import { functions, section, written } from "../../pkg-scripts/wasm.mjs";
import { named, order } from "../../pkg-scripts/function-order.mjs";
import { owner } from "../bench/size.mjs";
import { ROOT } from "../web/support/browser.mjs";

const { builds, code, grammar, models } = sizes(join(ROOT, "pkg-scripts/npm/dist"));

/** No part of the budget: most pages never ask for it. */
const MOST_FOR_GRAMMAR = 450_000;

test("every build fits the budget", () => {
  assert.deepEqual(Object.keys(builds), ["simd128", "relaxed", "threads"]);
  for (const [build, { code }] of Object.entries(builds)) {
    assert.ok(code.gzip > 100_000 || build === "threads", `${build}: ${code.gzip} bytes are no engine`);
    assert.ok(code.gzip <= BUDGET, `${build}: ${code.gzip} bytes gzipped, the budget is ${BUDGET}; pkg-scripts/bench size says what they are`);
  }
});

test("what structured output needs is a file of its own, fetched when it is first used", () => {
  assert.ok(grammar.gzip > 100_000 && grammar.gzip <= MOST_FOR_GRAMMAR, `${grammar.gzip} bytes gzipped, at most ${MOST_FOR_GRAMMAR}`);
});

test("a page that uses none of the surfaces downloads nothing of them", () => {
  const surfaces = ["openai", "ai-sdk", "built-in-ai", "router", "react", "elements", "extension", "cli", "store", "search", "extract", "readability.js"];
  const files = loadedAtOnce(join(ROOT, "pkg-scripts/npm/dist"));
  assert.ok(files.includes("model/model.js"), files.join());
  assert.deepEqual(files.filter((file) => surfaces.includes(file.split("/")[0])), []);
});

test("what a visitor downloads at most is 8 MB: the engine, the default model, the embedding table, labels and names", () => {
  assert.deepEqual(Object.keys(models).sort(), ["banking77", "clinc150", "default", "names", "sentiment", "snips", "table", "topic"]);
  assert.ok(models.table.raw > 500_000 && models.table.raw <= 4_000_000, `${models.table.raw} bytes of table`);
  // They are counted as they are: few servers compress files of their kind.
  const all = Object.values(models).reduce((all, { raw }) => all + raw, code.gzip);
  assert.ok(all <= 8_000_000, `${all} bytes`);
});

test("functions are counted for their crates", () => {
  assert.equal(owner("nanolm::cpu::linear::run::h0123456789abcdef", 2), "nanolm::cpu");
  assert.equal(owner("<nanolm::text::Tokenizer as core::fmt::Debug>::fmt::h0123456789abcdef", 1), "nanolm");
  assert.equal(owner("<T as alloc::string::ToString>::to_string", 1), "alloc");
  assert.equal(owner("memcpy", 1), "(no crate)");
  // A module with one function of three bytes, called a::b.
  const wasm = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 5, 1, 3, 0, 1, 11];
  const names = [0, 14, 4, ...Buffer.from("name"), 1, 7, 1, 0, 4, ...Buffer.from("a::b")];
  const { imported, functions: found, data } = functions(Buffer.from([...wasm, ...names]));
  assert.deepEqual([imported, found.map(({ name, size }) => [name, size]), data], [0, [["a::b", 3]], 0]);
});

/** A module of functions that add up these constants, all below 64. */
function adders(bodies) {
  const bytes = bodies.map((constants) => {
    // Signed numbers below 64 are one byte.
    const sum = constants.flatMap((constant, i) => [0x41, constant, ...(i > 0 ? [0x6a] : [])]);
    return [0, ...sum, 0x0b];
  });
  const code = bytes.flatMap((body) => [...written(body.length), ...body]);
  const count = written(bodies.length);
  return Buffer.concat([
    Buffer.from([0, 97, 115, 109, 1, 0, 0, 0]),
    section(1, Buffer.from([1, 0x60, 0, 1, 0x7f])),
    section(3, count, Buffer.alloc(bodies.length)),
    section(10, count, Buffer.from(code)),
    section(0, Buffer.from([4]), Buffer.from("name")),
  ]);
}

test("functions that are alike come together, each once", () => {
  // Three kinds, in turns, with something of its own each.
  const kinds = [3, 5, 7].map((kind) => Array.from({ length: 30 }, (_, i) => (kind * (i + 1)) % 60));
  const module = adders(Array.from({ length: 30 }, (_, i) => [...kinds[i % 3], i]));
  const { functions: found } = functions(module);
  assert.ok(found.length === 30 && WebAssembly.validate(module));
  const places = order(found.map(({ body }) => body));
  assert.deepEqual([...places].sort((a, b) => a - b), [...found.keys()]);
  const turns = places.filter((place, i) => i > 0 && place % 3 !== places[i - 1] % 3).length;
  assert.equal(turns, 2, places.join());
  // Named by their places, and nothing else is changed.
  const again = named(module);
  assert.ok(WebAssembly.validate(again));
  const renamed = functions(again).functions;
  assert.deepEqual(renamed.map(({ body }) => body), found.map(({ body }) => body));
  assert.deepEqual(places.map((at) => renamed[at].name), places.map((_, place) => `f${String(place).padStart(6, "0")}`));
});

/** What a module imports at once. */
const imported = (file) =>
  [...readFileSync(join(ROOT, "pkg-scripts/npm/dist", file), "utf8").matchAll(/\b(?:from|import)\s*"(\.[^"]+)"/g)].map(([, path]) => normalize(join(dirname(file), path)));

test("an entry names every module that it needs at once, so that a page asks for all of them together", () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "pkg-scripts/npm/package.json"), "utf8"));
  const entries = Object.values(exports).flatMap((entry) => (entry.default ? [entry.default.replace("./dist/", "")] : []));
  assert.ok(entries.includes("index.js") && entries.length > 5, entries.join());
  for (const entry of entries) {
    const needed = new Set([entry]);
    for (const file of needed) for (const other of imported(file)) needed.add(other);
    assert.deepEqual([...needed].filter((file) => file !== entry && !imported(entry).includes(file)), [], entry);
  }
});

test("a worker is one file", () => {
  for (const worker of ["worker.js", "worker-threads.js", "thread.js"]) assert.deepEqual(imported(worker), [], worker);
});
