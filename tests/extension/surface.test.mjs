// nanolm/extension in another extension: the ten lines of the documentation, in Chromium.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { serve } from "../web/support/server.mjs";
import { ARTICLE } from "../web/support/texts.mjs";
import { launchWith, pause } from "./support/chromium.mjs";
import { documented, tenLines } from "./support/ten-lines.mjs";

/** Some seconds of work. */
const STORY = ["Once upon a time", { maxNewTokens: 600, temperature: 1, seed: 5, keep: "story" }];

describe("the ten lines of the documentation", () => {
  let folder, extension, lab, engines;
  before(async () => {
    folder = await tenLines();
    extension = await launchWith(folder, { listens: "chrome.runtime?.onMessage.hasListeners()" });
    lab = await open("lab.html");
    engines = () => extension.targets(/engine\.html$/);
  });
  after(async () => {
    await extension?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(path) {
    const page = await extension.context.newPage();
    await page.goto(`${extension.origin}/${path}`);
    await page.waitForFunction(() => globalThis.connect !== undefined || globalThis.summarize !== undefined);
    return page;
  }

  async function endEngine() {
    const ids = (await engines()).map(({ targetId }) => targetId);
    for (const targetId of ids) await extension.cdp.send("Target.closeTarget", { targetId });
    const there = async () => (await engines()).some(({ targetId }) => ids.includes(targetId));
    for (const end = Date.now() + 5000; await there(); await pause(20)) assert.ok(Date.now() < end, "the engine's page did not end");
  }

  test("are about ten lines, and summarise", async () => {
    const code = Object.entries(documented()).filter(([path]) => path.endsWith(".js")).flatMap(([, body]) => body.trim().split("\n"));
    assert.ok(code.length <= 12, `${code.length} lines`);
    assert.deepEqual(await engines(), [], "nothing starts before the first call");
    const panel = await open("panel.html");
    await panel.evaluate((text) => summarize(text), ARTICLE);
    const shown = await panel.locator("li").allTextContents();
    const own = await lab.evaluate(async (text) => {
      const model = await nanolm.Model.load();
      const { points } = await model.summarize(text, { type: "key-points" }).result;
      await model.dispose();
      return points.map((point) => point.text);
    }, ARTICLE);
    assert.equal(shown.length, 3);
    assert.deepEqual(shown, own);
    await panel.close();
  });

  test("give what a model in the page gives", async () => {
    const [afar, here] = await lab.evaluate(async (text) => {
      const own = await nanolm.Model.load();
      const both = await Promise.all([model, own].map(async (each) => ({
        points: (await each.summarize(text, { type: "key-points", length: "medium" }).result).points,
        tldr: await each.summarize(text).text(),
        keywords: await each.extractKeywords(text, { limit: 4 }),
        labels: await each.classify(text, ["shipping", "cooking"]).catch(({ code }) => code),
        names: await each.extractEntities(text, { types: ["NUMBER", "DATE"] }),
        answer: await each.answer("How many blocks of granite did the masons replace?", text),
        none: await each.answer("Who won the football match in Lisbon?", text),
        tokens: [...(await each.tokenize("two words"))],
        text: await each.detokenize(await each.tokenize("two words")),
        said: (await each.chat([{ role: "user", content: "Hello" }], { maxNewTokens: 4, seed: 1 }).result).text,
        vectors: await each.embed(["a bridge", "a boat"]).then((all) => all.map((vector) => [vector instanceof Float32Array, ...vector.slice(0, 3)]), ({ code }) => code),
        written: (await each.generate("The", { maxNewTokens: 5 }).result).text,
      })));
      await own.dispose();
      return both;
    }, ARTICLE);
    assert.deepEqual(afar, here);
    assert.equal((await lab.evaluate(() => model.info())).device.kind, "cpu");
  });

  test("one engine serves every page and content scripts", async () => {
    const server = await serve({ "/": () => "<!doctype html><title>page</title>" }, { policy: "default-src 'none'" });
    const page = await extension.context.newPage();
    await page.goto(`${server.origin}/page.html`);
    const other = await open("lab.html");
    const texts = [lab, other].map((each) => each.evaluate((text) => model.summarize(text).text(), ARTICLE));
    await page.evaluate((text) => postMessage({ text }), ARTICLE);
    await page.waitForFunction(() => document.title.includes("|"));
    const [first, second] = await Promise.all(texts);
    assert.ok(first.length > 20 && first === second);
    assert.equal((await page.title()).split("|").length, 3);
    assert.equal((await engines()).length, 1);
    assert.equal((await (await extension.open(/engine\.html$/)).workers()).length, 1);
    await Promise.all([page.close(), other.close()]);
    await server.close();
  });

  test("a stream survives the service worker and its page, and is picked up where it was", async () => {
    const whole = await lab.evaluate(async ([prompt, { keep: _, ...options }]) => (await model.generate(prompt, options).result).text, STORY);
    const first = await open("lab.html");
    const begun = await first.evaluate(async ([prompt, options]) => {
      const reader = model.generate(prompt, options).getReader();
      let text = "";
      for (let pieces = 0; pieces < 10; pieces++) text += (await reader.read()).value.text;
      return text;
    }, STORY);
    const [engine] = await engines();
    await extension.stopServiceWorker();
    await first.close();
    const second = await open("lab.html");
    const { text, quick } = await second.evaluate(async () => {
      const stream = await model.resume("story");
      const started = performance.now();
      const reader = stream.getReader();
      for (let pieces = 0; pieces < 10; pieces++) await reader.read();
      const quick = performance.now() - started;
      return { text: (await stream.result).text, quick };
    });
    assert.ok(begun.length > 10 && whole.startsWith(begun));
    assert.equal(text, whole);
    assert.ok(quick < 10_000, `what was there already came after ${quick} ms`);
    assert.equal((await engines())[0].targetId, engine.targetId, "the same engine did it");
    // Asked again it is answered with what is there; another question under the name takes its place.
    assert.equal(await second.evaluate(async (story) => (await model.generate(...story).result).text, STORY), whole);
    assert.notEqual(await second.evaluate(async ([prompt, options]) => (await model.generate(prompt, { ...options, seed: 6, maxNewTokens: 9 }).result).text, STORY), whole);
    assert.equal(await second.evaluate(() => model.resume("nothing of that name")), null);
    await second.close();
  });

  test("calls under way go on when the engine's page ends, without a piece twice", async () => {
    const options = { maxNewTokens: 400, temperature: 1, seed: 3 };
    const whole = await lab.evaluate(async (options) => (await model.generate("It was a dark night", options).result).text, options);
    const pieces = lab.evaluate(async (options) => {
      let text = "";
      for await (const piece of model.generate("It was a dark night", options)) text += piece.text;
      return text;
    }, options);
    await pause(150);
    await endEngine();
    assert.equal(await pieces, whole);
  });

  test("stopping: by the reader, by a signal, of one call among others", async () => {
    const seen = await lab.evaluate(async (text) => {
      const cancelled = model.generate("Once", { maxNewTokens: 800, temperature: 1, seed: 1 });
      const reader = cancelled.getReader();
      await reader.read();
      const controller = new AbortController();
      const aborted = failure(model.generate("Once", { maxNewTokens: 800, temperature: 1, seed: 2, signal: controller.signal }).result);
      const late = failure(model.extractKeywords(text, { signal: AbortSignal.abort(new Error("before")) }));
      const other = model.summarize(text).text();
      await reader.cancel();
      controller.abort(new Error("enough"));
      const began = performance.now();
      const result = await cancelled.result;
      return { result, aborted: await aborted, late: await late, other: await other, ms: performance.now() - began };
    }, ARTICLE);
    assert.equal(seen.result.finishReason, "abort");
    assert.ok(seen.result.text.length > 0);
    assert.equal(seen.aborted.message, "enough");
    assert.equal(seen.late.message, "before");
    assert.ok(seen.other.length > 20);
    assert.ok(seen.ms < 10_000, `stopped after ${seen.ms} ms`);
  });

  test("errors cross as the same classes", async () => {
    const errors = await lab.evaluate(async (text) => ({
      option: await failure(model.extractKeywords(text, { most: 3 })),
      text: await failure(model.summarize("  ").result),
      missing: await failure(connect({ source: "none.gguf" }).summarize(text).result),
      file: await failure(connect({ source: { file: "none.gguf" } }).summarize(text).result),
      damaged: await failure(connect({ source: "damaged.gguf" }).summarize(text).result),
      after: (await model.summarize(text).result).finishReason,
      closed: await failure((() => {
        const other = connect();
        const { result } = other.generate("Once", { maxNewTokens: 500 });
        other.close();
        return result;
      })()),
      here: [() => model.summarize(7), () => connect({ devise: "cpu" }), () => model.generate("a", { keep: "" })].map((call) => {
        try {
          return call();
        } catch ({ code }) {
          return code;
        }
      }),
    }), ARTICLE);
    for (const [name, className, code] of [
      ["option", "OptionError", "option/invalid"],
      ["text", "OptionError", "option/invalid"],
      ["missing", "DownloadError", /^download\//],
      ["file", "OptionError", "option/invalid"],
      ["damaged", "ModelFileError", /^format\//],
      ["closed", "DisposedError", "model/disposed"],
    ]) {
      assert.equal(errors[name].className, className, JSON.stringify(errors[name]));
      assert.ok(errors[name].ours);
      assert.match(errors[name].code, new RegExp(code));
    }
    assert.match(errors.option.message, /most.*limit/);
    assert.equal(errors.after, "stop");
    assert.deepEqual(errors.here, ["option/invalid", "option/invalid", "option/invalid"]);
  });

  test("an idle engine is let go, and comes back by itself", async () => {
    await lab.evaluate(() => localStorage.setItem("idleMs", "300"));
    await endEngine();
    const summary = () => lab.evaluate((text) => model.summarize(text).text(), ARTICLE);
    const first = await summary();
    const engine = await extension.open(/engine\.html$/);
    for (const end = Date.now() + 5000; (await engine.workers()).length > 0; await pause(50)) assert.ok(Date.now() < end, "the model stays");
    assert.equal((await engines()).length, 1, "a page is connected");
    assert.equal(await summary(), first);
    await lab.reload();
    for (const end = Date.now() + 5000; (await engines()).length > 0; await pause(50)) assert.ok(Date.now() < end, "the engine's page stays");
    await lab.waitForFunction(() => globalThis.model !== undefined);
    assert.equal(await summary(), first);
  });
});
