// Downloads, the cache, and everything that can go wrong before there is a model.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { openPage, serveApp, workersEnd } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";
import { POLICY } from "./support/server.mjs";

const MODEL = "/golden/tiny-llama/model-q8_0.gguf";
const SIZE = readFileSync(join(ROOT, "tests", MODEL.slice(1))).length;

let app;
let browser;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch();
});
beforeEach(async () => {
  page = await openPage(browser, app);
});
after(async () => {
  await browser?.close();
  await app?.close();
});

/** Loads in the page and gives its name, its error and how far progress came. */
const load = (source, options = {}) =>
  page.evaluate(
    async ([source, options]) => {
      const progress = [];
      try {
        const model = await nanolm.Model.load(source, {
          device: "cpu",
          ...options,
          onProgress: ({ phase, loaded, total }) => progress.push([phase, loaded, total]),
        });
        const text = await model.generate("The keeper", { maxNewTokens: 4 }).text();
        await model.dispose();
        return { text, progress };
      } catch (error) {
        return { error: shown(error), progress };
      }
    },
    [source, options],
  );
const requestsOf = (path, method = "GET") => app.requests.filter((request) => request.path === path && request.method === method).length;
const entries = () =>
  page.evaluate(async () => {
    const found = [];
    for (const name of await caches.keys()) for (const request of await (await caches.open(name)).keys()) found.push(request.url);
    return found;
  });

