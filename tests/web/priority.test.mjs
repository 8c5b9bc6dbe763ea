// Who goes first, and what work does while nobody sees the page.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openApp } from "./support/app.mjs";

const MODEL = "/golden/tiny-llama/";
const ENCODER = "/golden/tiny-bert/";

let opened, page;
before(async () => {
  opened = await openApp();
  ({ page } = opened);
});
after(() => opened?.close());

describe("calls in the background", () => {
  test("let others go first", async () => {
    const ended = await page.evaluate(async () => {
      const { chatModel, ENDLESS, VAST } = await import("/chat-model.js");
      // So long a context that what runs in the background is never done by itself, however fast the machine.
      const writer = await chatModel({ config: VAST });
      const ended = [];
      const note = (name, call) => call.then(() => ended.push(name), ({ name: error }) => ended.push(`${name}: ${error}`));
      const session = await writer.session();
      const stop = new AbortController();
      const endless = { maxNewTokens: ENDLESS, priority: "background" };
      const stream = writer.generate("The keeper of the lighthouse", { ...endless, signal: stop.signal });
      const background = note("background", stream.result);
      await stream.getReader().read();
      const later = note("background, later", writer.generate("A lamp", { maxNewTokens: 2, priority: "background" }).text());
      await Promise.all([
        note("user", writer.generate("The sea", { maxNewTokens: 20 }).text()),
        note("user, a session", session.append("The boat")),
      ]);
      stop.abort();
      await Promise.all([background, later]);
      await writer.dispose();
      return ended;
    });
    assert.deepEqual(new Set(ended.slice(0, 2)), new Set(["user", "user, a session"]), ended.join());
    assert.deepEqual(ended.slice(2), ["background: AbortError", "background, later"]);
  });

  test("write what they write alone, whatever tasks and vectors go first", async () => {
    const found = await page.evaluate(async () => {
      const { Model } = await import("/nanolm/index.js");
      const model = await Model.load(undefined, { device: "cpu" });
      const sampling = { maxNewTokens: 400, temperature: 1, seed: 7 };
      const alone = await model.generate("The keeper of the lighthouse", { ...sampling, fresh: true }).text();
      const stream = model.generate("The keeper of the lighthouse", { ...sampling, priority: "background" });
      const others = [model.extractKeywords("The lamp of the lighthouse was lit by its keeper."), model.embed(["the lamp", "the sea"])];
      const { text } = await stream.result;
      const [keywords, vectors] = await Promise.all(others);
      await model.dispose();
      return { same: text === alone, length: text.length, keywords: keywords.length, vectors: vectors.length };
    });
    assert.ok(found.same && found.length > 0, "being interrupted changes no token");
    assert.ok(found.keywords > 0);
    assert.equal(found.vectors, 2);
  });

  test("on one session keep their order, whoever waits", async () => {
    const found = await page.evaluate(async (source) => {
      const { Model } = await import("/nanolm/index.js");
      const model = await Model.load(source, { device: "cpu" });
      const run = async (priority) => {
        const session = await model.session();
        const first = session.append("The keeper ".repeat(10), { priority });
        const written = session.generate({ maxNewTokens: 20, priority });
        const second = session.append("lit the lamp");
        const other = model.generate("Elsewhere", { maxNewTokens: 3 }).text();
        const all = [await first, await written.text(), await second, await other];
        await session.dispose();
        return all;
      };
      const both = [await run("user"), await run("background")];
      await model.dispose();
      return both;
    }, MODEL);
    assert.deepEqual(found[1], found[0]);
  });

  test("vectors in the background come after the calls of a user", async () => {
    const found = await page.evaluate(async (encoder) => {
      const { Model } = await import("/nanolm/index.js");
      const model = await Model.load(encoder, { device: "cpu" });
      const texts = Array.from({ length: 600 }, (_, n) => `text number ${n} of many that nobody waits for`);
      const ended = [];
      const many = model.embed(texts, { priority: "background" }).then(({ length }) => ended.push(`${length}`));
      const one = model.embed("what somebody waits for").then(() => ended.push("one"));
      await Promise.all([many, one]);
      await model.dispose();
      return ended;
    }, ENCODER);
    assert.deepEqual(found, ["one", "600"]);
  });

  test("are stopped at once, running or waiting", async () => {
    const found = await page.evaluate(async (source) => {
      const { Model } = await import("/nanolm/index.js");
      const model = await Model.load(source, { device: "cpu" });
      const stop = new AbortController();
      const options = { maxNewTokens: 200, priority: "background", signal: stop.signal };
      const told = (call) => call.then(() => "done", (error) => error.name);
      const calls = [model.generate("One", options).text(), model.generate("Two", options).text(), model.embed(["three"], { priority: "background", signal: stop.signal })].map(told);
      stop.abort();
      const stopped = await Promise.all(calls);
      const left = [];
      for await (const { text } of model.generate("Four", { maxNewTokens: 200, priority: "background" })) {
        left.push(text);
        if (left.length === 3) break;
      }
      const after = await model.generate("Five", { maxNewTokens: 2 }).text();
      await model.dispose();
      return { stopped, left: left.length, after };
    }, MODEL);
    assert.deepEqual(found.stopped, Array(3).fill("AbortError"));
    assert.equal(found.left, 3);
    assert.ok(found.after.length > 0);
  });

  test("other values are refused", async () => {
    const codes = await page.evaluate(async (source) => {
      const { Model } = await import("/nanolm/index.js");
      const model = await Model.load(source, { device: "cpu" });
      const told = (call) => Promise.resolve().then(call).then(() => "done", (error) => `${error.code} ${error.message}`);
      const priority = "soon";
      const session = await model.session();
      const found = await Promise.all([
        told(() => model.generate("a", { priority }).text()),
        told(() => model.extractKeywords("a", { priority })),
        told(() => model.embed("a", { priority })),
        told(() => session.append("a", { priority })),
        told(() => session.generate({ priority }).text()),
        told(() => Model.load(source, { hidden: "stop" })),
        told(() => Model.load(source, { hidden: "pause", shared: true })),
      ]);
      await model.dispose();
      return found;
    }, MODEL);
    for (const code of codes) assert.match(code, /^option\/invalid .*(priority|hidden)/);
  });
});

