// What the web platform tests ask of the built-in AI APIs, asked of nanolm/built-in-ai in Chromium: tests/web/wpt/ has a test of our own for
// each thing that they ask for, with the name of their file. The table in docs/built-in-ai.md is what comes out:
// `NANOLM_WRITE=1 node --test tests/web/wpt.test.mjs` writes it.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";
import { KNOWN } from "./wpt/known.mjs";

const APIS = { Summarizer: "summarizer", Writer: "writer", Rewriter: "rewriter", Proofreader: "proofreader", Translator: "translator", LanguageDetector: "language-detector", LanguageModel: "language-model language-model-tools" };
const DOCS = join(ROOT, "docs/built-in-ai.md");
const [BEGIN, END] = ["<!-- made by tests/web/wpt.test.mjs -->", "<!-- end -->"];

let browser;
let app;
let other;
before(async () => {
  const mounts = { "/wpt/": join(import.meta.dirname, "wpt") };
  [app, other] = [await serveApp({ mounts, policy: null }), await serveApp({ mounts, policy: null, cors: true })];
  browser = await launch({ gpu: "none", args: ["--js-flags=--expose-gc"] });
});
after(async () => {
  await browser?.close();
  await app?.close();
  await other?.close();
});

const results = {};
const named = ({ file, name }) => `${file}: ${name}`;

describe("the web platform tests of", () => {
  for (const [api, module] of Object.entries(APIS)) {
    test(api, { timeout: 240_000 }, async () => {
      const page = await openPage(browser, app, `/index.html?elsewhere=${encodeURIComponent(other.origin)}`);
      results[api] = await page.evaluate(
        async ({ api, module }) => {
          const { run } = await import("/wpt/harness.js");
          for (const name of module.split(" ")) await import(`/wpt/${name}.js`);
          return run(api);
        },
        { api, module },
      );
      await page.context().close();
      const slow = results[api].filter(({ ms }) => ms > 3000).map((each) => `${named(each)} ${each.ms} ms`);
      if (process.env.NANOLM_TEST_VERBOSE && slow.length > 0) console.log(`  slow: ${slow.join("\n        ")}`);
      const known = KNOWN[api] ?? {};
      const failed = results[api].filter(({ status }) => status === "fail");
      const wrong = failed.filter((each) => known[named(each)] === undefined).map((each) => `${named(each)}\n    ${each.message}`);
      assert.ok(wrong.length === 0, `fail, and are not known to:\n${wrong.join("\n")}`);
      const names = failed.map(named);
      assert.deepEqual(Object.keys(known).filter((name) => !names.includes(name)), [], "known to fail, and do not");
    });
  }
});

/** As docs/built-in-ai.md has it. */
function table() {
  const rows = Object.entries(results).map(([api, all]) => {
    const count = (status) => all.filter((each) => each.status === status).length;
    return `| \`${api}\` | ${new Set(all.map(({ file }) => file)).size} | ${count("pass")} | ${count("fail")} | ${count("does not apply")} |`;
  });
  const all = Object.values(results).flat();
  const count = (status) => all.filter((each) => each.status === status).length;
  const failing = Object.entries(KNOWN).flatMap(([api, each]) => Object.entries(each).map(([name, why]) => ({ api, name: name.slice(name.indexOf(": ") + 2), why })));
  const reasons = [...new Set(failing.map(({ why }) => why))].map((why) => {
    const of = failing.filter((each) => each.why === why);
    const names = [...new Set(of.map(({ name }) => name))].map((name) => `${name} (${of.filter((each) => each.name === name).map(({ api }) => `\`${api}\``).join(", ")})`);
    return `- ${why} Fail: ${names.join("; ")}.`;
  });
  return [
    "| API | files | pass | fail | do not apply |",
    "|---|---|---|---|---|",
    ...rows,
    `| all | | ${count("pass")} | ${count("fail")} | ${count("does not apply")} |`,
    "",
    "Why some fail:",
    "",
    ...reasons,
    ...all.filter(({ status }) => status === "does not apply").map(({ name, message }) => `- Does not apply: ${name}: ${message.replace(/^Error: /, "")}.`),
  ].join("\n");
}

test("docs/built-in-ai.md says what comes out", () => {
  const docs = readFileSync(DOCS, "utf8");
  const [from, to] = [docs.indexOf(BEGIN), docs.indexOf(END)];
  assert.ok(from > 0 && to > from, "a place for the table");
  const written = `${docs.slice(0, from)}${BEGIN}\n\n${table()}\n\n${docs.slice(to)}`;
  if (process.env.NANOLM_WRITE) writeFileSync(DOCS, written);
  else assert.ok(docs === written, "the table is another: NANOLM_WRITE=1 node --test tests/web/wpt.test.mjs writes it");
});