describe("downloads", () => {
  for (const [name, query] of Object.entries({
    "with a length": "",
    "without a length": "?nolength",
    "compressed": "?gzip",
    "slowly": "?slow=5",
  })) {
    test(name, async () => {
      const { text, error, progress } = await load(MODEL + query);
      assert.equal(error, undefined);
      assert.ok(text.length > 0);
      const bytes = progress.filter(([phase]) => phase === "download");
      assert.equal(bytes.at(-1)[1], SIZE);
      for (let i = 1; i < bytes.length; i++) assert.ok(bytes[i][1] >= bytes[i - 1][1], "progress only grows");
      if (query === "" || query.startsWith("?slow")) assert.equal(bytes.at(-1)[2], SIZE);
    });
  }

  test("compressed on another origin, which hides that: the length it tells is not the file's", async () => {
    const open = await serveApp({ policy: `${POLICY}; connect-src *` });
    const other = await serveApp({ cors: true });
    page = await openPage(browser, open);
    const { text, error, progress } = await load(`${other.origin}${MODEL}?gzip`);
    await open.close();
    await other.close();
    assert.equal(error, undefined);
    assert.ok(text.length > 0);
    assert.equal(progress.filter(([phase]) => phase === "download").at(-1)[1], SIZE);
  });

  for (const [name, query] of Object.entries({ "with a length": "", "without a length": "&nolength" })) {
    test(`broken off, ${name}: says so, keeps nothing, and loads the next time`, async () => {
      const { error } = await load(`${MODEL}?cut=10000${query}`);
      assert.equal(error?.code, "download/incomplete", JSON.stringify(error));
      assert.equal(error.className, "DownloadError");
      assert.ok(error.details.found <= 10000, "what arrived before the break");
      if (query === "") assert.equal(error.details.expected, SIZE);
      assert.deepEqual(await entries(), []);
      assert.equal((await load(MODEL)).error, undefined);
    });
  }

  test("aborted: rejects with AbortError, keeps nothing, ends the worker, and loads the next time", async () => {
    const slow = `${MODEL}?slow=30`;
    const error = await page.evaluate(async (source) => {
      const controller = new AbortController();
      const onProgress = ({ phase, loaded }) => phase === "download" && loaded > 0 && controller.abort();
      return failure(nanolm.Model.load(source, { device: "cpu", signal: controller.signal, onProgress }));
    }, slow);
    assert.equal(error?.name, "AbortError", JSON.stringify(error));
    assert.ok(error.isDOMException);
    await workersEnd(page);
    // Had the worker's end been taken for the file's, an entry would show up about now.
    await page.waitForTimeout(500);
    assert.deepEqual(await entries(), [], "no partial entry");
    assert.equal((await load(slow)).error, undefined);
  });

  test("aborted while loading", async () => {
    const errors = await page.evaluate(async () => {
      const errors = [];
      for (const phase of ["read", "device"]) {
        const controller = new AbortController();
        const onProgress = (progress) => progress.phase === phase && controller.abort();
        errors.push(await failure(nanolm.Model.load(undefined, { device: "gpu", signal: controller.signal, onProgress })));
      }
      return errors;
    });
    for (const error of errors) assert.equal(error?.name, "AbortError", JSON.stringify(error));
  });

  for (const [name, source, code, className] of [
    ["not there", "/golden/none.gguf", "download/status", "DownloadError"],
    ["a page in its place", `${MODEL}?page`, "download/not-a-file", "DownloadError"],
    ["another origin that does not allow it", "http://127.0.0.1:9/model.gguf", "download/network", "DownloadError"],
    ["no model file", "/garbage/text.gguf", "format/invalid", "ModelFileError"],
  ]) {
    test(`${name}: ${code}`, async () => {
      const { error } = await load(source);
      assert.equal(error?.code, code, JSON.stringify(error));
      assert.equal(error.className, className);
      assert.equal(error.isNanolmError, true);
      assert.ok(error.message.length > 30, error.message);
    });
  }

  test("a truncated model file", async () => {
    const error = await page.evaluate(async (path) => {
      const bytes = await (await fetch(path)).arrayBuffer();
      return failure(nanolm.Model.load(bytes.slice(0, 20000), { device: "cpu" }));
    }, MODEL);
    assert.equal(error?.code, "format/truncated", JSON.stringify(error));
    assert.equal(error.className, "ModelFileError");
  });

  test("an engine that does not start says which of the reasons it is", async () => {
    const problems = await page.evaluate(async () => {
      const problemOf = async (name, build) => {
        const { Model } = await import(`/damaged/${name}/index.js`);
        return Model.load("/golden/tiny-llama/", { build }).catch((error) => [error.code, error.details.problem]);
      };
      return [await problemOf("norelaxed", "relaxed"), await problemOf("badrelaxed", "relaxed")];
    });
    const strict = await serveApp({ policy: POLICY.replace("'wasm-unsafe-eval'", "") });
    page = await openPage(browser, strict);
    const refused = await page.evaluate(() => failure(nanolm.Model.load("/golden/tiny-llama/")));
    await strict.close();
    assert.deepEqual([...problems, [refused.code, refused.details.problem]], [
      ["worker/wasm", "missing"],
      ["worker/wasm", "damaged"],
      ["worker/wasm", "policy"],
    ]);
  });

  for (const [name, code] of [["noworkers", "worker/start"], ["allwasm", "worker/wasm"]]) {
    test(`a damaged installation: ${code}`, async () => {
      const error = await page.evaluate(async (name) => {
        const { Model, NanolmError } = await import(`/damaged/${name}/index.js`);
        return Model.load("/golden/tiny-llama/").then(
          () => undefined,
          (error) => ({ code: error.code, message: error.message, ours: error instanceof NanolmError }),
        );
      }, name);
      assert.equal(error?.code, code, JSON.stringify(error));
      assert.ok(error.ours);
    });
  }
});

test("a worker that dies rejects every call, and says to load again", async () => {
  const errors = await page.evaluate(async () => {
    const { Model, WorkerError } = await import("/broken/crash/index.js");
    const model = await Model.load(undefined, { device: "cpu" });
    const told = (call) =>
      call.then(
        () => undefined,
        (error) => ({ code: error.code, message: error.message, known: error instanceof WorkerError }),
      );
    // Longer than the page takes to hear of it, on a busy machine too.
    const options = { maxNewTokens: 400, temperature: 1 };
    const [, queued] = await Promise.all(["The keeper", "The lamp"].map((text) => told(model.generate(text, options).text())));
    return [queued, await told(model.generate("later", options).text())];
  });
  for (const error of errors) {
    assert.equal(error?.code, "worker/crashed", JSON.stringify(errors));
    assert.match(error.message, /died for the test.*Load the model again/);
    assert.ok(error.known);
  }
});

