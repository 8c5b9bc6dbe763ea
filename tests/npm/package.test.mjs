// The tarball as its users have it: in a fresh Vite app (built, and in the development server), and in a plain page with
// a module script. Pages are served under a strict policy, and any request beyond their own origin is blocked.
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build, createServer } from "vite";
import { installTarball } from "../web/support/app.mjs";
import { launch } from "../web/support/browser.mjs";
import { serve } from "../web/support/server.mjs";
import { ARTICLE } from "../web/support/texts.mjs";

const HERE = import.meta.dirname;

let browser;
let installed;
let app;
before(async () => {
  installed = installTarball("vite-app");
  app = join(installed, "../..");
  cpSync(join(HERE, "app"), app, { recursive: true });
  browser = await launch();
});
after(() => browser?.close());

/** Opens a page with everything but its origin blocked, and gives what it does on a device. */
async function summarizeAt(origin, device, type, options = {}) {
  const context = await browser.newContext();
  const blocked = [];
  await context.route(
    (url) => url.origin !== origin,
    (route) => {
      blocked.push(route.request().url());
      return route.abort();
    },
  );
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  try {
    await page.goto(`${origin}/`);
    await page.waitForFunction(() => globalThis.ready);
    const found = await page.evaluate((args) => summarize(...args), [device, ARTICLE, type, options]);
    const shown = await page.textContent("#out");
    const failing = await page.evaluate(() => failing());
    return { ...found, shown, failing, blocked, complaints };
  } finally {
    await context.close();
  }
}

function check(found, device) {
  assert.ok(found.summary.length > 10, JSON.stringify(found));
  assert.equal(found.shown, found.summary);
  assert.equal(found.kind, device);
  assert.equal(found.failing.ours, true);
  assert.equal(found.failing.name, "DownloadError", "class names survive the bundler");
  assert.deepEqual(found.blocked, []);
  // The browser itself reports the missing file that `failing` asks for.
  assert.deepEqual(found.complaints.filter((text) => !/404|Not Found/.test(text)), []);
}

test("the tarball holds what it should and nothing else", () => {
  const files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
  for (const needed of [
    "package.json", "README.md", "LICENSE", "THIRD_PARTY_NOTICES", "dist/index.js", "dist/index.d.ts", "dist/worker.js",
    "dist/engine-simd128.wasm", "dist/engine-relaxed.wasm", "dist/engine-threads.wasm", "dist/grammar.wasm",
    "dist/worker-threads.js", "dist/thread.js", "dist/model/nanolm-default.gguf", "dist/model/MODEL_CARD.md",
    "dist/model/nanolm-table.gguf", "dist/model/TABLE_CARD.md", "dist/model/TABLE_LICENSE.md",
    ...["names", "topic", "sentiment", "clinc150", "banking77", "snips"].map((part) => `dist/model/nanolm-${part}.gguf`), "dist/model/HEADS_CARD.md",
  ]) {
    assert.ok(files.includes(needed), `${needed} in ${files.join(", ")}`);
  }
  for (const file of files) assert.match(file, /^(package\.json|README\.md|LICENSE|THIRD_PARTY_NOTICES|dist\/([\w-]+\/)*[\w.-]+\.(js|d\.ts)|dist\/[\w.-]+\.wasm|dist\/model\/[\w.-]+\.(gguf|md))$/);
  for (const file of files.filter((file) => /\.(js|ts)$/.test(file))) {
    const source = readFileSync(join(installed, file), "utf8");
    // A worker starts from a blob where the package comes from another origin, and nowhere else (tests/web/lasting.test.mjs).
    const text = file === "dist/engine/elsewhere.js" ? source.replace("createObjectURL", "") : source;
    assert.doesNotMatch(text, /\beval\(|new Function\(|createObjectURL|importScripts/, `${file}: nothing that a strict policy refuses`);
    assert.doesNotMatch(source, /https?:\/\/(?!(www\.)?w3\.org|github\.com)[\w.-]*\b(cdn|unpkg|jsdelivr)\b/, `${file}: nothing from elsewhere`);
  }
  const { dependencies } = JSON.parse(readFileSync(join(installed, "package.json")));
  assert.equal(dependencies, undefined);
  assert.ok(statSync(join(installed, "dist/model/nanolm-default.gguf")).size <= 10 * 1024 * 1024);
});

describe("a Vite app", () => {
  let server;
  before(async () => {
    await build({ root: app, logLevel: "error", configFile: false });
    server = await serve({ "/": join(app, "dist") });
  });
  after(() => server?.close());

  for (const [device, type] of [["cpu", "key-points"], ["cpu", "tldr"], ["gpu", "key-points"], ["gpu", "headline"]]) {
    test(`built: ${type} on ${device}`, async () => check(await summarizeAt(server.origin, device, type), device));
  }

  test("built: every build of the engine is there and starts", async () => {
    const found = await summarizeAt(server.origin, "cpu", "key-points");
    assert.equal(found.build, "relaxed", found.reason);
    const isolated = await serve({ "/": join(app, "dist") }, { isolated: true });
    try {
      for (const options of [{ build: "simd128" }, { build: "relaxed" }, { threads: 2 }]) {
        const other = await summarizeAt(isolated.origin, "cpu", "key-points", options);
        check(other, "cpu");
        assert.equal(other.build, options.build ?? "threads", other.reason);
        assert.equal(other.threads, options.threads ?? 1, other.reason);
        assert.equal(other.summary, found.summary);
      }
    } finally {
      await isolated.close();
    }
  });

  test("development server", async () => {
    // The worker and the wasm file are found relative to the package's own modules, which pre-bundling would move.
    const dev = await createServer({
      root: app,
      logLevel: "error",
      configFile: false,
      optimizeDeps: { exclude: ["nanolm"] },
      server: { port: 0, host: "127.0.0.1" },
    });
    try {
      await dev.listen();
      const { port } = dev.httpServer.address();
      const found = await summarizeAt(`http://127.0.0.1:${port}`, "cpu", "key-points");
      assert.ok(found.summary.length > 10, JSON.stringify(found));
      assert.deepEqual(found.blocked.filter((url) => !url.startsWith("ws:")), []);
    } finally {
      await dev.close();
    }
  });
});

describe("a plain page with a module script", () => {
  let server;
  before(async () => {
    server = await serve({ "/": join(HERE, "plain"), "/nanolm/": join(installed, "dist") });
  });
  after(() => server?.close());

  for (const device of ["cpu", "gpu"]) {
    test(`key points on ${device}`, async () => check(await summarizeAt(server.origin, device, "key-points"), device));
  }
});
