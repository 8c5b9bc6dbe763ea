// The demo page on a plain static host: under a path of its own, without any special header.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, ROOT } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

const SITE = join(ROOT, "build/site");
const missing = existsSync(join(SITE, "nanolm/model/nanolm-default.gguf")) ? false : "build/site/ has no default model";
if (missing) console.log(`SKIPPED site: ${missing}`);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATH = "/some/where/";

describe("site on a static host", { skip: missing }, () => {
  let browser, server, context;
  before(async () => {
    browser = await launch();
    server = await serve({ [PATH]: SITE }, { policy: null });
    context = await browser.newContext();
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  const says = (page, id, pattern) =>
    page.waitForFunction(([id, pattern]) => new RegExp(pattern).test(document.getElementById(id).textContent), [id, pattern], { timeout: 60_000 });
  async function visit(query = "", options = {}) {
    const page = await (options.context ?? context).newPage();
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(error.message));
    await page.goto(`${server.origin}${PATH}${query}`);
    await says(page, "load-text", "^Loaded");
    return page;
  }
  const pointsOf = async (page) => {
    await page.waitForSelector("#summary .point-text", { timeout: 60_000 });
    await page.waitForFunction(() => document.getElementById("summary").getAttribute("aria-busy") === "false");
    return page.locator("#summary .point-text").allTextContents();
  };
  let points;

  test("a first visit shows the key points of the sample without a click, and gets every large file once", async () => {
    const page = await visit();
    points = await pointsOf(page);
    assert.ok(points.length >= 3, `${points.length} points`);
    await says(page, "offline-text", "^Works offline");
    const twice = [];
    const seen = new Set();
    for (const { method, path, status, bytes } of server.requests) {
      if (method !== "GET" || status !== 200 || !/\.(wasm|gguf)$/.test(path)) continue;
      if (seen.has(path) && bytes > 0) twice.push(path);
      seen.add(path);
    }
    assert.deepEqual(twice, []);
    const engines = [...seen].filter((path) => path.endsWith(".wasm")).map((path) => path.split("/").at(-1));
    assert.deepEqual(engines.sort(), ["engine-relaxed.wasm", "engine-threads.wasm"]);
    assert.deepEqual(page.problems, []);
    await page.close();
  });

  test("the second visit is isolated and has threads, and gives the same points", async () => {
    const page = await visit();
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    assert.deepEqual(await pointsOf(page), points);
    assert.match(await page.textContent("#device-reason"), /threads/);
    await page.close();
  });

  test("it can be installed, and takes a text that another app shares", async () => {
    const manifest = JSON.parse(readFileSync(join(SITE, "manifest.webmanifest"), "utf8"));
    for (const { src } of manifest.icons) assert.ok(existsSync(join(SITE, src)), src);
    const text = "The lamp was lit at dusk. The ships came home before the storm. Nobody was hurt, and the harbour stayed open.";
    const page = await visit(`?title=Shared&text=${encodeURIComponent(text)}`);
    const shared = await pointsOf(page);
    assert.ok(shared.length > 0 && shared.every((point) => text.includes(point)), JSON.stringify(shared));
    assert.equal(await page.evaluate(() => location.search), "");
    await page.close();
    const address = await visit(`?title=Shared&text=${encodeURIComponent("https://news.example/article")}`);
    assert.match(await address.textContent("#summary"), /^Only an address was shared/);
    await address.close();
  });

  test("it says where it is, and offers to be installed where the browser asks", async () => {
    const folder = mkdtempSync(join(tmpdir(), "nanolm-site-"));
    const out = join(folder, "site");
    execFileSync(join(ROOT, "pkg-scripts/site"), ["--no-build", "--out", out, "--url", "https://example.org/demo"], { stdio: "ignore" });
    const html = readFileSync(join(out, "index.html"), "utf8");
    assert.match(html, /og:image" content="https:\/\/example\.org\/demo\/icon-512\.png"/);
    assert.match(html, /canonical" href="https:\/\/example\.org\/demo\/"/);
    const { files } = JSON.parse(readFileSync(join(out, "files.json"), "utf8"));
    assert.equal(files.find(({ path }) => path === "index.html").bytes, Buffer.byteLength(html));
    rmSync(folder, { recursive: true });
    const page = await visit();
    const asked = await page.evaluate(() => {
      const event = new Event("beforeinstallprompt", { cancelable: true });
      const asked = new Promise((resolve) => (event.prompt = () => resolve(true)));
      dispatchEvent(event);
      document.getElementById("install").click();
      return asked;
    });
    assert.ok(asked);
    await page.close();
  });

  for (const [width, scheme] of [[390, "light"], [390, "dark"], [1280, "light"], [1280, "dark"]]) {
    test(`no axe violation, ${width} pixels wide, ${scheme}`, async () => {
      const page = await visit();
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await pointsOf(page);
      await page.evaluate(AXE);
      await page.click("#model-toggle");
      await page.waitForSelector("#models li");
      for (const tab of ["summarise", "ask", "search", "entities", "keywords", "redact", "classify", "chat", "complete"]) {
        await page.click(`#tab-${tab}`);
        if (tab === "search" || tab === "redact") {
          await page.click(`#${tab}`);
          await says(page, `${tab}-text`, "^Done");
        }
        const found = await page.evaluate(async () => {
          const { violations } = await globalThis.axe.run(document);
          return violations.map(({ id, nodes }) => [id, nodes.map((node) => node.target.join(" ")).slice(0, 3)]);
        });
        assert.deepEqual(found, [], tab);
      }
      await page.close();
    });
  }

  test("with the server gone a reload works", async () => {
    const page = await visit();
    await server.close();
    await page.reload();
    await says(page, "load-text", "^Loaded");
    assert.deepEqual(await pointsOf(page), points);
  });
});
