// Sessions, reuse of what was read, and reading ahead, through the packed package.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { ARTICLE, LONG, SHORT } from "./support/texts.mjs";

let app;
let browser;
before(async () => {
  app = await serveApp();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await app?.close();
});

for (const device of ["cpu", "gpu"]) {
  describe(`on ${device}`, () => {
    let page;
    before(async () => {
      page = await openPage(browser, app);
      await page.evaluate((device) => modelOn(device), device);
    });
    after(async () => {
      assert.deepEqual(page.foreign, [], "no request to another origin");
      assert.deepEqual(await page.evaluate(() => globalThis.unhandled), [], "no unhandled error");
      await page.context().close();
    });

    test("a session is appended to, continued, and copied", async () => {
      const found = await page.evaluate(
        async ([device, text]) => {
          const model = await modelOn(device);
          const session = await model.session();
          const progress = [];
          const counts = [await session.append(text, { onProgress: (p) => progress.push(p) })];
          const first = await session.generate({ maxNewTokens: 8 }).result;
          const fork = await session.fork();
          counts.push(await session.append(" And then"));
          const options = { maxNewTokens: 8, temperature: 1, seed: 5 };
          const [second, third] = await Promise.all([session.generate(options).result, fork.generate(options).result]);
          const again = await model.session(await fork.save());
          counts.push(await again.append(" again"));
          await Promise.all([session.dispose(), fork.dispose(), again.dispose()]);
          const disposed = await failure(session.append("x"));
          return { ids: (await model.tokenize(text)).length, counts, progress, first, second, third, disposed };
        },
        [device, SHORT],
      );
      const { counts, first, second, third, disposed } = found;
      assert.ok(counts[0] >= found.ids, `${counts[0]} tokens`);
      assert.ok(found.progress.every(({ phase, loaded, total }) => phase === "prefill" && loaded <= total));
      assert.equal(first.usage.promptTokens, counts[0]);
      assert.equal(first.usage.cachedTokens, counts[0] - 1);
      assert.equal(second.usage.promptTokens, counts[1]);
      assert.equal(third.usage.promptTokens, counts[0] + first.usage.completionTokens);
      assert.ok(counts[2] > third.usage.promptTokens + third.usage.completionTokens);
      assert.equal(disposed.code, "session/disposed");
      assert.equal(disposed.className, "DisposedError");
    });

    test("a saved session goes on after a reload", async () => {
      const run = (saved) =>
        page.evaluate(
          async ([device, text, saved]) => {
            const model = await modelOn(device);
            const session = await model.session(saved && Uint8Array.from(saved));
            if (!saved) await session.append(text);
            const bytes = await session.save();
            const { text: written, usage } = await session.generate({ maxNewTokens: 12 }).result;
            return { bytes: [...bytes], written, usage };
          },
          [device, SHORT, saved],
        );
      const first = await run(undefined);
      await page.reload();
      await page.waitForFunction(() => globalThis.ready);
      const second = await run(first.bytes);
      assert.equal(second.written, first.written);
      // From the CPU with what the model has computed; from the GPU the tokens alone.
      assert.equal(second.usage.cachedTokens, device === "cpu" ? first.usage.cachedTokens : 0);
      assert.deepEqual(second.bytes.length, first.bytes.length);
    });

    test("the same text is not read twice", async () => {
      const [first, second, headline] = await page.evaluate(
        async ([device, text]) => {
          const model = await modelOn(device);
          const points = await model.summarize(text, { type: "key-points" }).result;
          const again = await model.summarize(text, { type: "key-points" }).result;
          return [points, again, await model.summarize(text, { type: "headline" }).result];
        },
        [device, ARTICLE],
      );
      assert.equal(first.usage.cachedTokens, 0);
      assert.deepEqual(second.points, first.points);
      assert.equal(second.usage.promptTokens, first.usage.promptTokens);
      assert.ok(second.usage.cachedTokens > 100, JSON.stringify(second.usage));
      assert.ok(headline.usage.cachedTokens >= 128, JSON.stringify(headline.usage));
    });
  });
}