describe("cache", () => {
  test("a whole file is kept and not downloaded again", async () => {
    const before = requestsOf(MODEL);
    await load(MODEL);
    assert.equal((await entries()).length, 2, "what describes it, and its one chunk");
    const { text, progress } = await load(MODEL);
    assert.ok(text.length > 0);
    assert.equal(requestsOf(MODEL) - before, 1);
    assert.equal(progress.filter(([phase]) => phase === "download").at(-1)[1], SIZE);
  });

  for (const query of ["?gzip&whole", "?gzip&whole&etag", "?gzip"]) {
    test(`a server whose HEAD tells another length than its GET (${query}): kept all the same`, async () => {
      const before = requestsOf(MODEL);
      const { text } = await load(MODEL + query);
      for (let again = 0; again < 3; again++) assert.equal((await load(MODEL + query)).text, text);
      assert.equal(requestsOf(MODEL) - before, 1);
    });
  }

  test("cache: false keeps nothing and reads nothing", async () => {
    const before = requestsOf(MODEL);
    await load(MODEL, { cache: false });
    await load(MODEL, { cache: false });
    assert.deepEqual(await entries(), []);
    assert.equal(requestsOf(MODEL) - before, 2);
  });

  for (const broken of ["fullcache", "stuckcache", "nocache"]) {
    test(`a store that cannot keep it (${broken}) is no reason to fail`, async () => {
      const { text, notes } = await page.evaluate(
        async ([broken, source]) => {
          const { Model } = await import(`/broken/${broken}/index.js`);
          const model = await Model.load(source, { device: "cpu" });
          return { text: await model.generate("The keeper", { maxNewTokens: 4 }).text(), notes: model.info.notes };
        },
        [broken, MODEL],
      );
      assert.ok(text.length > 0);
      // A page without a store knows that it has none.
      if (broken === "nocache") assert.deepEqual(notes, []);
      else assert.match(notes.join(), /could not be kept for later loads: this site's storage is full/);
      assert.deepEqual(await entries(), []);
    });
  }

  test("a file that changed on the server is fetched anew", async () => {
    await load(MODEL);
    await page.evaluate(async (path) => {
      const store = await caches.open("nanolm-files-v2");
      const entry = await (await store.match(path)).json();
      entry.version.modified = "Thu, 01 Jan 2015 00:00:00 GMT";
      await store.put(path, new Response(JSON.stringify(entry)));
    }, MODEL);
    const before = requestsOf(MODEL);
    assert.equal((await load(MODEL)).error, undefined);
    assert.equal(requestsOf(MODEL) - before, 1);
  });
});

describe("offline", () => {
  test("after a reload without a server, the page summarizes", async () => {
    const own = await serveApp();
    const first = await openPage(browser, own, "/offline.html");
    await first.evaluate(() => globalThis.registered);
    // The first load was not under the service worker's control yet.
    await first.reload();
    await first.waitForFunction(() => globalThis.ready && navigator.serviceWorker.controller);
    const run = () =>
      first.evaluate(async () => {
        const model = await nanolm.Model.load(undefined, { device: "cpu" });
        return model.summarize("The lamp was lit. The ships came home. Nobody was hurt in the storm.", { type: "key-points" }).text();
      });
    const online = await run();
    await own.close();
    await first.reload();
    await first.waitForFunction(() => globalThis.ready);
    assert.equal(await run(), online);
    assert.ok(online.length > 0);
    await first.context().close();
  });
});
