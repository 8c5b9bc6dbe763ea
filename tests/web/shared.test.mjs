// One engine for all tabs: the first runs it, the others' calls go there, and when it closes the next one takes over in mid-stream.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { openPage, serveApp, workersEnd } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { until } from "./support/remote.mjs";
import { SHORT } from "./support/texts.mjs";

const MODEL = "/golden/tiny-llama/";

let app;
let browser;
/** Three tabs of one site. */
let tabs;

before(async () => {
  app = await serveApp();
  browser = await launch({ gpu: "none" });
});
after(async () => {
  await browser?.close();
  await app?.close();
});
beforeEach(async () => {
  const [old] = tabs ?? [];
  await old?.context().close();
  const first = await openPage(browser, app);
  tabs = [first];
  for (let n = 0; n < 2; n++) {
    const page = await first.context().newPage();
    await page.goto(`${app.origin}/index.html`);
    tabs.push(page);
  }
});

/** Loads the model in one tab after the other, so that the first runs it. */
async function loadAll(source, base = "/nanolm/") {
  for (const tab of tabs) {
    await tab.evaluate(
      async ([source, base]) => {
        const { Model } = await import(`${base}index.js`);
        globalThis.model = await Model.load(source, { device: "cpu", shared: true });
        globalThis.told = (call) => call.then(() => undefined, (error) => ({ code: error.code, message: error.message }));
      },
      [source, base],
    );
  }
}

const workers = () => tabs.map((tab) => (tab.isClosed() ? 0 : tab.workers().length > 0 ? 1 : 0));

/** Begins a stream in a tab, whose pieces are gathered there; resolves after some pieces. */
const begin = (tab, pieces, options) =>
  tab.evaluate(
    async ([pieces, options]) => {
      globalThis.pieces = [];
      const stream = globalThis.model.generate("The keeper of the lamp", options);
      globalThis.result = stream.result;
      await new Promise((resolve, reject) => {
        globalThis.read = (async () => {
          for await (const { text } of stream) if (globalThis.pieces.push(text) === pieces) resolve();
        })();
        globalThis.read.catch(reject);
      });
    },
    [pieces, options],
  );
const end = (tab) =>
  tab.evaluate(async () => {
    await globalThis.read;
    return { pieces: globalThis.pieces.join(""), result: (await globalThis.result).text, n: globalThis.pieces.length };
  });

