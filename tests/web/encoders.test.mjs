// Encoders in the page: vectors as `transformers` makes them, from both kinds of file; what their options do; abort and progress.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";

const FOLDER = "/golden/tiny-bert/";
const expected = JSON.parse(readFileSync(join(ROOT, "tests/golden/tiny-bert/expected.json")));
const cases = expected.cases;

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

function assertNear(found, wanted, name) {
  assert.equal(found.length, wanted.length, name);
  wanted.forEach((x, i) => assert.ok(Math.abs(found[i] - x) < 3e-4, `${name}, ${i}: expected ${x}, found ${found[i]}`));
}

describe("an encoder", () => {
  test("makes the vectors that its files describe, from a folder and from GGUF", async () => {
    const texts = cases.map(({ text }) => text);
    const found = await page.evaluate(
      async ({ folder, texts }) => {
        const model = await nanolm.Model.load(folder, { device: "auto" });
        const gguf = await nanolm.Model.load(`${folder}model-f16.gguf`);
        const progress = [];
        const out = {
          info: model.info,
          vectors: (await model.embed(texts, { onProgress: (each) => progress.push(each) })).map((vector) => [...vector]),
          cls: (await model.embed(texts, { pooling: "cls", normalize: false })).map((vector) => [...vector]),
          gguf: [...(await gguf.embed(texts[0]))],
          progress,
        };
        await Promise.all([model.dispose(), gguf.dispose()]);
        return out;
      },
      { folder: FOLDER, texts },
    );
    assert.equal(found.info.tasks[0], "embed");
    assert.equal(found.info.device.kind, "cpu");
    assert.match(found.info.device.reason, /^encoders run on the CPU/);
    // sentence_bert_config.json was found beside modules.json.
    assert.equal(found.info.contextLength, 48);
    cases.forEach(({ text, mean, cls }, i) => {
      const length = Math.hypot(...mean);
      assertNear(found.vectors[i], mean.map((x) => x / length), text);
      assertNear(found.cls[i], cls, text);
    });
    assertNear(found.gguf, found.vectors[0], "GGUF");
    assert.deepEqual(found.progress.at(-1), { phase: "embed", loaded: texts.length, total: texts.length });
    assert.ok(!app.requests.some(({ path }) => path.endsWith("nanolm-table.gguf")), "no table is fetched");
  });

  test("ranks texts, takes options, and says what it cannot", async () => {
    const found = await page.evaluate(async (folder) => {
      const model = await nanolm.Model.load(folder);
      const texts = ["a ship", "the keeper lights the lamp", "lamp!"];
      const [vector] = await model.embed([texts[1]]);
      const stop = new AbortController();
      const long = model.embed(Array.from({ length: 3000 }, () => "the ship and the lamp ".repeat(20)), { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) });
      const out = {
        ranked: await model.rank("The keeper lights the lamp", texts),
        top: await model.rank(vector, texts, { top: 1 }),
        prefixed: await model.rank("keeper lights the lamp", texts, { queryPrefix: "the " }),
        similar: await model.similarity(texts[1], texts),
        short: [...(await model.embed("lamp", { dimensions: 4 }))],
        aborted: await failure(long),
        refusals: [
          await failure(model.embed("a", { dimensions: 49 })),
          await failure(model.embed("a", { pooling: "max" })),
          await failure(model.embed("a", { normalise: true })),
          await failure(model.generate("The keeper").result),
          await failure(model.chat([{ role: "user", content: "Hello" }]).result),
          await failure(nanolm.Model.load(folder, { device: "gpu" })),
        ],
        alive: (await model.embed("lamp")).length,
      };
      await model.dispose();
      return out;
    }, FOLDER);
    assert.equal(found.ranked[0].index, 1);
    assert.ok(Math.abs(found.ranked[0].score - 1) < 1e-5);
    assert.ok(found.ranked[1].score >= found.ranked[2].score);
    assert.deepEqual(found.top.map(({ index }) => index), [1]);
    assert.equal(found.prefixed[0].index, 1);
    assert.ok(Math.abs(found.prefixed[0].score - 1) < 1e-5);
    assert.ok(Math.abs(found.similar[1] - 1) < 1e-5);
    assert.equal(found.short.length, 4);
    assert.ok(Math.abs(Math.hypot(...found.short) - 1) < 1e-5);
    assert.match(found.aborted.message, /enough/);
    assert.deepEqual(
      found.refusals.map(({ code }) => code),
      ["option/invalid", "option/invalid", "option/invalid", "task/unsupported", "task/unsupported", "gpu/failed"],
    );
    assert.match(found.refusals[3].message, /encoder/);
    assert.equal(found.alive, 48);
  });

  test("tells labels of one's own apart by its vectors, whatever the length of the text", async () => {
    const found = await page.evaluate(async (folder) => {
      const model = await nanolm.Model.load(folder);
      const labels = ["The_keeper", "a ship"];
      const text = "The keeper lights the lamp.";
      const progress = [];
      const out = {
        way: model.info.methods.classify,
        labels: await model.classify(text, labels, { onProgress: (each) => progress.push(each) }),
        cosines: await model.similarity(text, ["the keeper", "a ship"]),
        long: await model.classify(`${text} `.repeat(100), labels),
        progress,
        table: await model.classify("The striker scored two goals in the cup final.", ["science", "sport"], { method: "package" }),
        refusals: [],
      };
      for (const [text, labels, options] of [["a", ["a", "A"]], ["a", [""]], ["a", ["a", 3]], [" ", ["a", "b"]], ["a", ["a"], { labels: 1 }]]) {
        out.refusals.push((await failure(model.classify(text, labels, options))).code);
      }
      await model.dispose();
      const decoder = await nanolm.Model.load("/golden/tiny-llama/model-q8_0.gguf", { device: "cpu" });
      out.refusals.push((await failure(decoder.classify("a", ["a"], { method: "model" }))).code);
      await decoder.dispose();
      return out;
    }, FOLDER);
    assert.equal(found.way, "model");
    const powers = found.cosines.map((cosine) => Math.exp(20 * cosine));
    const expected = Object.fromEntries(["The_keeper", "a ship"].map((label, i) => [label, powers[i] / (powers[0] + powers[1])]));
    for (const { label, score } of found.labels) assert.ok(Math.abs(score - expected[label]) < 1e-3, `${label}: ${score}, expected ${expected[label]}`);
    assert.ok(found.labels[0].score >= found.labels[1].score);
    assert.deepEqual(found.progress.at(-1), { phase: "score", loaded: 3, total: 3 });
    assert.ok(Math.abs(found.long.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-6, JSON.stringify(found.long));
    assert.equal(found.table[0].label, "sport");
    assert.deepEqual(found.refusals, Array(6).fill("option/invalid"));
  });
});

test("the table has no choices", async () => {
  const refused = await page.evaluate(async () => {
    const model = await nanolm.Model.load("/golden/tiny-llama/model-q8_0.gguf", { device: "cpu" });
    const refused = await failure(model.embed("a", { prefix: "query: " }));
    await model.dispose();
    return refused;
  });
  assert.equal(refused.code, "option/invalid");
});