describe("a page that nobody sees", () => {
  /** Hides the page behind another tab, or shows it, as a browser does. */
  async function tabs() {
    // Playwright holds all pages visible, by a session of its own that it keeps to itself.
    const inside = page._connection.toImpl(page);
    const { _client } = (inside.delegate ?? inside._delegate)._mainFrameSession;
    await _client.send("Emulation.setFocusEmulationEnabled", { enabled: false });
    const other = await page.context().newPage();
    const isSeen = (seen) => page.waitForFunction((seen) => (document.visibilityState === "visible") === seen, seen, { timeout: 5000 });
    return {
      async hide() {
        await other.bringToFront();
        await isSeen(false);
      },
      async show() {
        await page.bringToFront();
        await isSeen(true);
      },
      close: () => other.close(),
    };
  }

  /** Begins to write in a page whose model does this while hidden, and counts the pieces. */
  const begin = (hidden) =>
    page.evaluate(
      async ([hidden, source]) => {
        const { Model } = await import("/nanolm/index.js");
        globalThis.hiding?.model.dispose();
        const model = await Model.load(source, { device: "cpu", hidden });
        const stop = new AbortController();
        const state = { model, pieces: 0, ended: undefined, stop };
        globalThis.hiding = state;
        globalThis.write = async (maxNewTokens) => {
          state.ended = undefined;
          try {
            for await (const _ of model.generate("The keeper of the lighthouse", { maxNewTokens, temperature: 1, seed: 3, signal: stop.signal, fresh: true })) state.pieces += 1;
            state.ended = "done";
          } catch (error) {
            state.ended = error.name;
          }
        };
      },
      [hidden, undefined],
    );
  const state = () => page.evaluate(() => ({ pieces: globalThis.hiding.pieces, ended: globalThis.hiding.ended }));
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  test("pauses by option, goes on when it is seen again, and can be stopped meanwhile", { timeout: 60_000 }, async () => {
    const { hide, show, close } = await tabs();
    try {
      await show();
      await begin("pause");
      await page.evaluate(() => void globalThis.write(450));
      await page.waitForFunction(() => globalThis.hiding.pieces > 0);
      await hide();
      // What was on its way when the worker heard of it.
      await wait(300);
      const before = await state();
      assert.equal(before.ended, undefined, "hidden before it was done");
      await wait(500);
      assert.deepEqual(await state(), before, "nothing is written");
      // Short calls that no slices are made of answer all the same.
      assert.ok((await page.evaluate(async () => (await globalThis.hiding.model.tokenize("The sea")).length)) > 0);
      await show();
      await page.waitForFunction(() => globalThis.hiding.ended === "done");
      assert.ok((await state()).pieces > before.pieces);
      // Calls begun while hidden wait, too.
      await hide();
      await page.evaluate(() => void globalThis.write(450));
      const { pieces } = await state();
      await wait(300);
      assert.deepEqual(await state(), { pieces, ended: undefined });
      await page.evaluate(() => globalThis.hiding.stop.abort());
      await page.waitForFunction(() => globalThis.hiding.ended === "AbortError");
      // And the next one is not behind it.
      await show();
      assert.ok((await page.evaluate(() => globalThis.hiding.model.generate("a", { maxNewTokens: 2 }).text())).length > 0);
    } finally {
      await close();
    }
  });

  for (const hidden of ["slow", "run", undefined]) {
    test(`goes on with ${hidden}`, { timeout: 60_000 }, async () => {
      const { hide, show, close } = await tabs();
      try {
        await show();
        await begin(hidden);
        await hide();
        await page.evaluate(() => void globalThis.write(100));
        await page.waitForFunction(() => globalThis.hiding.ended === "done", undefined, { polling: 50 });
        assert.equal((await state()).pieces > 10, true);
      } finally {
        await close();
      }
    });
  }
});
