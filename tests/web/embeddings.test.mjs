// Vectors, similarity and labels of one's own, by the packed table: right, fetched once and only when needed, offline after that.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";

const TABLE = "/nanolm/model/nanolm-table.gguf";
const TINY = "/golden/tiny-llama/model-q8_0.gguf";

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

const fetched = () => app.requests.filter(({ path, method }) => path === TABLE && method === "GET").length;

describe("labels of one's own", () => {
  test("the right one comes first, with the whole text read; where nothing tells, scores are near even", async () => {
    const found = await page.evaluate(async () => {
      const model = await nanolm.Model.load(undefined, { device: "cpu" });
      const subjects = ["science", "sport", "politics"];
      const football = "The striker scored two goals in the cup final. ";
      const out = {
        readme: await model.classify(football, subjects),
        politics: await model.classify("The senate passed the bill after a long debate.", subjects),
        science: await model.classify("Researchers measured the mass of a new particle.", subjects),
        once: await model.classify(football, ["sports", "politics"]),
        long: await model.classify(football.repeat(20) + "The senate passed the bill after a long debate. ".repeat(200), ["sports", "politics"]),
        baking: await model.classify(football.repeat(20) + "Knead the dough and bake the bread. ".repeat(200), ["football", "baking"]),
        nothing: await model.classify("…", subjects),
        surrogate: await model.classify(football, ["label a\ud83d", "sport"]),
        refusals: [],
      };
      for (const labels of [[], [""], ["a", "A"], ["sport", 3]]) {
        out.refusals.push((await failure(model.classify(football, labels))).code);
      }
      await model.dispose();
      // JSON keeps a lone surrogate as it is written.
      return JSON.parse(JSON.stringify(out));
    });
    for (const [name, label] of Object.entries({
      readme: "sport", politics: "politics", science: "science", once: "sports", long: "politics", baking: "baking",
    })) {
      assert.equal(found[name][0].label, label, `${name}: ${JSON.stringify(found[name])}`);
      assert.ok(Math.abs(found[name].reduce((sum, { score }) => sum + score, 0) - 1) < 1e-3);
    }
    assert.deepEqual(found.nothing.map(({ score }) => score.toFixed(3)), ["0.333", "0.333", "0.333"]);
    assert.deepEqual(found.surrogate.map(({ label }) => label).sort(), ["label a\ud83d", "sport"]);
    assert.deepEqual(found.refusals, ["option/invalid", "option/invalid", "option/invalid", "option/invalid"]);
  });

  test("any model has them", async () => {
    const found = await page.evaluate(async (source) => {
      const model = await nanolm.Model.load(source, { device: "cpu" });
      const labels = await model.classify("The striker scored two goals in the cup final.", ["science", "sport"]);
      const trained = await failure(model.classify("A text."));
      await model.dispose();
      return { labels, trained };
    }, TINY);
    assert.equal(found.labels[0].label, "sport");
    assert.equal(found.trained.code, "task/unsupported");
  });
});

