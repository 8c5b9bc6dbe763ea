// Tasks that a chat model is asked for in words, with a tiny random model: what holds whatever it writes.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";

let browser;
let app;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch({ gpu: "none" });
});
beforeEach(async () => {
  page ??= await openPage(browser, app);
});
after(async () => {
  await browser?.close();
  await app?.close();
});

const TEXT =
  "The keeper of the old lighthouse lit the lamp every evening for forty years. In winter the storms broke its windows twice. " +
  "On 3 March 1962 the council decided to sell the tower. A painter from Aberdeen bought it. The lamp is kept in a museum now.";

describe("model.info", () => {
  test("says which way each task goes", async () => {
    const found = await page.evaluate(async () => {
      const [chat, plain, own] = [await chatModel(), await modelOn("cpu", "/golden/tiny-llama/"), await modelOn("cpu")];
      return [chat, plain, own].map(({ info }) => ({ tasks: info.tasks, methods: info.methods }));
    });
    const [chat, plain, own] = found;
    const rest = { entities: "package", keywords: "package", answer: "package", embed: "package", rank: "package" };
    const instructed = ["tldr", "key-points", "headline", "classify", "rewrite", "translate"];
    assert.deepEqual(chat.methods, { ...Object.fromEntries(instructed.map((task) => [task, "instruction"])), ...rest });
    assert.deepEqual(plain.methods, { classify: "package", ...rest });
    assert.deepEqual(own.methods, { tldr: "model", "key-points": "model", headline: "model", classify: "package", ...rest });
    for (const task of ["generate", "chat", "complete", "entities", "answer", ...instructed]) assert.ok(chat.tasks.includes(task), task);
    for (const task of ["chat", "tldr", "rewrite"]) assert.ok(!plain.tasks.includes(task), task);
    assert.ok(own.tasks.includes("tldr") && own.tasks.includes("complete") && !own.tasks.includes("rewrite"));
  });
});

