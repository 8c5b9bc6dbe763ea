// The tarball outside of pages: in Node, and in another Node, Bun and Deno where they are here.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installTarball, openPage, serveApp } from "../web/support/app.mjs";
import { launch, ROOT } from "../web/support/browser.mjs";
import { serve } from "../web/support/server.mjs";
import { ARTICLE, LONGISH } from "../web/support/texts.mjs";
import { RUNTIMES, runIn } from "./node/runtimes.mjs";

const HERE = join(import.meta.dirname, "node");
const TINY = join(ROOT, "tests/golden/tiny-llama");

let installed;
let app;
let nanolm;
let cache;
before(async () => {
  installed = installTarball("node-app");
  app = join(installed, "../..");
  for (const file of ["work.mjs", "run.mjs"]) cpSync(join(HERE, file), join(app, file));
  cache = mkdtempSync(join(tmpdir(), "nanolm-cache-"));
  process.env.NANOLM_CACHE = cache;
  nanolm = await import(pathToFileURL(join(installed, "dist/index.js")));
});
after(() => rmSync(cache, { recursive: true, force: true }));

/** Writes a script into the app and runs it; modules are found there by the package's name. */
async function script(runtime, text, options) {
  writeFileSync(join(app, "script.mjs"), text);
  return runIn(runtime, app, ["script.mjs"], options);
}

describe("every task gives what it gives in a page", () => {
  let inPage;
  before(async () => {
    const served = await serveApp({ mounts: { "/node/": HERE } });
    const browser = await launch({ gpu: "none" });
    try {
      const page = await openPage(browser, served);
      inPage = await page.evaluate(async (text) => (await import("/node/work.mjs")).work(nanolm, text), LONGISH);
    } finally {
      await browser.close();
      await served.close();
    }
  });

  for (const [runtime, command] of Object.entries(RUNTIMES)) {
    const skip = command === undefined && `SKIPPED ${runtime} is not here`;
    for (const [name, options] of [["by default", {}], ["with the build simd128", { build: "simd128" }], ["on two threads", { threads: 2 }]]) {
      test(`${runtime}, ${name}`, { skip }, async () => {
        const { stdout } = await runIn(runtime, app, ["run.mjs", JSON.stringify([LONGISH, options])]);
        const { results, device } = JSON.parse(stdout);
        assert.equal(inPage.results.points.length, 3);
        assert.deepEqual(results, inPage.results);
        assert.equal(device.kind, "cpu", device.reason);
        if (options.build) assert.equal(device.build, options.build);
        // What has no relaxed SIMD has no threads either.
        else if (options.threads && device.build !== "simd128") assert.deepEqual([device.build, device.threads], ["threads", 2], device.reason);
      });
    }
  }
});

