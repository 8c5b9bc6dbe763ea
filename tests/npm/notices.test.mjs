// Whose work is compiled into the package is named in it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";

const ROOT = resolve(import.meta.dirname, "../..");
const PACKAGE = join(ROOT, "pkg-scripts/npm");

test("the notices name every part that is compiled in, and the package carries them", () => {
  const notices = readFileSync(join(PACKAGE, "THIRD_PARTY_NOTICES"), "utf8");
  for (const part of ["wgpu", "serde_json", "@huggingface/jinja", "wasm-bindgen", "llguidance"]) {
    assert.match(notices, new RegExp(`^${part} \\d`, "m"), part);
  }
  assert.ok(notices.includes("the Rust standard library"));
  assert.ok(JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")).files.includes("THIRD_PARTY_NOTICES"));
  const { status, stderr } = spawnSync(process.execPath, [join(PACKAGE, "notices.mjs"), "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});

test("no engine names a folder of whoever built it", () => {
  for (const module of ["engine-simd128", "engine-relaxed", "engine-threads", "grammar"]) {
    const wasm = readFileSync(join(PACKAGE, `dist/${module}.wasm`), "latin1");
    for (const folder of [homedir(), ROOT]) assert.equal(wasm.split(`${folder}/`).length - 1, 0, `${module}: ${folder}`);
  }
});