describe("on the CPU", () => {
  let page;
  before(async () => {
    page = await openPage(browser, app);
    await page.evaluate(() => modelOn("cpu"));
  });
  after(() => page.context().close());

  test("reading ahead changes no token", async () => {
    const runs = await page.evaluate(async (text) => {
      const model = await modelOn("cpu");
      const runs = [];
      for (const options of [{}, { temperature: 0.3, seed: 3 }, { repetitionPenalty: 1.2 }]) {
        const run = (speculate) => readAll(model.generate(`${text} ${text} ${text}`, { maxNewTokens: 40, ...options, speculate }));
        runs.push([await run(false), await run(true), await run(undefined)]);
      }
      return runs;
    }, SHORT);
    for (const [plain, ahead, automatic] of runs) {
      assert.deepEqual(ahead.pieces, plain.pieces);
      assert.deepEqual(automatic.pieces, plain.pieces);
      assert.equal(plain.result.usage.draftedTokens, 0);
      assert.ok(ahead.result.usage.draftedTokens > 0);
      assert.ok(ahead.result.usage.acceptedTokens <= ahead.result.usage.draftedTokens);
    }
  });

  test("damaged bytes and those of another model are refused, and the model goes on", async () => {
    const { errors, text } = await page.evaluate(async (text) => {
      const model = await modelOn("cpu");
      const other = await modelOn("cpu", "/golden/tiny-llama/model-q8_0.gguf");
      const session = await model.session();
      await session.append(text);
      const saved = await session.save();
      const damaged = saved.slice();
      damaged[saved.length >> 1] ^= 4;
      const errors = [];
      for (const bytes of [saved.slice(0, -1), damaged, new Uint8Array(0), new TextEncoder().encode("nothing of the kind")]) {
        errors.push(await failure(model.session(bytes)));
      }
      errors.push(await failure(other.session(saved)));
      const unsuitable = await failure(model.session("text"));
      return { errors: [...errors, unsuitable], text: await session.generate({ maxNewTokens: 4 }).text() };
    }, SHORT);
    const unsuitable = errors.pop();
    for (const error of errors) {
      assert.equal(error.code, "session/invalid");
      assert.equal(error.className, "SessionError");
    }
    assert.match(errors.at(-1).message, /model/);
    assert.equal(unsuitable.code, "option/invalid");
    assert.ok(text.length > 0);
  });

  test("an aborted append takes nothing in; what was written before a break stays", async () => {
    const found = await page.evaluate(
      async ([text, long]) => {
        const model = await modelOn("cpu");
        const session = await model.session();
        const before = await session.append(text);
        const stop = new AbortController();
        // Longer than the context is refused at once; as long as it allows takes a while.
        const full = await failure(session.append(long));
        const ids = (await model.tokenize(long)).slice(0, model.info.contextLength - before - 40);
        const aborted = failure(session.append(await model.detokenize(ids), { signal: stop.signal, onProgress: () => stop.abort() }));
        const error = await aborted;
        // Many more than are written while the page leaves the loop.
        const stream = session.generate({ maxNewTokens: model.info.contextLength - before });
        let pieces = 0;
        for await (const _ of stream) if (++pieces === 3) break;
        const { usage, finishReason } = await stream.result;
        return { before, full, error, usage, finishReason, after: await session.append("") };
      },
      [SHORT, LONG],
    );
    assert.equal(found.full.code, "session/context-full");
    assert.equal(found.error.name, "AbortError");
    assert.equal(found.finishReason, "abort");
    assert.equal(found.usage.promptTokens, found.before);
    assert.equal(found.after, found.before + found.usage.completionTokens);
  });

  test("calls on sessions and on the model queue in order", async () => {
    const order = await page.evaluate(async (text) => {
      const model = await modelOn("cpu");
      const session = await model.session();
      const order = [];
      const note = (name) => () => order.push(name);
      await Promise.all([
        session.append(text).then(note("append")),
        model.generate(text, { maxNewTokens: 5 }).result.then(note("generate")),
        session.generate({ maxNewTokens: 5 }).result.then(note("continue")),
        session.fork().then(note("fork")),
        session.save().then(note("save")),
      ]);
      return order;
    }, SHORT);
    assert.deepEqual(order, ["append", "generate", "continue", "fork", "save"]);
  });
});