describe("sources", () => {
  const weights = () => readFileSync(join(TINY, "model.safetensors"));
  const named = (value) => ({ "config.json": value("config.json"), "tokenizer.json": value("tokenizer.json"), "model.safetensors": value("model.safetensors") });
  const bytes = (name) => readFileSync(join(TINY, name));
  const model = () => join(installed, "dist/model/nanolm-default.gguf");
  const sources = {
    "a folder's path": () => TINY,
    "a folder's path with a slash, relative": () => `${relative(process.cwd(), TINY)}/`,
    "a folder's file: address": () => pathToFileURL(`${TINY}/`),
    "Buffers by name": () => named(bytes),
    "ArrayBuffers by name": () => named((name) => new Uint8Array(bytes(name)).buffer),
    "paths by name": () => named((name) => join(TINY, name)),
    "Files": () => Object.keys(named(bytes)).map((name) => new File([bytes(name)], name)),
    "a Map with a Blob": () => new Map(Object.entries({ ...named(bytes), "model.safetensors": new Blob([weights()]) })),
    "a file's path": model,
    "a file's file: address as text": () => pathToFileURL(model()).href,
    "a Buffer": () => readFileSync(model()),
    "a Blob": () => new Blob([readFileSync(model())]),
    "a Response": () => new Response(readFileSync(model())),
  };
  for (const [name, source] of Object.entries(sources)) {
    test(name, async () => {
      const loaded = await nanolm.Model.load(await source());
      assert.match(loaded.info.architecture, /^llama/i);
      assert.equal((await loaded.generate("x", { maxNewTokens: 3 }).result).usage.completionTokens, 3);
      await loaded.dispose();
    });
  }

  test("a path with the characters of addresses in it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "nanolm #1 100%?"));
    try {
      cpSync(model(), join(folder, "a#b?c%20.gguf"));
      const loaded = await nanolm.Model.load(join(folder, "a#b?c%20.gguf"));
      assert.ok(loaded.info.tasks.includes("key-points"));
      await loaded.dispose();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("what is not there, or no model, says so", async () => {
    const failure = (source) => nanolm.Model.load(source).then(assert.fail, (error) => error);
    const missing = await failure("no/such.gguf");
    assert.equal(missing.code, "download/status");
    assert.match(missing.message, /^file:.*no\/such\.gguf: expected the file, found none/);
    assert.match((await failure("owner/name")).message, /"owner\/name" was read as a path.*hub/);
    assert.equal((await failure(join(ROOT, "README.md"))).code, "model/missing-file");
    assert.ok(missing instanceof nanolm.DownloadError);
  });

  test("whether a model can run: by a path, a folder, an address, and what is kept of it", async () => {
    const { Model } = nanolm;
    const server = await serve({ "/golden/": join(ROOT, "tests/golden") });
    try {
      const url = `${server.origin}/golden/tiny-llama/model-q8_0.gguf`;
      const [own, file, folder, remote] = await Promise.all([undefined, join(TINY, "model-q8_0.gguf"), TINY, url].map((source) => Model.check(source)));
      for (const { fits, devices, speed } of [own, file, folder, remote]) {
        assert.deepEqual([fits, devices.cpu.usable, devices.gpu.usable], [true, true, false]);
        assert.ok(speed.tokensPerSecond > 0);
      }
      assert.equal(own.bytes, readFileSync(model()).length);
      assert.equal(file.bytes, readFileSync(join(TINY, "model-q8_0.gguf")).length);
      assert.deepEqual([remote.bytes, remote.memory, remote.cached], [file.bytes, file.memory, 0]);
      assert.deepEqual([file.weightType, folder.weightType, folder.architecture], ["Q8_0", "F32", "LlamaForCausalLM"]);
      await (await Model.load(url)).dispose();
      const before = server.requests.length;
      const kept = await Model.check(url);
      assert.deepEqual([kept.cached, kept.memory, server.requests.length], [file.bytes, file.memory, before]);
      const store = await import(pathToFileURL(join(installed, "dist/store/index.js")));
      assert.equal(await store.remove(url), file.bytes);
      await assert.rejects(Model.check("no/such.gguf"), { code: "download/status" });
      await assert.rejects(Model.check(join(ROOT, "README.md")), { code: "model/missing-file" });
    } finally {
      await server.close();
    }
  });

  test("a download is kept in a folder, and comes from there the next time", async () => {
    const server = await serve({ "/golden/": join(ROOT, "tests/golden"), "/model/": join(installed, "dist/model") });
    try {
      const load = async (path) => (await nanolm.Model.load(server.origin + path)).dispose();
      await load("/model/nanolm-default.gguf");
      await load("/golden/tiny-llama/");
      const before = server.requests.length;
      await load("/model/nanolm-default.gguf");
      const again = server.requests.slice(before).map(({ method, path }) => `${method} ${path}`);
      assert.deepEqual(again, ["HEAD /model/nanolm-default.gguf"]);
      assert.ok(existsSync(join(cache, "nanolm-files-v2")));
      const store = await import(pathToFileURL(join(installed, "dist/store/index.js")));
      const [last, ...others] = await store.list();
      assert.deepEqual([new URL(last.url).pathname, last.ready, last.kept], ["/model/nanolm-default.gguf", true, last.size]);
      assert.ok(others.some(({ url }) => url.endsWith("/golden/tiny-llama/model.safetensors")));
      assert.deepEqual([await store.has(`${server.origin}/golden/tiny-llama/`), await store.has(`${server.origin}/golden/tiny-gemma/`)], [true, false]);
      assert.equal(await store.remove(`${server.origin}/golden/tiny-llama/`), others.reduce((sum, { size }) => sum + size, 0));
      assert.equal((await store.usage()).kept, last.size);
      // A damaged entry is noticed and fetched again.
      for (const folder of readdirSync(join(cache, "nanolm-files-v2"))) {
        for (const name of readdirSync(join(cache, "nanolm-files-v2", folder))) {
          const path = join(cache, "nanolm-files-v2", folder, name);
          const bytes = readFileSync(path);
          if (bytes.length > 2_000_000) writeFileSync(path, bytes.fill(7, 1_000_000, 1_000_100));
        }
      }
      await load("/model/nanolm-default.gguf");
      assert.deepEqual(server.requests.slice(before + 2).map(({ method }) => method), ["GET"]);
    } finally {
      await server.close();
    }
  });
});

describe("the process", () => {
  for (const [runtime, command] of Object.entries(RUNTIMES)) {
    const skip = command === undefined && `SKIPPED ${runtime} is not here`;
    test(`${runtime} ends by itself, whether the model is disposed of or not`, { skip }, async () => {
      for (const end of ["", "await model.dispose();"]) {
        const { stdout } = await script(
          runtime,
          `import { Model } from "nanolm";
           const model = await Model.load(undefined, { threads: 2 });
           console.log((await model.summarize(${JSON.stringify(ARTICLE)}, { type: "headline" }).text()).length > 5);
           ${end}`,
          { timeout: 30_000 },
        );
        assert.equal(stdout, "true\n");
      }
    });
  }

  test("a signal stops a load and a call; a disposed model refuses", async () => {
    const reason = new Error("enough");
    await assert.rejects(nanolm.Model.load(undefined, { signal: AbortSignal.abort(reason) }), reason);
    const model = await nanolm.Model.load();
    const stop = new AbortController();
    const stream = model.generate("Once upon a time", { maxNewTokens: 1000, signal: stop.signal });
    for await (const _ of stream) {
      stop.abort(reason);
      break;
    }
    await assert.rejects(stream.result, reason);
    await model.dispose();
    await assert.rejects(model.generate("x").result, { code: "model/disposed" });
  });

  test("an error in onProgress is the caller's, as any uncaught one", async () => {
    const { stderr, stdout } = await script(
      "node",
      `import { Model } from "nanolm";
       process.on("uncaughtException", (error) => { console.error(error.message); });
       const model = await Model.load(undefined, { onProgress: () => { throw new Error("mine"); } });
       console.log(model.info.tasks.includes("tldr"));`,
    );
    assert.match(stderr, /^mine$/m);
    assert.equal(stdout, "true\n");
  });
});

describe("a server's bundle", () => {
  test("every part can be imported, and what needs a page says so when it is called", async () => {
    const { exports } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    const names = Object.entries(exports).filter(([, entry]) => entry.default?.endsWith(".js")).map(([name]) => name.replace(/^\./, "nanolm"));
    assert.ok(names.length >= 10, names.join());
    for (const runtime of Object.keys(RUNTIMES).filter((name) => RUNTIMES[name])) {
      const { stdout } = await script(
        runtime,
        `import { NanolmError } from "nanolm";
         const before = Object.keys(globalThis).join();
         const all = {};
         for (const name of ${JSON.stringify(names.filter((name) => !name.includes("polyfill")))}) all[name] = await import(name);
         if (Object.keys(globalThis).join() !== before) throw new Error("globals were added");
         await import("nanolm/built-in-ai/polyfill");
         const calls = {
           element: () => new all["nanolm/elements"].NanoSummary().start(),
           extension: () => all["nanolm/extension/background"].hostEngine(),
           engine: () => all["nanolm/extension/engine"].serveEngine(),
           connect: () => all["nanolm/extension"].connect().summarize("x").result,
           worker: () => all["nanolm/openai/service-worker"].serveFromPages("/"),
           page: () => all["nanolm/openai/service-worker"].answerRequests(fetch),
         };
         const found = {};
         for (const [name, call] of Object.entries(calls)) {
           found[name] = await new Promise((resolve) => resolve(call())).then(() => "nothing", (error) => error instanceof NanolmError ? error.code : String(error));
         }
         console.log(JSON.stringify(found));`,
      );
      const unavailable = "worker/unavailable";
      assert.deepEqual(JSON.parse(stdout), { element: unavailable, extension: unavailable, engine: unavailable, connect: unavailable, worker: unavailable, page: unavailable }, runtime);
    }
  });
});
