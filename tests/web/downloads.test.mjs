// Downloads that go wrong, and what is kept of them: chunks of 16 KiB instead of 4 MiB, so that small models have several.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";

const MODEL = "/golden/tiny-llama/model-f32.gguf";
const SIZE = readFileSync(join(ROOT, "tests", MODEL.slice(1))).length;
const CHUNK = 16_384;
const BREAK = 3 * CHUNK + 5000;

let app;
let browser;
let page;
let number = 0;
before(async () => {
  app = await serveApp();
  browser = await launch();
});
beforeEach(async () => {
  page = await openPage(browser, app);
  await page.context().exposeFunction("tellRead", (url, bytes) => app.read(url, bytes));
});
after(async () => {
  await browser?.close();
  await app?.close();
});

/** An address whose first request goes wrong; each test has one of its own. */
const faulty = (fault) => `${MODEL}?first=${fault}&at=${BREAK}&test=${++number}`;
const requests = (url) => app.requests.filter((request) => request.method === "GET" && request.path === MODEL && request.of === url);
const bytes = (found) => found.reduce((sum, request) => sum + request.bytes, 0);

/** Loads in a page, and gives a text that tells models apart, or the error. */
const load = (source, where = page) =>
  where.evaluate(
    async (source) => {
      const { Model } = await import("/damaged/smallchunks/index.js");
      const loaded = [];
      try {
        const model = await Model.load(source, {
          device: "cpu",
          onProgress: ({ phase, loaded: now }) => {
            if (phase !== "download") return;
            loaded.push(now);
            void tellRead(source, now);
          },
        });
        const text = await model.generate("The keeper", { maxNewTokens: 12 }).text();
        await model.dispose();
        return { text, loaded };
      } catch (error) {
        return { code: error.code, message: error.message, loaded };
      }
    },
    source,
  );

const right = async () => {
  const { text, message } = await load(`${MODEL}?right=${++number}`);
  assert.equal(message, undefined);
  return text;
};

/** Of the store: the names of the entries, the chunks' numbers, and whether the file is known to be good. */
const kept = (url) =>
  page.evaluate(async (url) => {
    const store = await caches.open("nanolm-files-v2");
    const entry = await (await store.match(url))?.json();
    const names = (await store.keys()).map(({ url }) => new URL(url).searchParams.get("nanolm-chunk")).filter((part) => part?.startsWith(entry?.id));
    return { sound: entry?.sound, chunks: names.map((part) => Number(part.split(".")[1])).sort((a, b) => a - b) };
  }, url);

describe("a download goes on where it stopped", () => {
  for (const [name, fault] of [["broken off", "cut"], ["standing still", "stall"]]) {
    test(name, async () => {
      const url = faulty(fault);
      assert.equal((await load(url)).text, await right());
      const found = requests(url);
      assert.equal(found[0].bytes, BREAK);
      assert.equal(found.at(-1).range, `bytes=${BREAK}-${SIZE - 1}`);
      assert.equal(bytes(found), SIZE, `no byte comes twice: ${JSON.stringify(found)}`);
    });
  }

  test("in a later load, after a reload of the page, from the last whole chunk", async () => {
    // It stands still, so that nothing more is kept until it is stopped.
    const url = faulty("stall");
    const loading = page.evaluate(async (url) => {
      const { Model } = await import("/damaged/smallchunks/index.js");
      globalThis.stop = new AbortController();
      return Model.load(url, { device: "cpu", signal: globalThis.stop.signal }).then(() => "loaded", (error) => error.name);
    }, url);
    for (const end = Date.now() + 5000; (await kept(url)).chunks.length < 3; ) assert.ok(Date.now() < end, "no three chunks are kept");
    await page.evaluate(() => globalThis.stop.abort());
    assert.equal(await loading, "AbortError");
    assert.deepEqual(await kept(url), { sound: false, chunks: [0, 1, 2] });
    await page.reload();
    await page.waitForFunction(() => globalThis.ready);
    const { text, loaded } = await load(url);
    assert.equal(text, await right());
    assert.equal(loaded.at(-1), SIZE);
    assert.equal(requests(url).at(-1).range, `bytes=${3 * CHUNK}-${SIZE - 1}`);
    assert.ok(bytes(requests(url)) <= SIZE + CHUNK, `${bytes(requests(url))} of ${SIZE}`);
    assert.equal((await kept(url)).sound, true);
  });

  test("from the beginning, where nothing tells whether it is the same file", async () => {
    const url = faulty("unversioned");
    assert.equal((await load(url)).text, await right());
    assert.equal(bytes(requests(url).slice(1)) >= SIZE, true);
  });

  test("a file that changed meanwhile is never mixed with what came before", async () => {
    const url = faulty("swap");
    assert.equal((await load(url)).text, await right());
    assert.equal(requests(url).at(-1).bytes, SIZE, "all of it again");
  });
});

describe("what is kept heals", () => {
  test("damaged chunks are fetched again, the others are not", async () => {
    const url = `${MODEL}?first=none&at=${SIZE}&test=${++number}`;
    const { text } = await load(url);
    const before = requests(url).length;
    const damaged = await page.evaluate(async (url) => {
      const store = await caches.open("nanolm-files-v2");
      const { id } = await (await store.match(url)).json();
      const changed = [];
      for (const request of await store.keys()) {
        const part = new URL(request.url).searchParams.get("nanolm-chunk");
        if (part !== `${id}.2` && part !== `${id}.3` && part !== `${id}.6`) continue;
        const response = await store.match(request);
        const bytes = new Uint8Array(await response.arrayBuffer());
        if (part.endsWith("6")) {
          await store.put(request, new Response(bytes.slice(0, 100), { headers: response.headers }));
        } else {
          for (let at = 7; at < bytes.length; at += 997) bytes[at] ^= 1;
          await store.put(request, new Response(bytes, { headers: response.headers }));
        }
        changed.push(part);
      }
      return changed.length;
    }, url);
    assert.equal(damaged, 3);
    assert.equal((await load(url)).text, text);
    const again = requests(url).slice(before);
    assert.equal(bytes(again), 3 * CHUNK);
    assert.equal((await load(url)).text, text);
    assert.equal(requests(url).length, before + again.length, "whole again");
  });

  for (const [name, fault, code] of [
    ["a message instead of a model", "message", "format/invalid"],
    ["an answer without a length that ends too early", "end", "format/truncated"],
  ]) {
    test(`${name} is not found again`, async () => {
      const url = faulty(fault);
      assert.equal((await load(url)).code, code);
      assert.deepEqual((await kept(url)).chunks, []);
      assert.equal((await load(url)).text, await right());
    });
  }

  test("two tabs that load at once download once", async () => {
    const url = `${MODEL}?slow=20&test=${++number}`;
    const other = await page.context().newPage();
    await other.goto(`${app.origin}/index.html`);
    await other.waitForFunction(() => globalThis.ready);
    const [a, b] = await Promise.all([load(url), load(url, other)]);
    assert.equal(a.message ?? b.message, undefined);
    assert.equal(a.text, b.text);
    assert.equal(requests(url).length, 1);
  });
});
