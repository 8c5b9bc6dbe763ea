// nanolm/store: what is kept of downloads, and the end of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";

const FILE = "/golden/tiny-llama/model-q8_0.gguf";
const LARGER = "/golden/tiny-llama/model-f32.gguf";
const FOLDER = "/golden/tiny-gpt2/";
const PARTS = "/golden/split/";
const size = (path) => readFileSync(join(ROOT, "tests", path.slice(1))).length;

let app;
let browser;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch({ gpu: "none" });
});
// Each in a profile of its own.
beforeEach(async () => {
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    globalThis.Model = (await import("/nanolm/index.js")).Model;
    globalThis.store = await import("/nanolm/store/index.js");
    await store.clear();
    globalThis.loadAll = async (...sources) => {
      for (const source of sources) {
        await (await Model.load(source, { device: "cpu" })).dispose();
        // Times tell them apart.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    globalThis.listed = async () => (await store.list()).map((file) => ({ ...file, url: new URL(file.url).pathname, lastUsed: file.lastUsed?.getTime() ?? null }));
  });
});
after(async () => {
  await browser?.close();
  await app?.close();
});

describe("nanolm/store", () => {
  test("lists what loads have kept, the last one used first, and says what loads without the network", async () => {
    const found = await page.evaluate(
      async ([file, folder]) => {
        const empty = [await store.list(), await store.has(file), await store.has(), (await store.usage()).kept];
        await loadAll(file, folder);
        const first = await listed();
        await loadAll(file);
        return {
          empty,
          first,
          again: await listed(),
          has: [await store.has(file), await store.has(folder), await store.has(), await store.has("/golden/tiny-gemma/")],
          usage: await store.usage(),
        };
      },
      [FILE, FOLDER],
    );
    assert.deepEqual(found.empty, [[], false, false, 0]);
    for (const { url, size: told, kept, ready } of found.first) assert.deepEqual([told, kept, ready], [size(url), size(url), true], url);
    const names = (files) => files.map(({ url }) => url);
    assert.ok(names(found.first).includes(`${FOLDER}model.safetensors`) && names(found.first).includes(`${FOLDER}tokenizer.json`));
    assert.equal(names(found.first).at(-1), FILE);
    assert.equal(names(found.again)[0], FILE);
    assert.ok(found.again[0].lastUsed > found.first.at(-1).lastUsed);
    assert.deepEqual(found.has, [true, true, false, false]);
    assert.equal(found.usage.kept, found.first.reduce((sum, { size }) => sum + size, 0));
    assert.ok(found.usage.quota > found.usage.site && found.usage.site > 0);
    // What it says is so: nothing of it is fetched again.
    const before = app.requests.length;
    await page.evaluate((folder) => loadAll(folder), FOLDER);
    const asked = app.requests.slice(before).filter(({ path }) => path.startsWith(FOLDER));
    assert.ok(asked.length > 0 && asked.every(({ method, status }) => method === "HEAD" || status === 404), JSON.stringify(asked));
  });

  test("lets go of one model, of those that were not used for long, or of all", async () => {
    const found = await page.evaluate(
      async ([file, folder, parts]) => {
        await loadAll(parts, folder, file);
        const had = await store.has(parts);
        const removed = await store.remove(folder);
        const one = await listed();
        const nothing = await store.remove(folder);
        const trimmed = await store.trim((await store.list()).find(({ url }) => url.endsWith(file)).size);
        const two = await listed();
        const cleared = await store.clear();
        return { had, removed, one, nothing, trimmed, two, cleared, end: await listed(), names: await caches.open("nanolm-files-v2").then((cache) => cache.keys()).then((keys) => keys.length) };
      },
      [FILE, FOLDER, PARTS],
    );
    assert.equal(found.had, true);
    assert.ok(found.removed > size(`${FOLDER}model.safetensors`));
    assert.ok(found.one.every(({ url }) => !url.startsWith(FOLDER)) && found.one.some(({ url }) => url.startsWith(PARTS)));
    assert.equal(found.nothing, 0);
    assert.equal(found.trimmed, found.one.slice(1).reduce((sum, { size }) => sum + size, 0));
    assert.deepEqual(found.two.map(({ url }) => url), [FILE]);
    assert.equal(found.cleared, size(FILE));
    assert.deepEqual([found.end, found.names], [[], 0]);
  });

  test("tells the part that is there of a download that was stopped, which a load then goes on with", async () => {
    const found = await page.evaluate(async (file) => {
      const small = await import("/damaged/smallchunks/store/index.js");
      const { Model } = await import("/damaged/smallchunks/index.js");
      const url = `${file}?first=stall&at=70000&test=store`;
      const stop = new AbortController();
      const loading = Model.load(url, { device: "cpu", signal: stop.signal }).catch((error) => error.name);
      for (const end = Date.now() + 8000; Date.now() < end && ((await small.list())[0]?.kept ?? 0) < 65_536; ) await new Promise((resolve) => setTimeout(resolve, 20));
      stop.abort();
      await loading;
      const part = await small.list();
      const has = await small.has(url);
      await (await Model.load(url, { device: "cpu" })).dispose();
      return { part, has, whole: await small.list(), after: await small.has(url) };
    }, LARGER);
    const [part] = found.part;
    assert.deepEqual([part.kept, part.size, part.ready, part.lastUsed, found.has], [65_536, size(LARGER), false, null, false]);
    assert.deepEqual([found.whole[0].kept, found.whole[0].ready, found.after], [size(LARGER), true, true]);
  });

  test("says what is wrong", async () => {
    const errors = await page.evaluate(async () => ({
      blob: await failure(store.has(new Blob(["x"]))),
      bytes: await failure(store.remove({ "model.gguf": new Uint8Array(4) })),
      budget: await failure(store.trim(-1)),
    }));
    for (const [name, error] of Object.entries(errors)) assert.equal(error?.code, "option/invalid", name);
  });
});