describe("vectors", () => {
  test("have length 1, say what is alike, and are owned", async () => {
    const found = await page.evaluate(async (source) => {
      const model = await nanolm.Model.load(source, { device: "cpu" });
      const texts = ["How do I reset my password?", "I forgot my login and need a new one.", "What time does the train leave?", ""];
      const vectors = await model.embed(texts);
      const one = await model.embed(texts[0]);
      const pair = await model.similarity(texts[0], texts[1]);
      const all = await model.similarity(texts[0], [vectors[1], texts[2], one]);
      const progress = [];
      const many = await model.embed(Array.from({ length: 3000 }, (_, i) => `${texts[i % 3]} ${i} `.repeat(10)), {
        onProgress: ({ phase, loaded, total }) => progress.push([phase, loaded, total]),
      });
      const out = {
        lengths: vectors.map((vector) => Math.hypot(...vector)),
        kinds: vectors.map((vector) => [vector instanceof Float32Array, vector.byteLength === vector.buffer.byteLength]),
        same: one.every((x, i) => x === vectors[0][i]),
        pair, all, many: many.length, progress,
        none: await model.embed([]),
        bad: await Promise.all([
          failure(model.embed(3)), failure(model.embed(["a", 3])), failure(model.embed("a", { size: 3 })),
          failure(model.similarity("a", {})), failure(model.similarity("a", [new Float32Array(3)])),
        ]),
      };
      await model.dispose();
      out.after = await failure(model.embed("a"));
      return out;
    }, TINY);
    assert.deepEqual(found.lengths.map((x) => x.toFixed(3)), ["1.000", "1.000", "1.000", "0.000"]);
    assert.ok(found.kinds.every(([float32, owned]) => float32 && owned));
    assert.ok(found.same);
    assert.ok(found.pair > found.all[1] + 0.1, `${found.pair} ${found.all}`);
    assert.ok(Math.abs(found.all[0] - found.pair) < 1e-6 && Math.abs(found.all[2] - 1) < 1e-5);
    assert.equal(found.many, 3000);
    assert.deepEqual(found.progress.at(-1), ["embed", 3000, 3000]);
    assert.deepEqual(found.none, []);
    assert.deepEqual(found.bad.map(({ code }) => code), Array(5).fill("option/invalid"));
    assert.match(found.bad[1].message, /texts\[1\]/);
    assert.match(found.bad[3].message, /option b:/);
    assert.equal(found.after.code, "model/disposed");
  });

  test("group what is nearly the same, say how far they are, and can be stopped", async () => {
    const found = await page.evaluate(async (source) => {
      const model = await nanolm.Model.load(source, { device: "cpu" });
      const up = "Shares of the company were up 5 % on Monday, after it had told of higher sales in Europe.";
      const texts = [up, "A cat sat on a mat.", up.replace("up", "down"), `${up} `, up.replace("5", "6"), "A cat sat on the mat!"];
      const progress = [];
      const onProgress = ({ phase, loaded, total }) => progress.push([phase, loaded, total]);
      const groups = await model.nearDuplicates(texts, { onProgress });
      const alike = await model.nearDuplicates(texts, { sameFacts: false });
      const controller = new AbortController();
      const many = Array.from({ length: 3000 }, (_, i) => `text ${i} of many`);
      const stopped = await failure(model.nearDuplicates(many, { signal: controller.signal, onProgress: () => controller.abort() }));
      const bad = await Promise.all([failure(model.nearDuplicates("a")), failure(model.nearDuplicates(["a", 3])), failure(model.nearDuplicates([], { threshold: 2 }))]);
      const out = { groups, alike, progress: progress.at(-1), stopped: stopped.name, bad, none: await model.nearDuplicates([]) };
      await model.dispose();
      return out;
    }, TINY);
    assert.deepEqual(found.groups.map((group) => group.map(({ index }) => index)), [[0, 3], [1, 5]]);
    assert.ok(found.groups.flat().every(({ score }) => score > 0.9 && score <= 1) && found.groups[0][0].score === 1);
    assert.deepEqual(found.alike.map((group) => group.map(({ index }) => index)), [[0, 2, 3, 4], [1, 5]]);
    assert.deepEqual(found.progress, ["compare", 6, 6]);
    assert.equal(found.stopped, "AbortError");
    assert.deepEqual(found.bad.map(({ code }) => code), Array(3).fill("option/invalid"));
    assert.deepEqual(found.none, []);
  });

  test("are there while the model writes, and can be stopped", async () => {
    const found = await page.evaluate(async (source) => {
      const model = await nanolm.Model.load(source, { device: "cpu" });
      await model.embed("a");
      const stream = model.generate("The keeper", { maxNewTokens: 60 });
      const text = stream.text();
      const vector = await model.embed("The keeper of the light");
      const controller = new AbortController();
      const many = model.embed(Array(200_000).fill("a long text about nothing in particular"), {
        signal: controller.signal,
        onProgress: () => controller.abort(),
      });
      const stopped = await failure(many);
      const out = { vector: vector.length, text: (await text).length, stopped: stopped.name, again: (await model.embed("a")).length };
      await model.dispose();
      return out;
    }, TINY);
    assert.equal(found.stopped, "AbortError");
    assert.ok(found.text > 0 && found.vector >= 64 && found.again === found.vector);
  });
});

