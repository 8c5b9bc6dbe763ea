// A worker that dies and comes back: its open calls end at once, the next one loads the model again, sessions go on.
// Measures time: it runs alone.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { SHORT } from "./support/texts.mjs";

const MODEL = "/golden/tiny-llama/";

let app;
let browser;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.evaluate(() => {
    // Ends the last worker as the browser would: nobody asked for it.
    const { Worker } = globalThis;
    globalThis.Worker = class extends Worker {
      constructor(...how) {
        super(...how);
        globalThis.kill = () => super.terminate();
      }
    };
    globalThis.told = (call) => call.then(() => undefined, (error) => ({ code: error.code, message: error.message }));
  });
});
after(async () => {
  await browser?.close();
  await app?.close();
});

/** Kills the worker when a call is so far: gives what the open calls end with, what the next one writes, and what it should. */
const killed = (phase) =>
  page.evaluate(
    async ([phase, text]) => {
      const { Model } = await import("/nanolm/index.js");
      const model = await Model.load(undefined, { device: "cpu", threads: 1, restart: true });
      const long = text.repeat(20).slice(0, 2500);
      const right = await model.generate("The keeper", { maxNewTokens: 12, temperature: 0, seed: 1 }).text();
      // As many as fit: seconds of work, so that nothing is done before the worker is killed.
      const options = { maxNewTokens: model.info.contextLength - 20, temperature: 0, fresh: true };
      let at;
      const now = new Promise((resolve) => {
        at = resolve;
      });
      const kill = () => (globalThis.kill(), at(performance.now()));
      const onProgress = ({ phase: at }) => at === phase && kill();
      const stream = model.generate(phase === "prefill" ? long : "The keeper", { ...options, onProgress });
      const open = [globalThis.told(stream.text()), globalThis.told(model.tokenize("open")), globalThis.told(model.generate("b", options).text())];
      if (phase === "decode") {
        const reader = stream.getReader();
        for (let n = 0; n < 3; n++) await reader.read();
        kill();
      }
      const begun = await now;
      const errors = await Promise.all(open);
      const took = performance.now() - begun;
      const again = await model.generate("The keeper", { maxNewTokens: 12, temperature: 0, seed: 1 }).text();
      const labels = await model.classify("The match ended in a draw", ["sport", "food"]);
      await model.dispose();
      return { errors, took, right, again, label: labels[0].label };
    },
    [phase, SHORT],
  );

describe("a worker that is killed", () => {
  for (const phase of ["prefill", "decode"]) {
    test(`in ${phase}: every open call ends at once, the next one loads the model again`, { timeout: 60_000 }, async () => {
      const { errors, took, right, again, label } = await killed(phase);
      // What was short may have been answered before.
      for (const error of [errors[0], errors[2]]) {
        assert.equal(error?.code, "worker/ended", JSON.stringify(errors));
        assert.match(error.message, /The next call loads the model again/);
      }
      assert.ok(took < 10_000, `${took} ms`);
      assert.equal(again, right);
      assert.equal(label, "sport");
    });
  }

  test("while it loads: the load ends at once; while it loads again: the next call tries once more", { timeout: 60_000 }, async () => {
    const found = await page.evaluate(async (source) => {
      const { Model } = await import("/nanolm/index.js");
      const during = await globalThis.told(Model.load(source, { device: "cpu", restart: true, onProgress: () => globalThis.kill() }));
      const model = await Model.load(source, { device: "cpu", restart: true });
      const right = [...(await model.tokenize("The keeper"))];
      globalThis.kill();
      const { Worker } = globalThis;
      let killed = 0;
      globalThis.Worker = class extends Worker {
        constructor(...how) {
          super(...how);
          this.addEventListener("message", ({ data }) => data.type === "progress" && killed++ === 0 && globalThis.kill());
        }
      };
      // The browser tells of the end a moment later.
      await new Promise((resolve) => setTimeout(resolve, 200));
      const again = await globalThis.told(model.tokenize("The keeper"));
      globalThis.Worker = Worker;
      const last = [...(await model.tokenize("The keeper"))];
      await model.dispose();
      return { during, again, killed, right, last };
    }, MODEL);
    assert.equal(found.during?.code, "worker/ended", JSON.stringify(found));
    assert.equal(found.again?.code, "worker/ended", JSON.stringify(found));
    assert.deepEqual(found.last, found.right);
  });

  test("sessions go on from what they were after their last call that was answered", { timeout: 60_000 }, async () => {
    const found = await page.evaluate(async (text) => {
      const { Model } = await import("/nanolm/index.js");
      const model = await Model.load(undefined, { device: "cpu", threads: 1, restart: true });
      const write = (session) => session.generate({ maxNewTokens: 8, temperature: 0 }).result.then(({ text, usage }) => [text, usage.promptTokens]);
      const session = await model.session();
      await session.append(text);
      await session.generate({ maxNewTokens: 5, temperature: 0 }).result;
      const saved = await session.save();
      const right = await write(await model.session(saved));
      const fork = await session.fork();
      const stopped = await model.session();
      const held = await stopped.append(text);
      const stop = new AbortController();
      let given = 0;
      try {
        for await (const _ of stopped.generate({ maxNewTokens: model.info.contextLength - held, signal: stop.signal })) if (++given === 4) stop.abort();
      } catch {}
      const after = (await stopped.generate({ maxNewTokens: 1, temperature: 0 }).result).usage.promptTokens;
      const dying = session.generate({ maxNewTokens: model.info.contextLength - 200, temperature: 0 });
      const reader = dying.getReader();
      await reader.read();
      globalThis.kill();
      const error = await globalThis.told(dying.result);
      const again = [await write(session), await write(fork)];
      const later = (await stopped.generate({ maxNewTokens: 1, temperature: 0 }).result).usage.promptTokens;
      const gone = await globalThis.told(session.dispose().then(() => session.append("more")));
      await model.dispose();
      return { right, again, error, held, given, after, later, gone };
    }, SHORT);
    assert.equal(found.error?.code, "worker/ended");
    assert.deepEqual(found.again, [found.right, found.right]);
    assert.equal(found.after, found.held + 4, JSON.stringify(found));
    assert.equal(found.later, found.after + 1, JSON.stringify(found));
    assert.equal(found.gone?.code, "session/disposed");
  });
});

test("after a trap every open call ends at once, and the model comes back", { timeout: 60_000 }, async () => {
  const found = await page.evaluate(async (source) => {
    const { Model } = await import("/broken/traps/index.js");
    const model = await Model.load(source, { device: "cpu", restart: true });
    const session = await model.session();
    const n = await session.append("The keeper");
    const open = [model.generate("trap", { maxNewTokens: 20 }).text(), session.append(" of the lamp"), model.generate("more").text()];
    const errors = await Promise.all(open.map(globalThis.told));
    const ids = [...(await model.tokenize("The keeper", { addSpecial: true }))].length;
    const held = (await session.generate({ maxNewTokens: 1 }).result).usage.promptTokens;
    await model.dispose();
    return { n, errors, ids, held };
  }, MODEL);
  assert.deepEqual(found.errors.map((error) => error?.code), Array(3).fill("worker/crashed"), JSON.stringify(found));
  assert.equal(found.held, found.n);
  assert.ok(found.ids > 0);
});
