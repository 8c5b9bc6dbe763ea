// What the tasks that find things give: exact places, scores, refusals, aborts, through the packed package.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { ARTICLE, LONG } from "./support/texts.mjs";

describe("tasks that find things", () => {
  let app, browser, page, tasks;
  before(async () => {
    app = await serveApp();
    browser = await launch();
    page = await openPage(browser, app);
    ({ tasks } = await page.evaluate(async () => (await modelOn("cpu")).info));
  });
  after(async () => {
    assert.deepEqual(await page?.evaluate(() => globalThis.unhandled), []);
    await browser?.close();
    await app?.close();
  });

  /** Calls a method of the default model; gives its value, or its error as plain data. */
  const call = (method, ...args) =>
    page.evaluate(async ([method, args]) => {
      const model = await modelOn("cpu");
      return model[method](...args).then((value) => ({ value }), (error) => ({ error: shown(error) }));
    }, [method, args]);
  const can = (task) => tasks.includes(task);

  test("keywords stand where they say", async () => {
    const { value: keywords } = await call("extractKeywords", ARTICLE, { limit: 5 });
    assert.equal(keywords.length, 5);
    assert.equal(keywords[0].score, 1);
    for (const { text, score, places } of keywords) {
      assert.ok(score > 0 && score <= 1 && places.length > 0);
      assert.equal(ARTICLE.slice(places[0].start, places[0].end), text);
    }
    assert.ok(keywords.every(({ score }, at) => at === 0 || score <= keywords[at - 1].score));
    const { value: all } = await call("extractKeywords", ARTICLE, { limit: 1000 });
    assert.ok(all.length > 5 && keywords.every(({ text }, at) => text === all[at].text));
  });

  test("an answer stands where it says, and what is not said is null", async () => {
    const { value: answer } = await call("answer", "How many blocks of granite did the masons replace?", ARTICLE);
    assert.equal(answer.text, "three hundred");
    assert.equal(ARTICLE.slice(answer.start, answer.end), answer.text);
    assert.match(ARTICLE.slice(answer.sentence.start, answer.sentence.end), /^Masons .*granite\.$/);
    assert.ok(answer.score > 0.35 && answer.score <= 1);
    // Behind a character of two units.
    const { value: later } = await call("answer", "When did two boats run aground?", ARTICLE);
    assert.equal(ARTICLE.slice(later.start, later.end), "May");
    assert.equal((await call("answer", "Who won the football match in Lisbon?", ARTICLE)).value, null);
    assert.equal((await call("answer", "When did two boats run aground?", ARTICLE, { minScore: 1 })).value, null);
  });

  test("what form shows is found by any model", async () => {
    const text = "💡 Write to anna@example.org by 3 May 2026, or pay €5 at https://example.org/pay.";
    const types = ["EMAIL", "DATE", "MONEY", "URL"];
    const { value: found } = await call("extractEntities", text, { types });
    assert.deepEqual(found.map(({ type, text }) => [type, text]), [
      ["EMAIL", "anna@example.org"], ["DATE", "3 May 2026"], ["MONEY", "€5"], ["URL", "https://example.org/pay"],
    ]);
    for (const { text: shown, start, end, score } of found) {
      assert.equal(text.slice(start, end), shown);
      assert.equal(score, 1);
    }
  });

  test("labels and names: what the model was made for, or a refusal that says what it can do", async () => {
    const { value: labels, error } = await call("classify", ARTICLE, ["shipping", "cooking"]);
    if (can("classify")) {
      assert.equal(labels.length, 2);
      assert.ok(Math.abs(labels[0].score + labels[1].score - 1) < 1e-3 && labels[0].score >= labels[1].score);
      for (const labels of [[], [""], ["a", "A"], "nothing of that name", 3]) {
        assert.equal((await call("classify", ARTICLE, labels)).error?.code, "option/invalid", JSON.stringify(labels));
      }
    } else {
      assert.equal(error.code, "task/unsupported");
      assert.equal(error.className, "UnsupportedError");
      assert.match(error.message, /key-points/);
    }
    const { value: names, error: refusal } = await call("extractEntities", ARTICLE);
    if (can("entities")) {
      for (const { text, start, end, score, type } of names) {
        assert.equal(ARTICLE.slice(start, end), text);
        assert.ok(score > 0 && score <= 1 && type);
      }
      assert.ok(names.some(({ text }) => text === "three hundred"));
    } else {
      assert.equal(refusal.code, "task/unsupported");
    }
  });

  test("trained sets and names are fetched when first needed, each once, and any model has them", async () => {
    const fetched = (part) => app.requests.filter(({ path, method }) => path === `/nanolm/model/nanolm-${part}.gguf` && method === "GET").length;
    const other = await openPage(browser, app);
    const found = await other.evaluate(async () => {
      const model = await nanolm.Model.load("/golden/tiny-llama/model-q8_0.gguf", { device: "cpu", cache: false });
      const best = async (text, set) => (await model.classify(text, set))[0];
      const out = {
        sets: model.info.labelSets,
        film: await best("A dull and lifeless film.", "sentiment"),
        good: await best("A moving, beautiful and very funny film: a triumph.", "sentiment"),
        topic: await best("The planet orbits a star; its moons were seen by the telescope.", "topic"),
        form: (await model.extractEntities("Pay €5.", { types: ["MONEY"] })).length,
      };
      const together = await Promise.all([best("I lost my card", "clinc150"), best("Play some jazz", "clinc150")]);
      const text = "💡 Miles Davis flew to London.";
      const names = await model.extractEntities(text);
      await model.dispose();
      return { ...out, together, names: names.map(({ type, text: shown, start, end }) => [type, shown, text.slice(start, end)]) };
    });
    await other.close();
    assert.deepEqual(found.sets, ["topic", "sentiment", "clinc150", "banking77", "snips"]);
    assert.equal(found.film.label, "negative");
    assert.equal(found.good.label, "positive");
    assert.equal(found.topic.label, "astronomy");
    assert.equal(found.form, 1);
    assert.deepEqual(found.together.map(({ label }) => label), ["report lost card", "play music"]);
    assert.deepEqual(found.names, [["PER", "Miles Davis", "Miles Davis"], ["LOC", "London", "London"]]);
    assert.ok(fetched("clinc150") === 1 && fetched("topic") === 1 && fetched("banking77") === 0 && fetched("snips") === 0);
    // The default model asks the same for what it was trained on itself.
    const { value } = await call("classify", "The planet orbits a star; its moons were seen by the telescope.");
    assert.equal(value[0].label, "astronomy");
    assert.ok(value[0].score > 0.8, `${value[0].score}`);
  });

  test("wrong arguments reject by name", async () => {
    const refused = async (...args) => (await call(...args)).error;
    for (const [method, ...args] of [
      ["extractKeywords", ARTICLE, { most: 3 }],
      ["extractKeywords", ARTICLE, { limit: 0 }],
      ["extractKeywords", "  "],
      ["extractKeywords", 7],
      ["extractEntities", ARTICLE, { types: ["PLANET", "DATE"] }],
      ["answer", "", ARTICLE],
      ["answer", 7, ARTICLE],
      ["answer", "Who?", ARTICLE, { minScore: 2 }],
    ]) {
      const error = await refused(method, ...args);
      assert.match(error?.code ?? "", /^(option\/invalid|task\/unsupported)$/, `${method} ${JSON.stringify(args.slice(1))}`);
      assert.ok(error.isNanolmError);
    }
    assert.match((await refused("extractKeywords", ARTICLE, { most: 3 })).message, /most.*limit/);
  });

  test("calls queue, report progress, and end at once when their signal says so", async () => {
    const seen = await page.evaluate(async ([text, long]) => {
      const model = await modelOn("cpu");
      const controller = new AbortController();
      let progress = 0;
      const aborted = failure(model.extractKeywords(long, {
        signal: controller.signal,
        onProgress: () => (++progress === 2 ? controller.abort() : undefined),
      }));
      const order = [];
      const queued = [
        model.answer("Where do fishing boats go?", text).then(() => order.push("answer")),
        model.extractKeywords(text).then(() => order.push("keywords")),
        model.generate("The", { maxNewTokens: 2 }).result.then(() => order.push("generate")),
      ];
      const early = failure(model.extractKeywords(text, { signal: AbortSignal.abort(new Error("before")) }));
      await Promise.all(queued);
      return { aborted: await aborted, early: await early, order, progress };
    }, [ARTICLE, LONG]);
    assert.equal(seen.aborted.name, "AbortError");
    assert.equal(seen.early.message, "before");
    assert.deepEqual(seen.order, ["answer", "keywords", "generate"]);
    assert.ok(seen.progress >= 2);
  });
});
