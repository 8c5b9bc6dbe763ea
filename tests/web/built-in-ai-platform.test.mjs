// What the built-in AI APIs of the platform have in common, for each of them in nanolm/built-in-ai: how they are created, stopped and destroyed,
// as the drafts have it and as the web platform tests (ai/resources/util.js) ask for it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";

let browser;
let app;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    globalThis.ai = await import("/nanolm/built-in-ai/index.js");
    globalThis.TEXT = "The keeper lights the lamp. The tower was dark for a year. Ships went around the reef.";
    /** By API: its calls that answer, and those that stream. */
    globalThis.CALLS = {
      Summarizer: { answers: [(it, o) => it.summarize(TEXT, o), (it, o) => it.measureInputUsage(TEXT, o)], streams: [(it, o) => it.summarizeStreaming(TEXT, o)] },
      LanguageModel: {
        answers: [(it, o) => it.prompt(TEXT, o), (it, o) => it.append(TEXT, o), (it, o) => it.measureContextUsage(TEXT, o), (it, o) => it.measureInputUsage(TEXT, o), (it, o) => it.clone(o)],
        streams: [(it, o) => it.promptStreaming(TEXT, o)],
      },
      LanguageDetector: { answers: [(it, o) => it.detect(TEXT, o), (it, o) => it.measureInputUsage(TEXT, o)], streams: [] },
    };
    /** What a promise is rejected with. */
    globalThis.refused = (promise) => Promise.resolve(promise).then(() => undefined, (error) => error);
    globalThis.plain = (error) => error && { name: error.name, isDOMException: error instanceof DOMException };
    // Each time anew: the first one that is created loads it.
    globalThis.forget = () => ai.useModel(({ onProgress }) => (onProgress({ phase: "download", loaded: 1, total: 3 }), chatModel({ config: { max_position_embeddings: 4096 }, files: { "chat_template.jinja": CHATML } })));
  });
});
after(async () => {
  await browser?.close();
  await app?.close();
});