describe("tabs that share an engine", () => {
  test("have one worker, and each the answers to its own calls", { timeout: 60_000 }, async () => {
    await loadAll(MODEL);
    assert.deepEqual(workers(), [1, 0, 0]);
    const alone = await tabs[1].evaluate(async (source) => {
      const { Model } = await import("/nanolm/index.js");
      const model = await Model.load(source, { device: "cpu" });
      const texts = await Promise.all(["a", "b", "c"].map((prompt) => model.generate(prompt, { maxNewTokens: 12, temperature: 0 }).text()));
      await model.dispose();
      return texts;
    }, MODEL);
    const texts = await Promise.all(
      tabs.map((tab, n) => tab.evaluate((prompt) => globalThis.model.generate(prompt, { maxNewTokens: 12, temperature: 0 }).text(), "abc"[n])),
    );
    assert.deepEqual(texts, alone);
    // A call that one tab stops is nobody else's.
    const stopped = await tabs[1].evaluate(async () => {
      const stop = new AbortController();
      const stream = globalThis.model.generate("d", { maxNewTokens: 200, signal: stop.signal });
      // At work, or behind what the other tab may have asked for: it is never done in the same turn.
      stop.abort();
      return stream.result.then(() => "done", (error) => error.name);
    });
    assert.equal(stopped, "AbortError");
    assert.equal(await tabs[2].evaluate(() => globalThis.model.generate("a", { maxNewTokens: 12, temperature: 0 }).text()), alone[0]);
  });

  for (const [name, options] of [
    ["greedy", { maxNewTokens: 250, temperature: 0 }],
    ["seeded", { maxNewTokens: 250, temperature: 1, seed: 7 }],
    ["drawn", { maxNewTokens: 250, temperature: 1 }],
  ]) {
    test(`${name}: the leader's tab is closed while the others stream: no text is lost or told twice`, { timeout: 90_000 }, async () => {
      await loadAll(undefined);
      assert.deepEqual(workers(), [1, 0, 0]);
      await Promise.all([begin(tabs[1], 5, options), begin(tabs[2], 3, options)]);
      await tabs[0].close();
      const [a, b] = await Promise.all([end(tabs[1]), end(tabs[2])]);
      for (const { pieces, result, n } of [a, b]) {
        assert.equal(pieces, result);
        assert.ok(n > 5, `${n} pieces`);
      }
      // On a fast machine all was written before the tab was closed: then the next call starts the engine.
      await tabs[1].evaluate(() => globalThis.model.tokenize("x"));
      await until(() => workers().reduce((sum, n) => sum + n) === 1, "one worker in all");
      if (options.temperature === 0 || options.seed !== undefined) {
        const right = await tabs[2].evaluate(async (options) => {
          const { Model } = await import("/nanolm/index.js");
          const alone = await Model.load(undefined, { device: "cpu" });
          return alone.generate("The keeper of the lamp", options).text();
        }, options);
        assert.equal(a.result, right);
        assert.equal(b.result, right);
      }
    });
  }

  test("sessions and chats go on in the next tab; what was disposed of is not brought back", { timeout: 90_000 }, async () => {
    await loadAll(undefined);
    const before = await tabs[1].evaluate(async (text) => {
      globalThis.session = await globalThis.model.session();
      await globalThis.session.append(text);
      const saved = await globalThis.session.save();
      const copy = await globalThis.model.session(saved);
      const right = await copy.generate({ maxNewTokens: 150, temperature: 0 }).text();
      await copy.dispose();
      const stream = globalThis.session.generate({ maxNewTokens: 150, temperature: 0 });
      globalThis.result = stream.result;
      globalThis.pieces = [];
      await new Promise((resolve) => {
        globalThis.read = (async () => {
          for await (const { text } of stream) if (globalThis.pieces.push(text) === 3) resolve();
        })();
      });
      return right;
    }, SHORT);
    // Its model goes, its tab stays.
    await tabs[0].evaluate(() => globalThis.model.dispose());
    await workersEnd(tabs[0]);
    const after = await end(tabs[1]);
    assert.equal(after.result, before);
    assert.equal(after.pieces, before);
    const more = await tabs[1].evaluate(async () => {
      const { usage } = await globalThis.session.generate({ maxNewTokens: 1 }).result;
      await globalThis.session.dispose();
      return [usage.promptTokens > 100, await globalThis.told(globalThis.session.append("x"))];
    });
    assert.equal(more[0], true);
    assert.equal(more[1]?.code, "session/disposed");
    assert.equal((await tabs[0].evaluate(() => globalThis.told(globalThis.model.tokenize("x"))))?.code, "model/disposed");
  });

  test("a trap ends the open calls of all tabs at once, and the next call of each finds the model again", { timeout: 60_000 }, async () => {
    await loadAll(MODEL, "/broken/traps/");
    const open = tabs[2].evaluate(() => globalThis.told(globalThis.model.generate("long", { maxNewTokens: 300 }).text()));
    const [code, other] = await Promise.all([tabs[1].evaluate(() => globalThis.told(globalThis.model.generate("trap").text())), open]);
    assert.equal(code?.code, "worker/crashed");
    assert.ok(other === undefined || other.code === "worker/crashed", JSON.stringify(other));
    // A call that is on its way when the engine ends, ends with it.
    await tabs[0].waitForTimeout(200);
    const ids = await Promise.all(tabs.map((tab) => tab.evaluate(async () => [...(await globalThis.model.tokenize("The keeper"))].length)));
    assert.ok(ids[0] > 0 && ids.every((n) => n === ids[0]), JSON.stringify(ids));
    assert.deepEqual(workers(), [1, 0, 0]);
  });

  test("sessions of a tab that is closed are freed, and its calls end", { timeout: 60_000 }, async () => {
    await loadAll(undefined);
    await tabs[0].evaluate(() => {
      const post = Worker.prototype.postMessage;
      globalThis.freed = 0;
      globalThis.cancelled = 0;
      Worker.prototype.postMessage = function (message, ...rest) {
        if (message.method === "close") globalThis.freed += 1;
        if (message.method === "cancel") globalThis.cancelled += 1;
        return Reflect.apply(post, this, [message, ...rest]);
      };
    });
    await tabs[1].evaluate(async () => {
      globalThis.sessions = [await globalThis.model.session(), await globalThis.model.session()];
      const running = globalThis.model.generate("a", { maxNewTokens: 400 });
      for (let n = 0; n < 20; n++) void globalThis.model.generate(`b${n}`, { maxNewTokens: 400 });
      // The engine has them when it writes: they were sent behind each other.
      await running.getReader().read();
    });
    await tabs[1].close();
    await tabs[0].waitForFunction(() => globalThis.freed === 2 && globalThis.cancelled > 0);
    assert.ok((await tabs[2].evaluate(() => globalThis.model.tokenize("The keeper"))) !== undefined);
  });

  test("files of a page cannot be shared, and say so", async () => {
    const error = await tabs[0].evaluate(async () => {
      const { Model } = await import("/nanolm/index.js");
      return Model.load(new Uint8Array(10), { shared: true }).then(() => undefined, (error) => ({ code: error.code, message: error.message }));
    });
    assert.equal(error?.code, "option/invalid");
    assert.match(error.message, /a source with an address/);
  });

  test("a load that fails tells every tab why, and the next one tries again", { timeout: 60_000 }, async () => {
    const codes = await Promise.all(
      tabs.map((tab) =>
        tab.evaluate(async () => {
          const { Model } = await import("/nanolm/index.js");
          return Model.load("/garbage/text.gguf", { shared: true }).then(() => "loaded", (error) => error.code);
        }),
      ),
    );
    assert.deepEqual(codes, Array(3).fill("format/invalid"));
    for (const tab of tabs) await workersEnd(tab);
  });
});
