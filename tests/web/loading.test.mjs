// Sources, downloads, the cache, and everything that can go wrong before there is a model.
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

describe("sources", () => {
  test("an address, a Blob, a File, buffers, files by name and a list of files give the same model", async () => {
    const texts = await page.evaluate(async (path) => {
      const bytes = async (path) => (await fetch(path)).arrayBuffer();
      const folder = "/golden/tiny-llama/";
      const gguf = await bytes(path);
      const sources = {
        address: path,
        url: new URL(path, location.href),
        blob: new Blob([gguf]),
        file: new File([gguf], "any name.gguf"),
        buffer: gguf,
        view: new Uint8Array(gguf),
        part: new Uint8Array(await new Blob(["before", gguf, "after"]).arrayBuffer()).subarray(6, 6 + gguf.byteLength),
      };
      const whole = {
        folder,
        named: {
          "config.json": await bytes(`${folder}config.json`),
          "model.safetensors": new Blob([await bytes(`${folder}model.safetensors`)]),
          "tokenizer.json": `${folder}tokenizer.json`,
        },
        list: [
          new File([await bytes(`${folder}config.json`)], "config.json"),
          new File([await bytes(`${folder}model.safetensors`)], "model.safetensors"),
          new File([await bytes(`${folder}tokenizer.json`)], "tokenizer.json"),
          new File([await bytes(`${folder}generation_config.json`)], "generation_config.json"),
        ],
      };
      const run = async (source) => {
        const model = await nanolm.Model.load(source, { device: "cpu" });
        const text = await model.generate("The keeper", { maxNewTokens: 8 }).text();
        await model.dispose();
        return text;
      };
      const texts = [{}, {}];
      for (const [name, source] of Object.entries(sources)) texts[0][name] = await run(source);
      for (const [name, source] of Object.entries(whole)) texts[1][name] = await run(source);
      return { texts, still: gguf.byteLength };
    }, MODEL);
    assert.equal(new Set(Object.values(texts.texts[0])).size, 1, JSON.stringify(texts.texts[0]));
    assert.equal(new Set(Object.values(texts.texts[1])).size, 1, JSON.stringify(texts.texts[1]));
    assert.equal(texts.still, SIZE, "the caller's buffer is still his");
  });

  test("what pages have at hand: input.files, sets and maps of files, a Response, shared memory", async () => {
    const isolated = await serveApp({ isolated: true });
    page = await openPage(browser, isolated);
    const texts = await page.evaluate(async (path) => {
      const gguf = await (await fetch(path)).arrayBuffer();
      const file = new File([gguf], "a.gguf");
      const transfer = new DataTransfer();
      transfer.items.add(file);
      const input = Object.assign(document.createElement("input"), { type: "file" });
      input.files = transfer.files;
      const shared = new SharedArrayBuffer(gguf.byteLength + 8);
      new Uint8Array(shared).set(new Uint8Array(gguf), 8);
      const sources = {
        list: input.files,
        set: new Set([file]),
        map: new Map([["model.gguf", path]]),
        response: await fetch(path),
        named: { "model.gguf": await fetch(path) },
        shared: new Uint8Array(shared, 8),
      };
      const texts = {};
      for (const [name, source] of Object.entries(sources)) {
        const model = await nanolm.Model.load(source, { device: "cpu", threads: 1 });
        texts[name] = await model.generate("The keeper", { maxNewTokens: 8 }).text();
        await model.dispose();
      }
      return texts;
    }, MODEL);
    await isolated.close();
    assert.equal(Object.keys(texts).length, 6);
    assert.equal(new Set(Object.values(texts)).size, 1, JSON.stringify(texts));
  });

  test("a Response that was read, or that is an error", async () => {
    const [used, missing] = await page.evaluate(async (path) => {
      const used = await fetch(path);
      await used.arrayBuffer();
      return [await failure(nanolm.Model.load(used)), await failure(nanolm.Model.load(await fetch("/golden/none.gguf")))];
    }, MODEL);
    assert.equal(used?.code, "option/invalid", JSON.stringify(used));
    assert.equal(missing?.code, "download/status", JSON.stringify(missing));
  });

  test("an id of a hub is found where `hub` says, and nowhere else", async () => {
    const from = app.requests.length;
    const [plain, folder, file, revision] = await page.evaluate(async () => [
      await failure(nanolm.Model.load("owner/name")),
      await failure(nanolm.Model.load("owner/name", { hub: `${location.origin}/hub` })),
      await failure(nanolm.Model.load("owner/name/q8.gguf", { hub: `${location.origin}/hub/` })),
      await failure(nanolm.Model.load("owner/name@v1.0", { hub: `${location.origin}/hub/` })),
    ]);
    for (const error of [plain, folder, file, revision]) assert.equal(error?.code, "download/status", JSON.stringify(error));
    assert.match(plain.message, /hub: "https:/, "the message says what to write");
    const paths = app.requests.slice(from).map(({ path }) => path);
    for (const path of [
      "/owner/name", "/hub/owner/name/resolve/main/config.json", "/hub/owner/name/resolve/main/q8.gguf", "/hub/owner/name/resolve/v1.0/config.json",
    ]) {
      assert.ok(paths.includes(path), `${path} in ${paths.join(", ")}`);
    }
    assert.deepEqual(page.foreign, []);
  });

  test("what is no signal, no function or no options is refused, and a message is no longer than two kilobytes", async () => {
    const errors = await page.evaluate(async (path) => {
      const failed = (call) => failure((async () => call())());
      const model = await nanolm.Model.load(path, { device: "cpu" });
      const errors = [
        await failed(() => nanolm.Model.load(path, { signal: {} })),
        await failed(() => nanolm.Model.load(path, null)),
        await failed(() => model.generate("a", { signal: {} })),
        await failed(() => model.generate("a", { onProgress: 7 })),
        await failed(() => model.generate("a", null)),
        await failed(() => model.extractKeywords("a", { signal: "stop" })),
        await failed(() => model.generate(Object.create(null))),
        await failed(() => nanolm.Model.load(path, { device: "x".repeat(100_000) })),
        await failed(() => model.generate("a", { ["y".repeat(100_000)]: 1 }).text()),
      ];
      await model.dispose();
      return errors;
    }, MODEL);
    for (const error of errors) {
      assert.equal(error?.code, "option/invalid", JSON.stringify(error)?.slice(0, 500));
      assert.ok(error.message.length <= 2048, `${error.message.length} characters`);
    }
  });

  test("a missing optional file is none", async () => {
    const { text } = await load("/golden/tiny-llama/", {});
    assert.ok(text.length > 0);
  });

  test("what is no source", async () => {
    const errors = await page.evaluate(async () => {
      const wrong = { number: 42, nothing: null, empty: [], none: {}, nested: { "a.gguf": 7 }, address: "http://[" };
      const errors = [];
      for (const [name, source] of Object.entries(wrong)) errors.push([name, await failure(nanolm.Model.load(source))]);
      errors.push(["device", await failure(nanolm.Model.load(undefined, { device: "tpu" }))]);
      errors.push(["option", await failure(nanolm.Model.load(undefined, { devcie: "cpu" }))]);
      return errors;
    });
    for (const [name, error] of errors) {
      assert.equal(error?.code, "option/invalid", `${name}: ${JSON.stringify(error)}`);
      assert.equal(error.className, "OptionError");
    }
  });

  test("a folder without its config", async () => {
    const error = await page.evaluate(async () => {
      const files = { "model.safetensors": "/golden/tiny-llama/model.safetensors" };
      return failure(nanolm.Model.load(files, { device: "cpu" }));
    });
    assert.equal(error?.code, "model/missing-file", JSON.stringify(error));
    assert.equal(error.className, "ModelFileError");
  });
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
  const errors = await page.evaluate(async (source) => {
    const { Model, WorkerError } = await import("/broken/crash/index.js");
    const model = await Model.load(source, { device: "cpu" });
    const told = (call) =>
      call.then(
        () => undefined,
        (error) => ({ code: error.code, message: error.message, known: error instanceof WorkerError }),
      );
    const [, queued] = await Promise.all([told(model.generate("The keeper").text()), told(model.generate("The lamp").text())]);
    return [queued, await told(model.generate("later").text())];
  }, MODEL);
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
    assert.equal((await entries()).length, 1);
    const { text, progress } = await load(MODEL);
    assert.ok(text.length > 0);
    assert.equal(requestsOf(MODEL) - before, 1);
    assert.equal(progress.filter(([phase]) => phase === "download").at(-1)[1], SIZE);
  });

  test("cache: false keeps nothing and reads nothing", async () => {
    const before = requestsOf(MODEL);
    await load(MODEL, { cache: false });
    await load(MODEL, { cache: false });
    assert.deepEqual(await entries(), []);
    assert.equal(requestsOf(MODEL) - before, 2);
  });

  for (const broken of ["fullcache", "stuckcache", "nocache"]) {
    test(`a store that cannot keep it (${broken}) is no reason to fail`, async () => {
      const text = await page.evaluate(
        async ([broken, source]) => {
          const { Model } = await import(`/broken/${broken}/index.js`);
          const model = await Model.load(source, { device: "cpu" });
          return model.generate("The keeper", { maxNewTokens: 4 }).text();
        },
        [broken, MODEL],
      );
      assert.ok(text.length > 0);
      assert.deepEqual(await entries(), []);
    });
  }

  test("a file that changed on the server is fetched anew", async () => {
    await load(MODEL);
    await page.evaluate(async (path) => {
      const store = await caches.open((await caches.keys())[0]);
      const kept = await store.match(path);
      const headers = new Headers(kept.headers);
      headers.set("last-modified", "Thu, 01 Jan 2015 00:00:00 GMT");
      await store.put(path, new Response(await kept.blob(), { headers }));
    }, MODEL);
    const before = requestsOf(MODEL);
    assert.equal((await load(MODEL)).error, undefined);
    assert.equal(requestsOf(MODEL) - before, 1);
  });

  test("an entry that is not whole is thrown away and fetched anew", async () => {
    await load(MODEL);
    await page.evaluate(async (path) => {
      const store = await caches.open((await caches.keys())[0]);
      const kept = await store.match(path);
      const half = (await kept.blob()).slice(0, 1000);
      await store.put(path, new Response(half, { headers: kept.headers }));
    }, MODEL);
    const { text, error } = await load(MODEL);
    assert.equal(error, undefined);
    assert.ok(text.length > 0);
    const size = await page.evaluate(async (path) => (await (await caches.match(path)).blob()).size, MODEL);
    assert.equal(size, SIZE, "whole again");
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
