// What the first answer waits for: what is asked for, started and made before something else has ended. Order alone, and no clock: the server, or
// the store, holds back what must not be waited for, and a load that waits for it all the same never ends.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { loadedAtOnce } from "../../pkg-scripts/sizes.mjs";
import { installTarball, openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";

const MODEL = "/nanolm/model/nanolm-default.gguf";
/** Nothing here takes so long, on any machine. */
const NEVER_MS = 60_000;

let browser;
before(async () => {
  browser = await launch({ gpu: "none" });
});
after(() => browser?.close());

/** A promise, and what resolves it. */
function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}

/** A page of an app of its own; `before` as the server takes it. Gives what `use(page, app)` does. */
async function inPage({ before, isolated = false, path }, use) {
  const app = await serveApp({ before, isolated });
  try {
    const page = await openPage(browser, app, path);
    let timer;
    const never = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it waits for what is held back; asked for: ${app.requests.map(({ path }) => path).join(" ")}`)), NEVER_MS);
    });
    return await Promise.race([use(page, app), never]).finally(() => clearTimeout(timer));
  } finally {
    await app.close();
  }
}

/** Loads the default model and gives its device and notes. */
const load = (page, { module = "/nanolm/index.js", ...options } = {}) =>
  page.evaluate(
    async ([module, options]) => {
      const { Model } = await import(module);
      const model = await Model.load(undefined, { device: "cpu", ...options });
      const { device, info } = model;
      await model.dispose();
      return { device, notes: info.notes };
    },
    [module, options],
  );

/** Resolves when a worker's timeline has a mark of the package. */
const marked = (worker, name) =>
  worker.evaluate(
    (name) =>
      new Promise((resolve) => {
        const look = () => (performance.getEntriesByName(`nanolm: ${name}`).length > 0 ? resolve() : setTimeout(look, 10));
        look();
      }),
    name,
  );

describe("the page", () => {
  const dist = join(installTarball("web-app"), "dist");

  test("asks for all of its modules as soon as it has the first", async () => {
    const modules = loadedAtOnce(dist).filter((file) => !/^(worker|thread)/.test(file));
    assert.ok(modules.length > 10, modules.join());
    const asked = new Set();
    const all = gate();
    const missing = () => modules.filter((file) => !asked.has(`/nanolm/${file}`));
    const hold = ({ path }) => {
      asked.add(path);
      if (missing().length === 0) all.open();
      // The one that imports most of the others.
      return path === "/nanolm/model/model.js" ? all.opened : undefined;
    };
    await inPage({ before: hold }, (page) => page.evaluate(() => import("/nanolm/index.js").then(() => {})));
    assert.deepEqual(missing(), []);
  });

  test("asks for nothing between the worker's script and the engine", async () => {
    await inPage({}, async (page, app) => {
      await load(page);
      const paths = app.requests.map(({ path }) => path);
      const [first, second] = paths.slice(paths.indexOf("/nanolm/worker.js") + 1);
      assert.deepEqual([first, second].sort(), ["/nanolm/engine-relaxed.wasm", MODEL]);
    });
  });
});

describe("the worker", () => {
  test("asks for the engine and for the model, whichever is there first", async () => {
    const both = ["/nanolm/engine-relaxed.wasm", MODEL];
    const asked = new Set();
    const all = gate();
    const hold = ({ path }) => {
      if (!both.includes(path)) return undefined;
      asked.add(path);
      if (asked.size === both.length) all.open();
      return all.opened;
    };
    const { device } = await inPage({ before: hold }, (page) => load(page));
    assert.equal(device.build, "relaxed");
  });

  test("starts the engine while the model is on its way", async () => {
    const started = gate();
    const hold = ({ path }) => (path === MODEL ? started.opened : undefined);
    await inPage({ before: hold }, async (page) => {
      const worker = page.waitForEvent("worker");
      const loaded = load(page);
      await marked(await worker, "engine started");
      started.open();
      await loaded;
    });
  });

  test("asks for its threads while the model is on its way", async () => {
    const thread = gate();
    const hold = ({ path }) => {
      if (path === "/nanolm/thread.js") thread.open();
      return path === MODEL ? thread.opened : undefined;
    };
    const { device } = await inPage({ before: hold, isolated: true }, (page) => load(page, { threads: 2 }));
    // Where the toolchain builds no threads, nothing was held back.
    if (device.build === "threads") assert.equal(device.threads, 2);
  });

  test("makes the model before all of it is kept, and keeps it", async () => {
    await inPage({}, async (page, app) => {
      const { notes } = await load(page, { module: "/broken/latecache/index.js" });
      assert.deepEqual(notes, []);
      const from = app.requests.length;
      await load(page, { module: "/broken/latecache/index.js" });
      const again = app.requests.slice(from).filter(({ path, method }) => path.endsWith("nanolm-default.gguf") && method === "GET");
      assert.deepEqual(again, []);
    });
  });
});
