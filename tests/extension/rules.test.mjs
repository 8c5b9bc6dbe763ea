// Both zips keep the stores' rules, and every rule is shown to fail.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { brokenRules, LARGEST_ZIP } from "../../pkg-scripts/extension-rules.mjs";
import { unzipped, zipOf } from "./support/chromium.mjs";

for (const target of ["chromium", "firefox"]) {
  test(`${target}: the zip keeps the rules`, () => {
    const folder = unzipped(target);
    const { size } = statSync(zipOf(target));
    assert.deepEqual(brokenRules(folder, target, size), []);
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    assert.equal(manifest.manifest_version, 3);
    assert.equal(manifest.host_permissions, undefined);
    assert.match(readFileSync(join(folder, "LICENSES.txt"), "utf8"), /readability .*Apache-2\.0[\s\S]*Apache License/);
    rmSync(folder, { recursive: true });
  });
}

test("what breaks a rule is named", () => {
  const folder = unzipped("chromium");
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const after = (change) => {
    const copy = mkdtempSync(join(tmpdir(), "nanolm-broken-"));
    cpSync(folder, copy, { recursive: true });
    change((file, text) => writeFileSync(join(copy, file), text), (own) => writeFileSync(join(copy, "manifest.json"), JSON.stringify({ ...manifest, ...own })));
    const faults = brokenRules(copy, "chromium", 1000);
    rmSync(copy, { recursive: true });
    return faults.join("; ");
  };
  const policy = (text) => ({ content_security_policy: { extension_pages: text } });
  for (const [change, said] of [
    [(_, own) => own({ permissions: ["tabs"] }), /permission tabs/],
    [(_, own) => own({ host_permissions: ["<all_urls>"] }), /host_permissions/],
    [(_, own) => own(policy("default-src 'none'; script-src 'self' 'unsafe-eval'")), /script-src.*unsafe-eval/],
    [(_, own) => own(policy("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src https:")), /lets in more/],
    [(_, own) => own({ icons: { 16: "none.png" } }), /none\.png/],
    [(_, own) => own({ description: "long ".repeat(40) }), /description/],
    [(write) => write("a.js", "eval(text)"), /a\.js calls eval/],
    [(write) => write("a.js", 'import x from "https://cdn.example/x.js"'), /from elsewhere/],
    [(write) => write("a.js", "URL.createObjectURL(blob)"), /blob/],
    [(write) => write("a.html", "<script>run()</script>"), /code in the page/],
    [(write) => write("background.js", 'await import("./a.js")'), /background\.js uses import\(\)/],
    [(write) => write("a.js.map", "{}"), /does not belong/],
  ]) {
    assert.match(after(change), said);
  }
  assert.match(brokenRules(folder, "chromium", LARGEST_ZIP + 1).join(), /the zip has/);
  rmSync(folder, { recursive: true });
});