describe("the table", () => {
  test("is fetched when first needed, once for all who wait, works without network then, and is kept", async () => {
    const start = fetched();
    await page.evaluate(async (source) => {
      globalThis.model = await nanolm.Model.load(source, { device: "cpu" });
      await model.generate("The keeper", { maxNewTokens: 2 }).text();
    }, TINY);
    assert.equal(fetched(), start, "not needed yet");
    const found = await page.evaluate(async () => {
      const progress = [[], []];
      const listen = (list) => ({ onProgress: ({ phase, loaded, total }) => list.push([phase, loaded, total]) });
      const [labels, vector] = await Promise.all([
        model.classify("A goal in the match.", ["sport", "science"], listen(progress[0])),
        model.embed("a text", listen(progress[1])),
      ]);
      return { label: labels[0].label, size: vector.length, progress: progress.map((list) => list.filter(([phase]) => phase === "download")) };
    });
    assert.equal(fetched(), start + 1);
    assert.equal(found.label, "sport");
    for (const download of found.progress) assert.ok(download.length > 0 && download.at(-1)[1] === download.at(-1)[2], "both heard of it");
    await page.context().setOffline(true);
    assert.equal(await page.evaluate(() => model.embed("offline").then((vector) => vector.length)), found.size);
    await page.context().setOffline(false);
    // Another model, as after a reload of the page, takes what was kept.
    const again = await page.evaluate(async (source) => {
      const other = await nanolm.Model.load(source, { device: "cpu" });
      const { length } = await other.embed("a text");
      await other.dispose();
      return length;
    }, TINY);
    assert.equal(again, found.size);
    assert.equal(fetched(), start + 1, "from the cache");
  });

  test("comes with the model where it is asked for", async () => {
    const start = fetched();
    const offline = await page.evaluate(async (source) => {
      const phases = new Set();
      globalThis.model = await nanolm.Model.load(source, {
        device: "cpu", embeddings: true, cache: false, onProgress: ({ phase }) => phases.add(phase),
      });
      return [...phases];
    }, TINY);
    assert.equal(fetched(), start + 1);
    assert.ok(offline.includes("download"));
    await page.context().setOffline(true);
    const label = await page.evaluate(async () => (await model.classify("A goal in the match.", ["sport", "science"]))[0].label);
    assert.equal(label, "sport");
    await page.context().setOffline(false);
  });

  test("that does not arrive is an error with its code, and the next call tries again", async () => {
    let broken = true;
    await page.context().route(`**${TABLE}`, (route) => (broken ? route.fulfill({ status: 503 }) : route.continue()));
    const first = await page.evaluate(async (source) => {
      globalThis.model = await nanolm.Model.load(source, { device: "cpu", cache: false });
      const both = [await failure(model.embed("a")), await failure(nanolm.Model.load(source, { device: "cpu", cache: false, embeddings: true }))];
      return [...both.map(({ code }) => code), await model.generate("The keeper", { maxNewTokens: 2 }).text()];
    }, TINY);
    assert.deepEqual(first.slice(0, 2), ["download/status", "download/status"]);
    assert.ok(first[2].length > 0, "the model goes on");
    broken = false;
    assert.ok((await page.evaluate(() => model.embed("a").then(({ length }) => length))) >= 64);
    // A damaged file says so.
    await page.context().unroute(`**${TABLE}`);
    await page.context().route(`**${TABLE}`, (route) => route.fulfill({ status: 200, contentType: "application/octet-stream", body: "no table" }));
    const damaged = await page.evaluate(async (source) => {
      const other = await nanolm.Model.load(source, { device: "cpu", cache: false });
      const error = await failure(other.embed("a"));
      await other.dispose();
      return error.code;
    }, TINY);
    assert.equal(damaged, "format/invalid");
    await page.context().unroute(`**${TABLE}`);
  });

  test("a wait for it can be stopped alone", async () => {
    const release = [];
    await page.context().route(`**${TABLE}`, (route) => new Promise((resolve) => release.push(() => resolve(route.continue()))));
    const stopped = await page.evaluate(async (source) => {
      globalThis.model = await nanolm.Model.load(source, { device: "cpu", cache: false });
      const controller = new AbortController();
      globalThis.other = model.embed("goes on");
      const call = failure(model.embed("a", { signal: controller.signal }));
      controller.abort();
      return (await call).name;
    }, TINY);
    assert.equal(stopped, "AbortError");
    while (release.length === 0) await page.waitForTimeout(20);
    for (const go of release) go();
    assert.ok((await page.evaluate(() => other.then(({ length }) => length))) >= 64);
    await page.context().unroute(`**${TABLE}`);
  });
});
