// nanolm/search in a page: nothing is fetched for it but modules, and indexes are kept on the device.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";

let app;
let browser;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch({ gpu: "none" });
});
/** In the page: an index of a few vectors, and a query. */
const prepare = async () => {
  globalThis.search = await import("/nanolm/search/index.js");
  globalThis.made = (type) => {
    const index = new search.VectorIndex({ dimensions: 50, type });
    for (let id = 0; id < 500; id++) index.add(id, Float32Array.from({ length: 50 }, (_, i) => Math.sin(id * (i + 1) * 0.731 + i * i)));
    return index;
  };
  globalThis.query = Float32Array.from({ length: 50 }, (_, i) => Math.sin(3 * (i + 1) * 0.731 + i * i) + 0.1 * Math.cos(i));
};
// Each in a profile of its own.
beforeEach(async () => {
  page = await openPage(browser, app);
  await page.evaluate(prepare);
});
after(async () => {
  await browser?.close();
  await app?.close();
});

describe("nanolm/search", () => {
  test("finds the nearest by every type, and fetches no wasm file", async () => {
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    const found = await page.evaluate(() => ["float32", "int8", "binary"].map((type) => made(type).search(query, { k: 3 })));
    for (const [first, ...others] of found) {
      assert.equal(first.id, 3);
      assert.ok(first.score > 0.98 && first.score <= 1 && others.length === 2 && others[0].score <= first.score, JSON.stringify(found));
    }
    assert.deepEqual(asked.filter((url) => url.endsWith(".wasm")), []);
  });

  test("kept in the origin private file system, it is there after a reload, and goes when it is told to", async () => {
    await page.evaluate(() => made("int8").keep("notes/1"));
    await page.reload();
    await page.evaluate(prepare);
    const found = await page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle("nanolm-indexes");
      const files = [];
      for await (const name of folder.keys()) files.push(name);
      const index = await search.VectorIndex.open("notes/1");
      const same = JSON.stringify(index.search(query)) === JSON.stringify(made("int8").search(query));
      index.remove(3);
      await index.keep("notes/1");
      const size = (await search.VectorIndex.open("notes/1")).size;
      return { files, same, size, names: await search.list(), removed: [await search.remove("notes/1"), await search.remove("notes/1")], left: await search.list() };
    });
    assert.deepEqual(found, { files: ["notes%2F1"], same: true, size: 499, names: ["notes/1"], removed: [true, false], left: [] });
  });

  test("without that, in Cache Storage; the newer of two is read; without either it says so", async () => {
    const found = await page.evaluate(async () => {
      await made("int8").keep("a");
      const create = FileSystemFileHandle.prototype.createWritable;
      FileSystemFileHandle.prototype.createWritable = undefined;
      const index = made("int8");
      index.remove(0);
      await index.keep("a");
      const cached = (await (await caches.open("nanolm-indexes")).keys()).length;
      const sizes = [(await search.VectorIndex.open("a")).size];
      FileSystemFileHandle.prototype.createWritable = create;
      index.remove(1);
      await index.keep("a");
      sizes.push((await search.VectorIndex.open("a")).size);
      const after = (await (await caches.open("nanolm-indexes")).keys()).length;
      Object.defineProperty(navigator, "storage", { value: undefined });
      Object.defineProperty(globalThis, "caches", { value: undefined });
      const refused = await index.keep("a").catch(({ code, message }) => ({ code, message }));
      return { cached, sizes, after, refused, names: await search.list() };
    });
    assert.deepEqual([found.cached, found.sizes, found.after, found.names], [1, [499, 498], 0, []]);
    assert.equal(found.refused.code, "worker/unavailable");
    assert.match(found.refused.message, /could not be kept: this page has no storage.*save\(\)/);
  });

  test("texts by the package's own vectors, kept and opened", async () => {
    const found = await page.evaluate(async () => {
      const { Model } = await import("/nanolm/index.js");
      const model = await Model.load(undefined, { device: "cpu" });
      const index = await search.TextIndex.create(model);
      await index.add([
        { id: "bread", text: "The dough rests for an hour, then the bread is baked in a hot oven.", metadata: { page: 1 } },
        { id: "law", text: "The parliament passed a law on taxes.", metadata: { page: 2 } },
      ]);
      await index.keep("texts");
      const again = await search.TextIndex.open("texts", model);
      return [await index.search("a new tax law of the government", { k: 1 }), await again.search("a new tax law of the government", { k: 1 })];
    });
    assert.equal(found[0][0].id, "law");
    assert.deepEqual(found[0][0].metadata, { page: 2 });
    assert.deepEqual(found[1], found[0]);
  });
});
