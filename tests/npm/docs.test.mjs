// docs/api.md and docs/errors.md say what the types and their comments say, and every export is in them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../web/support/browser.mjs";

const read = (path) => readFileSync(join(ROOT, path), "utf8");

test("the documents are those that the sources give", () => {
  execFileSync(process.execPath, [join(ROOT, "pkg-scripts/npm/api.mjs")], { stdio: "pipe" });
});

test("every export has a section, and every code of an error a line with words", () => {
  const api = read("docs/api.md");
  const index = read("pkg-scripts/npm/src/index.ts");
  const names = [...index.matchAll(/\{([^}]+)\}/g)].flatMap(([, list]) => list.split(",").map((name) => name.trim()).filter(Boolean));
  assert.ok(names.length > 30);
  for (const name of names) assert.match(api, new RegExp(`^### ${name}$`, "m"));
  const lines = read("docs/errors.md").split("\n").filter((line) => line.startsWith("| `"));
  assert.ok(lines.length > 20);
  for (const line of lines) assert.match(line, /^\| `[a-z/-]+` \| \S.{20,} \|$/);
});