describe("labels as answers", () => {
  test("are probabilities, against those without a text", async () => {
    const found = await page.evaluate(async (text) => {
      const model = await chatModel();
      const labels = ["winter", "the storm", "lamp"];
      const [found, again] = [await model.classify(text, labels), await model.classify(text, labels, { method: "instruction" })];
      return { labels: found, again, nothing: await model.classify("N/A", labels) };
    }, TEXT);
    assert.deepEqual(found.labels, found.again);
    assert.ok(Math.abs(found.labels.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-5);
    assert.ok(found.labels.every(({ score }, i) => i === 0 || score <= found.labels[i - 1].score));
    assert.deepEqual(found.labels.map(({ label }) => label).sort(), ["lamp", "the storm", "winter"]);
    // Nothing is told of a text that says nothing.
    for (const { label, score } of found.nothing) assert.ok(Math.abs(score - 1 / 3) < 1e-3, `${label}: ${score}`);
  });

  test("the package's vectors stay there for whoever wants them, and a model that cannot chat says so", async () => {
    const found = await page.evaluate(async (text) => {
      const labels = ["buildings", "cookery"];
      const [chat, plain] = [await chatModel(), await modelOn("cpu", "/golden/tiny-llama/")];
      return {
        same: [await chat.classify(text, labels, { method: "package" }), await plain.classify(text, labels)],
        set: [await chat.classify(text, "topic"), await plain.classify(text, "topic")],
        errors: {
          plain: await failure(plain.classify(text, labels, { method: "instruction" })),
          method: await failure(chat.classify(text, labels, { method: "magic" })),
          unknown: await failure(chat.classify(text, labels, { threshold: 1 })),
          empty: await failure(chat.classify(" ", labels)),
          twice: await failure(chat.classify(text, ["a", "a"])),
          number: await failure(chat.classify(text, ["a", 7])),
        },
      };
    }, TEXT);
    assert.deepEqual(found.same[0], found.same[1]);
    assert.equal(found.same[0][0].label, "buildings");
    assert.deepEqual(found.set[0], found.set[1]);
    assert.equal(found.errors.plain.code, "task/unsupported");
    assert.match(found.errors.plain.message, /chat template/);
    for (const name of ["method", "unknown", "empty", "twice", "number"]) assert.equal(found.errors[name].code, "option/invalid", name);
    assert.match(found.errors.unknown.message, /threshold/);
  });
});

describe("summaries in the model's own words", () => {
  test("pieces are the text, sentences no more than asked for, each with its sources", async () => {
    const found = await page.evaluate(async (text) => {
      const model = await chatModel();
      const results = {};
      for (const [name, options] of Object.entries({ tldr: {}, free: { grounded: false }, headline: { type: "headline" } })) {
        const { pieces, result } = await readAll(model.summarize(text, options));
        results[name] = { written: pieces.map(({ text }) => text).join(""), ids: pieces.every(({ tokenId }) => tokenId >= 0), result };
      }
      return results;
    }, TEXT);
    for (const [name, { written, ids, result }] of Object.entries(found)) {
      assert.equal(written, result.text, name);
      assert.ok(ids && result.usage.promptTokens > 100 && result.usage.completionTokens > 0, name);
      assert.ok(Array.isArray(result.sentences), name);
      assert.doesNotMatch(result.text, /[a-z]{2}[.!?]\s+\S/, name);
      for (const { sources } of result.sentences) for (const { start, end } of sources) assert.ok(end > start && end <= TEXT.length);
    }
    assert.doesNotMatch(found.headline.result.text, /\n/);
    // Numbers are the text's, where nothing else is said.
    for (const number of found.tldr.result.text.match(/\d+/g) ?? []) assert.ok(TEXT.includes(number), number);
  });

  test("points have the places of the sentences that say the same, and none has none", async () => {
    const found = await page.evaluate(async (text) => {
      const model = await chatModel();
      return readAll(model.summarize(text, { type: "key-points", length: "long" }));
    }, TEXT);
    const { pieces, result } = found;
    assert.deepEqual(pieces, result.points);
    assert.ok(pieces.length <= 7);
    assert.equal(result.text, pieces.map(({ text }) => text).join("\n"));
    const words = (text) => new Set(text.toLowerCase().match(/\p{L}+/gu));
    for (const { text, start, end, score } of pieces) {
      assert.ok(score > 0 && score <= 1);
      const sentence = words(TEXT.slice(start, end));
      assert.ok([...words(text)].some((word) => sentence.has(word)), text);
    }
  });

  test("of a page, the article is read, and a text that the context has no room for in parts", async () => {
    const found = await page.evaluate(async (text) => {
      const model = await chatModel();
      const count = async (text) => (await model.summarize(text, { grounded: false }).result).usage.promptTokens;
      const html = `<nav><a href="/">Home</a> <a href="/news">News</a></nav><article><p>${text}</p></article><footer>Cookies</footer>`;
      const long = Array.from({ length: 8 }, (_, i) => text.replaceAll("lamp", `lamp ${i}`)).join(" ");
      const { result, pieces } = await readAll(model.summarize(long, { grounded: false }));
      return { plain: await count(text), html: await count(html), limit: model.info.contextLength, long: await model.tokenize(long).then((ids) => ids.length), result, pieces };
    }, TEXT);
    assert.equal(found.html, found.plain);
    assert.ok(found.long > found.limit, `${found.long} tokens`);
    assert.ok(found.result.usage.promptTokens > found.long);
    assert.equal(found.result.text, found.pieces.map(({ text }) => text).join(""));
  });

  test("they can be stopped, and say what is wrong", async () => {
    const found = await page.evaluate(async (text) => {
      const model = await chatModel();
      const stop = new AbortController();
      const aborted = failure(model.summarize(text, { signal: stop.signal }).result);
      stop.abort();
      // Of hundreds of parts it is left in the first one.
      let at;
      const begun = new Promise((resolve) => (at = resolve));
      const leaving = model.summarize(text.repeat(400), { onProgress: at });
      await begun;
      await leaving.cancel();
      const left = await leaving.result;
      const errors = {
        type: await failure(model.summarize(text, { type: "teaser" }).result),
        length: await failure(model.summarize(text, { length: 3 }).result),
        grounded: await failure(model.summarize(text, { grounded: "no" }).result),
        unknown: await failure(model.summarize(text, { lenght: "long" }).result),
        empty: await failure(model.summarize("").result),
      };
      const after = await model.summarize(text).result;
      await model.dispose();
      return { aborted: await aborted, left, errors, after, disposed: await failure(model.summarize(text).result) };
    }, TEXT);
    assert.equal(found.aborted.name, "AbortError");
    assert.equal(found.left.finishReason, "abort");
    for (const [name, error] of Object.entries(found.errors)) assert.equal(error.code, "option/invalid", name);
    assert.match(found.errors.unknown.message, /lenght/);
    assert.ok(found.after.text.length > 0);
    assert.equal(found.disposed.code, "model/disposed");
  });
});

describe("texts written anew", () => {
  test("paragraph by paragraph, with what stood between them", async () => {
    const found = await page.evaluate(async () => {
      const model = await chatModel();
      const text = "  The lamp was lit.\n\nThe storm came.\n \n\nIt went.\n";
      const all = {};
      for (const [name, stream] of Object.entries({ rewrite: model.rewrite(text, { tone: "more-formal" }), translate: model.translate(text, { to: "de" }) })) {
        const { pieces, result } = await readAll(stream);
        all[name] = { written: pieces.map(({ text }) => text).join(""), result };
      }
      const same = await Promise.all([model.translate("It went.", { to: "de" }).text(), model.translate("It went.", { to: "German" }).text()]);
      const plain = await modelOn("cpu", "/golden/tiny-llama/");
      return {
        all,
        same,
        errors: {
          plain: await failure(plain.rewrite(text).result),
          tone: await failure(model.rewrite(text, { tone: "loud" }).result),
          unknown: await failure(model.translate(text, { to: "de", formality: 1 }).result),
          to: await failure(model.translate(text, {}).result),
          nowhere: await failure(model.translate(text, { to: "zzz" }).result),
        },
      };
    });
    for (const [name, { written, result }] of Object.entries(found.all)) {
      assert.equal(written, result.text, name);
      assert.ok(result.text.includes("\n \n\n") && result.text.endsWith("\n"), JSON.stringify(result.text));
    }
    assert.equal(found.same[0], found.same[1]);
    assert.equal(found.errors.plain.code, "task/unsupported");
    for (const name of ["tone", "unknown", "to", "nowhere"]) assert.equal(found.errors[name]?.code, "option/invalid", name);
  });
});

describe("what is found again in the text", () => {
  test("entities of types of one's own stand where they are said to, beside those that the package knows", async () => {
    const found = await page.evaluate(async (text) => {
      const [chat, plain] = [await chatModel(), await modelOn("cpu", "/golden/tiny-llama/")];
      return {
        all: await chat.extractEntities(text, { types: ["building", "DATE", "LOC"] }),
        known: await plain.extractEntities(text, { types: ["DATE", "LOC"] }),
        refused: await failure(plain.extractEntities(text, { types: ["building"] })),
      };
    }, TEXT);
    for (const { text, start, end, score } of found.all) assert.ok(TEXT.slice(start, end) === text && score > 0 && score <= 1, text);
    assert.deepEqual(found.all.filter(({ type }) => type !== "building"), found.known);
    assert.ok(found.known.some(({ text }) => text === "3 March 1962"));
    assert.equal(found.refused.code, "option/invalid");
  });

  test("answers, too, and rules answer where nothing else is said", async () => {
    const found = await page.evaluate(async (text) => {
      const [chat, plain] = [await chatModel(), await modelOn("cpu", "/golden/tiny-llama/")];
      const asked = "When did the council decide?";
      return {
        asked: await chat.answer(asked, text, { method: "instruction", minScore: 0 }),
        rules: [await chat.answer(asked, text), await plain.answer(asked, text)],
        score: await failure(chat.answer(asked, text, { method: "instruction", minScore: 2 })),
      };
    }, TEXT);
    const { asked, rules, score } = found;
    if (asked !== null) assert.equal(TEXT.slice(asked.start, asked.end), asked.text);
    assert.equal(rules[0].text, "3 March 1962");
    assert.deepEqual(rules[0], rules[1]);
    assert.equal(score.code, "option/invalid");
  });
});

describe("model.complete", () => {
  test("gives what comes before and after between the vocabulary's own tokens for it", async () => {
    const found = await page.evaluate(async () => {
      const controls = { "<|fim_prefix|>": 316, "<|fim_suffix|>": 317, "<|fim_middle|>": 318 };
      const model = await chatModel({ controls });
      const [before, after] = ["The lamp <|fim_suffix|> was", " in winter."];
      const options = { maxNewTokens: 16 };
      const filled = await readAll(model.complete(before, { after, ...options }));
      const ids = async (text) => [...(await model.tokenize(text, { controls: "literal" }))];
      const tokens = [...(await model.tokenize("", { addSpecial: true })), 316, ...(await ids(before)), 317, ...(await ids(after)), 318];
      const continued = await readAll(model.complete("The keeper", options));
      const generated = await readAll(model.generate("The keeper", { ...options, controls: "literal" }));
      const long = await model.complete("x ".repeat(600), { after: " y".repeat(600), ...options }).result;
      const plain = await modelOn("cpu", "/golden/tiny-llama/");
      return { filled, tokens: tokens.length, continued, generated, long, none: await failure(plain.complete("a", { after: "b" }).result) };
    });
    const ids = ({ pieces }) => pieces.map(({ tokenId }) => tokenId);
    assert.equal(found.filled.result.usage.promptTokens, found.tokens);
    assert.ok(ids(found.filled).every((id) => id < 316));
    assert.deepEqual(ids(found.continued), ids(found.generated).slice(0, ids(found.continued).length));
    assert.equal(found.long.usage.promptTokens, 512 - 16);
    assert.equal(found.none.code, "task/unsupported");
    assert.match(found.none.message, /filling in the middle/);
  });
});
