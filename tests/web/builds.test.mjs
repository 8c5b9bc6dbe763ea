// The three builds of the engine: which one a page gets, that all compute the same, and that no failure of one breaks the page.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installTarball, openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { SHORT } from "./support/texts.mjs";

const TINY = "/golden/tiny-llama/model-q8_0.gguf";

/** Where Rust's standard library cannot be built, the package has no threads. */
const threadless = statSync(join(installTarball("web-app"), "dist/engine-threads.wasm")).size < 1000;
if (threadless) console.log("SKIPPED threads: the package was built without them");
const skip = threadless && "the package was built without threads";

let browser;
/** The same pages from two servers: with and without the headers that isolate them. */
let plain;
let isolated;
before(async () => {
  plain = await serveApp();
  isolated = await serveApp({ isolated: true });
  browser = await launch({ gpu: "none" });
});
after(async () => {
  await browser?.close();
  await plain?.close();
  await isolated?.close();
});

/** Loads with the package at an address; gives the device and a text, or the error. */
async function load(app, { base = "/nanolm/", source = TINY, options = {}, prepare = "", prompt = SHORT } = {}) {
  const page = await openPage(browser, app);
  try {
    return await page.evaluate(
      async ([base, source, options, prepare, prompt]) => {
        // A script of the page's own would be refused by its policy.
        if (prepare === "no SharedArrayBuffer") delete globalThis.SharedArrayBuffer;
        if (prepare === "no relaxed SIMD") {
          const { validate } = WebAssembly;
          WebAssembly.validate = (bytes) => ![...bytes].join().includes("253,147,2") && validate(bytes);
        }
        const { Model } = await import(`${base}index.js`);
        try {
          const model = await Model.load(source ?? undefined, { device: "cpu", ...options });
          const device = { ...model.device };
          const ids = [];
          for await (const { tokenId } of model.generate(prompt, { maxNewTokens: 24, temperature: 0 })) ids.push(tokenId);
          await model.dispose();
          return { device, ids };
        } catch (error) {
          return { error: shown(error) };
        }
      },
      [base, source, options, prepare, prompt],
    );
  } finally {
    await page.context().close();
  }
}

describe("what a page gets", () => {
  test("relaxed SIMD without isolation, threads with it, and the reason", { skip }, async () => {
    const { device } = await load(plain);
    assert.equal(device.build, "relaxed");
    assert.equal(device.threads, 1);
    assert.match(device.reason, /build: relaxed \(no threads: the page is not cross-origin isolated\)/);
    const threaded = await load(isolated, { options: { threads: 2 } });
    assert.equal(threaded.device?.build, "threads", JSON.stringify(threaded));
    assert.equal(threaded.device.threads, 2);
    assert.match(threaded.device.reason, /2 threads; build: threads$/);
  });

  test("a model this small gets one thread unless more are asked for", { skip }, async () => {
    const { device } = await load(isolated);
    assert.equal(device.threads, 1);
    assert.match(device.reason, /1 thread; build: threads$/);
  });

  test("one build is downloaded, and nothing of the others", { skip }, async () => {
    for (const [app, build] of [[plain, "relaxed"], [isolated, "threads"]]) {
      const from = app.requests.length;
      await load(app, { options: { threads: build === "threads" ? 2 : undefined } });
      const paths = app.requests.slice(from).map(({ path }) => path).filter((path) => /\/nanolm\/(engine-|engine\.|worker|.*thread)/.test(path));
      const glue = build === "threads" ? ["engine-threads.wasm", "thread.js", "worker-threads.js"] : ["engine-relaxed.wasm", "worker.js"];
      assert.deepEqual([...new Set(paths)].sort(), glue.map((name) => `/nanolm/${name}`));
    }
  });

  test("where features are missing", async () => {
    const old = await load(isolated, { prepare: "no relaxed SIMD" });
    assert.equal(old.device.build, "simd128");
    assert.match(old.device.reason, /the browser has no relaxed SIMD/);
    const alone = await load(isolated, { prepare: "no SharedArrayBuffer" });
    assert.equal(alone.device.build, "relaxed");
    assert.match(alone.device.reason, /no SharedArrayBuffer/);
    const one = await load(isolated, { options: { threads: 1 } });
    assert.equal(one.device.build, "relaxed");
    assert.match(one.device.reason, /one thread was asked for/);
  });

  test("options that make no sense are refused", async () => {
    for (const options of [{ build: "avx" }, { threads: 0 }, { threads: 1.5 }, { threads: "2" }, { threads: 99 }]) {
      const { error } = await load(plain, { options });
      assert.equal(error?.code, "option/invalid", JSON.stringify([options, error]));
    }
  });

  test("a build asked for by name is used or fails", async () => {
    const { error } = await load(plain, { options: { build: "threads" } });
    assert.equal(error?.code, "worker/wasm", JSON.stringify(error));
    const missing = await load(plain, { base: "/damaged/norelaxed/", options: { build: "relaxed" } });
    assert.equal(missing.error?.code, "worker/wasm");
    assert.match(missing.error.message, /engine-relaxed\.wasm could not be started: the server answered 404/);
  });
});

