// What Model.check knows of the engine is what the engine's own tables say: architectures, tokenizers, refused settings, storage types.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { ROOT } from "../web/support/browser.mjs";

const built = (path) => import(pathToFileURL(join(ROOT, "pkg-scripts/npm/dist", path)));
const known = await built("model/check/known.js");
const { OTHER_TYPES, TYPES } = await built("files/types.js");

const source = (path) => readFileSync(join(ROOT, "src", path), "utf8");
const sources = (folder) =>
  readdirSync(join(ROOT, "src", folder))
    .filter((name) => name.endsWith(".rs"))
    .map((name) => ({ name, text: source(`${folder}/${name}`) }));
const texts = (list) => [...list.matchAll(/"([^"]+)"/g)].map(([, text]) => text);
const sorted = (list) => [...list].sort();

test("architectures and model classes", () => {
  const names = sources("arch").flatMap(({ text }) => [...text.matchAll(/known: &\[([^\]]*)\]/g)].flatMap(([, list]) => texts(list)));
  const isClass = (name) => /^[A-Z]/.test(name);
  assert.ok(names.length > 30, names.join());
  assert.deepEqual(sorted(known.ARCHITECTURES), sorted(names.filter((name) => !isClass(name))));
  assert.deepEqual(sorted([...known.DECODERS, ...known.ENCODERS, ...known.ENCODER_DECODERS]), sorted(names.filter(isClass)));
  const families = ["bert", "modernbert", "nomic_bert", "gemma_embedding", "t5_encoder"].map((name) => source(`arch/${name}.rs`)).join("");
  const bert = [...families.matchAll(/known: &\[([^\]]*)\]/g)].flatMap(([, list]) => texts(list));
  assert.deepEqual(sorted(known.ENCODERS), sorted(bert.filter(isClass)));
});

test("settings that are refused, and those that a family reads", () => {
  const [, table] = /const REFUSED[^=]*= \[([\s\S]*?)\n\];/.exec(source("arch/gguf.rs"));
  const refused = Object.fromEntries([...table.matchAll(/\("([^"]+)", ([\d.]+)\)/g)].map(([, key, off]) => [key, Number(off)]));
  assert.ok(Object.keys(refused).length > 5);
  assert.deepEqual({ ...known.REFUSED }, refused);
  for (const [architecture, keys] of Object.entries(known.READ)) {
    const family = sources("arch").find(({ text }) => [...text.matchAll(/gguf: Origin \{\s*known: &\[([^\]]*)\]/g)].some(([, list]) => texts(list).includes(architecture)));
    for (const key of keys) assert.ok(family.text.includes(`"${key}"`), `${family.name} does not read ${key}`);
  }
  // Every family that names a setting of the table reads it.
  for (const { name, text } of sources("arch").filter(({ name }) => name !== "gguf.rs")) {
    const [, architectures] = /gguf: Origin \{\s*known: &\[([^\]]*)\]/.exec(text) ?? [];
    if (architectures === undefined) continue;
    // Keys of Hugging Face files have no dots and may have the same names: only those of the functions for GGUF count.
    const own = /fn from_gguf[\s\S]*?\n\}/.exec(text)?.[0] ?? "";
    const read = Object.keys(refused).filter((key) => own.includes(`"${key}"`));
    for (const architecture of texts(architectures)) {
      assert.deepEqual(sorted(known.READ[architecture] ?? []), sorted(read), `${name}: ${architecture}`);
    }
  }
});

test("tokenizers and how they cut", () => {
  const text = source("text/from_gguf/mod.rs");
  const kinds = [...text.matchAll(/^ {8}"(\w+)" => Ok\(Kind::/gm)].map(([, kind]) => kind);
  assert.deepEqual(sorted(known.TOKENIZERS), sorted(kinds));
  const [, list] = /const SUPPORTED_PRE: &str = "([\s\S]*?)";/.exec(text);
  assert.deepEqual(sorted(known.CUTS), sorted(["default", ...list.replace(/\\\s*/g, "").split(", ")]));
});

test("storage types: numbers, blocks and bytes", () => {
  const number = (text, name) => Number(new RegExp(`const ${name}: \\w+ = (\\d+);`).exec(text)?.[1]);
  const rows = [...source("quant/mod.rs").matchAll(/^ {4}(\w+) in (\w+),$/gm)].map(([, name, stem]) => {
    const text = source(`quant/${stem}.rs`);
    return { name, id: number(text, "GGUF_ID"), elements: number(text, "LEN"), bytes: number(text, "BYTES") };
  });
  assert.ok(rows.length >= 18);
  assert.deepEqual(TYPES, rows);
  const others = [...source("quant/ggml.rs").matchAll(/\((\d+), "(\w+)"\)/g)].map(([, id, name]) => [id, name]);
  assert.deepEqual({ ...OTHER_TYPES }, Object.fromEntries(others));
});