for (const name of ["Summarizer", "LanguageModel", "LanguageDetector"]) {
  describe(name, () => {
    /** Only a Summarizer has a model of its own; what is created of it here is loaded from the tiny one, which does not summarize. */
    const on = (run) => page.evaluate(`(async (name) => { forget(); const API = ai[name]; const { answers, streams } = CALLS[name]; return (${run})({ name, API, answers, streams }); })(${JSON.stringify(name)})`);

    test("tells its monitor of the download", async () => {
      const found = await on(async ({ API }) => {
        const events = [];
        let handled = 0;
        let created = false;
        const making = API.create({
          monitor: (monitor) => {
            monitor.addEventListener("downloadprogress", (event) => events.push([event.loaded, event.total, event.lengthComputable, created, event instanceof ProgressEvent]));
            monitor.ondownloadprogress = () => handled++;
          },
        });
        await making;
        created = true;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return { events, handled, availability: await API.availability() };
      });
      const loaded = found.events.map(([loaded]) => loaded);
      assert.deepEqual([loaded[0], loaded.at(-1), found.handled], [0, 1, loaded.length]);
      assert.ok(loaded.every((share, i) => (share * 65536) % 1 === 0 && (i === 0 || share > loaded[i - 1])), loaded.join());
      assert.ok(found.events.every(([, total, computable, late, right]) => total === 1 && computable && !late && right));
      assert.equal(found.availability, "available");
    });

    test("what its monitor throws is the rejection", async () => {
      const found = await on(async ({ API }) => {
        const mine = new Error("mine");
        return (await refused(API.create({ monitor: () => { throw mine; } }))) === mine;
      });
      assert.equal(found, true);
    });

    test("is not created once its signal is aborted, whenever that is, and tells no more of the download", async () => {
      const found = await on(async ({ API }) => {
        const mine = new Error("mine");
        const result = { before: plain(await refused(API.create({ signal: AbortSignal.abort() }))) };
        for (const at of [0, 1]) {
          const stop = new AbortController();
          let later = 0;
          const monitor = (target) => target.addEventListener("downloadprogress", ({ loaded }) => (stop.signal.aborted ? later++ : loaded === at && stop.abort(mine)));
          const error = await refused(API.create({ signal: stop.signal, monitor }));
          await new Promise((resolve) => setTimeout(resolve, 50));
          result[at] = [error === mine, later];
        }
        const stop = new AbortController();
        const making = API.create({ signal: stop.signal });
        stop.abort();
        return { ...result, during: plain(await refused(making)) };
      });
      const aborted = { name: "AbortError", isDOMException: true };
      assert.deepEqual(found, { before: aborted, 0: [true, 0], 1: [true, 0], during: aborted });
    });

    test("wrong options come before an aborted signal", async () => {
      const found = await on(async ({ name, API }) => {
        const tags = ["no such language"];
        const wrong = name === "LanguageModel" ? { expectedInputs: [{ type: "text", languages: tags }] } : { expectedInputLanguages: tags };
        return [await refused(API.create({ ...wrong, signal: AbortSignal.abort() })), await refused(API.availability(wrong))].map(({ name }) => name);
      });
      assert.deepEqual(found, ["RangeError", "RangeError"]);
    });

    test("an abort ends a call with its reason", async () => {
      const found = await on(async ({ API, answers, streams }) => {
        const it = await API.create();
        const out = [];
        for (const mine of [undefined, new Error("mine")]) {
          for (const call of answers) {
            const stop = new AbortController();
            const running = refused(call(it, { signal: stop.signal }));
            stop.abort(mine);
            const errors = [await running, await refused(call(it, { signal: stop.signal }))];
            out.push(errors.every((error) => error === (mine ?? stop.signal.reason) && (mine !== undefined || error.name === "AbortError")));
          }
          for (const call of streams) {
            const stop = new AbortController();
            const running = call(it, { signal: stop.signal }).pipeTo(new WritableStream());
            stop.abort(mine);
            const errors = [await refused(running), await refused((async () => call(it, { signal: stop.signal }))())];
            out.push(errors.every((error) => error === stop.signal.reason));
          }
        }
        return out;
      });
      assert.ok(found.length >= 4 && found.every(Boolean), found.join());
    });

    test("destroy() ends its calls, and so does the signal that it was created with", async () => {
      const found = await on(async ({ API, answers, streams }) => {
        const all = [...answers, ...streams.map((call) => async (it, options) => call(it, options).pipeTo(new WritableStream()))];
        const ended = async (it, end) => {
          const running = all.map((call) => refused(call(it)));
          end();
          return Promise.all([...running, ...all.map((call) => refused(call(it)))]);
        };
        const it = await API.create();
        const destroyed = await ended(it, () => it.destroy());
        it.destroy();
        const stop = new AbortController();
        const mine = new Error("mine");
        const stopped = await ended(await API.create({ signal: stop.signal }), () => stop.abort(mine));
        return { destroyed: destroyed.map(plain), stopped: stopped.map((error) => error === mine) };
      });
      assert.ok(found.destroyed.every((error) => error?.name === "AbortError" && error.isDOMException), JSON.stringify(found));
      assert.ok(found.stopped.every(Boolean), JSON.stringify(found));
    });

    test("usage and quota", async () => {
      const found = await on(async ({ API, name }) => {
        const it = await API.create();
        const usage = await it.measureInputUsage("Hello world! ".repeat(100));
        return { usage, infinite: it.inputQuota === Infinity, model: name === "LanguageModel" };
      });
      if (found.model) assert.ok(found.usage > 100 && !found.infinite);
      else assert.deepEqual([found.usage, found.infinite], [0, true]);
    });
  });
}

test("nothing is left unhandled", async () => assert.deepEqual(await page.evaluate(() => unhandled), []));