describe("all builds give the same tokens", () => {
  const models = {
    "the default model": null,
    "tiny-llama, F32": "/golden/tiny-llama/",
    "tiny-llama, Q8_0": TINY,
    "tiny-gpt2": "/golden/tiny-gpt2/",
  };
  for (const [name, source] of Object.entries(models)) {
    test(name, async () => {
      const found = [];
      for (const options of [
        { build: "simd128" },
        { build: "relaxed" },
        ...(threadless ? [] : [1, 2, 4].map((threads) => ({ build: "threads", threads }))),
      ]) {
        const { ids, device, error } = await load(isolated, { source, options });
        assert.equal(error, undefined, JSON.stringify(error));
        assert.equal(device.build, options.build);
        assert.equal(device.threads, options.threads ?? 1);
        found.push(ids);
      }
      assert.ok(found[0].length > 0);
      for (const ids of found) assert.deepEqual(ids, found[0]);
    });
  }
});

describe("what does not start is replaced, with the reason", () => {
  const cases = [
    // [the damage, isolated, the build that runs, its threads, what the reason says]
    ["norelaxed", false, "simd128", 1, /relaxed failed: .*404/],
    ["badrelaxed", false, "simd128", 1, /relaxed failed: engine-relaxed\.wasm could not be started/],
    ["nothreads", true, "relaxed", 1, /threads failed: .*404/],
    ["badthreads", true, "relaxed", 1, /threads failed: engine-threads\.wasm could not be started/],
    ["noworkerthreads", true, "relaxed", 1, /threads failed: worker-threads\.js could not be started/],
    ["onlysimd128", true, "simd128", 1, /threads failed: .*relaxed failed: /],
    ["nosharing", true, "relaxed", 1, /threads failed: .*SharedArrayBuffer/],
    ["notshared", true, "relaxed", 1, /threads failed: .*no shared memory/],
    ["nomemory", true, "relaxed", 1, /threads failed: .*refused for the test/],
    ["littlememory", true, "threads", 2, /build: threads$/],
    ["nothread", true, "threads", 1, /1 thread \(thread\.js could not be started/],
    ["badthread", true, "threads", 1, /1 thread \(thread\.js could not be started/],
    ["stuckthread", true, "threads", 1, /1 thread \(a thread took longer than 5 s to start/],
    ["gonethread", true, "threads", 2, /build: threads$/],
  ];
  for (const [damage, isolation, build, threads, reason] of cases) {
    test(`${damage}: ${build}`, { skip: isolation && skip }, async () => {
      const options = isolation ? { threads: 2 } : {};
      const { device, ids, error } = await load(isolation ? isolated : plain, { base: `/damaged/${damage}/`, options });
      assert.equal(error, undefined, JSON.stringify(error));
      assert.equal(device.build, build, device.reason);
      assert.equal(device.threads, threads, device.reason);
      assert.match(device.reason, reason);
      assert.deepEqual(ids, (await load(plain)).ids);
    });
  }

  // A model whose sections are long enough for threads.
  test("a thread that dies over its work is an error, no hang", { skip }, async () => {
    const { error } = await load(isolated, { base: "/damaged/deadthread/", source: null, options: { threads: 2 } });
    assert.equal(error?.code, "worker/crashed", JSON.stringify(error));
  });
});

describe("threads end and rest", () => {
  const countable = skip || (!existsSync("/proc/self/task") && "threads are counted in /proc, which is not here");

  /** Processor time of all of the browser's processes, in seconds, and their ids. */
  async function processes() {
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    await session.detach();
    return processInfo;
  }
  /** What `read` lists, or nothing where the process or thread has ended meanwhile. */
  const listed = (read) => {
    try {
      return read();
    } catch (error) {
      if (error.code === "ENOENT" || error.code === "ESRCH") return [];
      throw error;
    }
  };
  const workerThreads = async () => {
    let count = 0;
    for (const { id } of (await processes()).filter(({ type }) => type === "renderer")) {
      for (const task of listed(() => readdirSync(`/proc/${id}/task`))) {
        const [name] = listed(() => [readFileSync(`/proc/${id}/task/${task}/comm`, "utf8")]);
        if (name?.startsWith("DedicatedWorker")) count++;
      }
    }
    return count;
  };
  const settled = async (expected) => {
    let found;
    for (let wait = 0; wait < 15000; wait += 100) {
      found = await workerThreads();
      if (found === expected) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(found, expected, "worker threads");
  };
  const open = async () => {
    const page = await openPage(browser, isolated);
    await page.evaluate(async (source) => {
      globalThis.model = await nanolm.Model.load(source, { device: "cpu", threads: 4 });
      await model.generate("The keeper", { maxNewTokens: 8 }).text();
    }, TINY);
    return page;
  };

  test("dispose ends them, and so does leaving the page", { skip: countable }, async () => {
    await settled(0);
    const page = await open();
    await settled(4);
    await page.evaluate(() => model.dispose());
    await settled(0);
    const other = await open();
    await settled(4);
    await other.goto("about:blank");
    await settled(0);
    await page.context().close();
    await other.context().close();
  });

  test("a job under way is ended with its threads", { skip: countable }, async () => {
    const page = await open();
    await page.evaluate(() => {
      const stream = model.generate("The keeper", { maxNewTokens: 400 });
      stream.result.catch(() => {});
      return new Promise((resolve) => setTimeout(resolve, 50)).then(() => model.dispose());
    });
    await settled(0);
    await page.context().close();
  });

  test("nothing spins while nothing runs", { skip }, async () => {
    const page = await open();
    const seconds = async () => (await processes()).reduce((sum, { cpuTime }) => sum + cpuTime, 0);
    await page.waitForTimeout(500);
    const before = await seconds();
    await page.waitForTimeout(2000);
    const spent = (await seconds()) - before;
    // Four threads that spun would take 4 to 8; a browser does little things of its own.
    assert.ok(spent < 0.5, `${spent} s of processor time in 2 s of rest`);
    await page.context().close();
  });
});

/** Node 20 has relaxed SIMD behind a flag, and its dot product is wrong: the engine that a page must be kept from. */
test("an engine that multiplies wrongly is not given relaxed SIMD", (t) => {
  const flag = "--experimental-wasm-relaxed-simd";
  if (!execFileSync(process.execPath, ["--v8-options"], { encoding: "utf8" }).includes(flag.slice(2))) {
    t.skip("this Node has no such flag");
    return;
  }
  const builds = pathToFileURL(join(installTarball("web-app"), "dist/engine/builds.js"));
  const script = `import(${JSON.stringify(builds)}).then((m) => console.log(JSON.stringify(m.choose({ device: "auto" }))))`;
  const choice = JSON.parse(execFileSync(process.execPath, [flag, "-e", script], { encoding: "utf8" }));
  assert.deepEqual(choice, { builds: ["simd128"], lacking: "the browser's relaxed SIMD multiplies wrongly" });
});
