// ModernBERT, NomicBERT, EmbeddingGemma, dense modules, a decoder that is pooled and masked language models in the page: as `transformers` computes them (tests/golden/make_encoders.py).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { expectedOf, openApp } from "./support/app.mjs";

let opened, page;
before(async () => {
  opened = await openApp({ gpu: "none" });
  ({ page } = opened);
});
after(() => opened?.close());

function assertNear(found, wanted, limit, name) {
  assert.equal(found.length, wanted.length, name);
  wanted.forEach((x, i) => assert.ok(Math.abs(found[i] - x) < limit, `${name}, ${i}: expected ${x}, found ${found[i]}`));
}

for (const [folder, kind, files] of [
  ["tiny-modernbert", "cls", ["", "model-f16.gguf"]],
  ["tiny-nomic", "mean", ["", "model-f16.gguf"]],
  ["tiny-qwen3embed", "last", ["", "model-f16.gguf"]],
  ["tiny-embeddinggemma", "mean", ["", "model-f16.gguf"]],
]) {
  test(`${folder}: vectors of many texts at once`, async () => {
    // GGUF files do not say that sentence-transformers cut texts off.
    const cases = expectedOf(folder).cases.filter(({ tokens }) => tokens.length < 48);
    const texts = cases.map(({ text }) => text);
    for (const file of files) {
      const { info, vectors } = await page.evaluate(
        async ([address, texts]) => {
          const model = await nanolm.Model.load(address, { cache: false });
          const vectors = (await model.embed(texts)).map((vector) => [...vector]);
          const { tasks, device, prompts } = model.info;
          await model.dispose();
          return { info: { task: tasks[0], device: device.kind, prompts }, vectors };
        },
        [`/golden/${folder}/${file}`, texts],
      );
      assert.deepEqual([info.task, info.device], ["embed", "cpu"]);
      cases.forEach((each, i) => {
        const wanted = each[kind];
        const length = Math.hypot(...wanted);
        assertNear(vectors[i], wanted.map((x) => x / length), 3e-4, `${folder}/${file}: ${each.text}`);
      });
    }
  });
}

test("a folder without tokenizer.json goes by SentencePiece's own file", async () => {
  const { cases, greedy, new: most } = expectedOf("sentencepiece");
  const found = await page.evaluate(
    async ([text, maxNewTokens]) => {
      const out = [];
      // The second time from what was kept.
      for (const _ of [1, 2]) {
        const model = await nanolm.Model.load("/golden/sentencepiece/");
        const ids = [];
        for await (const { tokenId } of model.generate(text, { maxNewTokens, numBeams: 1 })) ids.push(tokenId);
        out.push(ids);
        await model.dispose();
      }
      const opus = await nanolm.Model.check("/golden/sentencepiece/");
      const dense = await nanolm.Model.check("/golden/tiny-embeddinggemma/", { cache: false });
      return { out, checks: [opus, dense].map(({ fits, tasks }) => [fits, tasks[0]]) };
    },
    [cases[0].text, most],
  );
  assert.deepEqual(found.out, [greedy, greedy]);
  assert.deepEqual(found.checks, [[true, "generate"], [true, "embed"]]);
});

test("prompts of the model's files", async () => {
  const found = await page.evaluate(async () => {
    const model = await nanolm.Model.load("/golden/tiny-nomic/", { cache: false });
    const [written, named] = await Promise.all([model.embed("search_query: the lamp"), model.embed("the lamp", { prompt: "query" })]);
    const texts = ["a ship", "the keeper lights the lamp"];
    const out = {
      prompts: model.info.prompts,
      same: written.every((x, i) => x === named[i]),
      byFile: await model.rank("lamp", texts),
      byHand: await model.rank("lamp", texts, { queryPrefix: "search_query: ", prefix: "search_document: " }),
      unknown: await failure(model.embed("a", { prompt: "passage" })),
    };
    await model.dispose();
    return out;
  });
  assert.deepEqual(found.prompts, { query: "search_query: ", document: "search_document: " });
  assert.ok(found.same);
  assert.deepEqual(found.byFile, found.byHand);
  assert.equal(found.unknown.code, "option/invalid");
  assert.match(found.unknown.message, /document, query/);
});

for (const folder of ["tiny-bert-masked", "tiny-modernbert-masked"]) {
  test(`${folder}: tokens for masks, and sparse vectors`, async () => {
    const { fills, sparse } = expectedOf(folder);
    const found = await page.evaluate(
      async ([folder, masked, texts]) => {
        const model = await nanolm.Model.load(`/golden/${folder}/`, { cache: false });
        const all = [];
        for (const text of masked) all.push(await model.fillMask(text));
        const progress = [];
        const vectors = await model.embedSparse(texts, { onProgress: ({ loaded }) => progress.push(loaded) });
        const one = await model.embedSparse(texts[0]);
        const refusals = [await failure(model.fillMask("none")), await failure(model.fillMask("[MASK]", { topK: 0 })), await failure(model.fillMask("[MASK]", { top: 1 }))];
        const tasks = model.info.tasks.slice(0, 2);
        const size = model.info.vocabSize;
        await model.dispose();
        return { tasks, size, all, one: [...one.ids], progress, refusals, vectors: vectors.map(({ ids, weights }) => ({ ids: [...ids], weights: [...weights] })) };
      },
      [folder, fills.map(({ text }) => text), sparse.map(({ text }) => text)],
    );
    assert.deepEqual(found.tasks, ["fill-mask", "embed-sparse"]);
    for (const [i, { text, fills: wanted }] of fills.entries()) {
      assert.deepEqual(found.all[i].map(({ token }) => token), wanted.map(([token]) => token), text);
      assert.deepEqual(found.all[i].map(({ mask }) => mask), wanted.map((_, j) => Math.floor(j / 5)), text);
      assertNear(found.all[i].map(({ score }) => score), wanted.map(([, score]) => score), 1e-3, text);
    }
    const dense = ({ ids, weights }) => Object.assign(Array(found.size).fill(0), Object.fromEntries(ids.map((id, i) => [id, weights[i]])));
    for (const [i, wanted] of sparse.entries()) assertNear(dense(found.vectors[i]), dense(wanted), 1e-3, wanted.text);
    assert.deepEqual(found.one, found.vectors[0].ids);
    assert.equal(found.progress.at(-1), sparse.length);
    assert.deepEqual(found.refusals.map(({ code }) => code), ["option/invalid", "option/invalid", "option/invalid"]);
  });
}

test("heads of ModernBERT", async () => {
  const labels = expectedOf("tiny-modernbert-labels");
  const pairs = expectedOf("tiny-modernbert-pairs");
  const text = labels.cases[0].text;
  const found = await page.evaluate(
    async ([text, query, texts]) => {
      const classifier = await nanolm.Model.load("/golden/tiny-modernbert-labels/", { cache: false });
      const ranker = await nanolm.Model.load("/golden/tiny-modernbert-pairs/", { cache: false });
      const out = { labels: await classifier.classify(text), ranked: await ranker.rank(query, texts) };
      await Promise.all([classifier.dispose(), ranker.dispose()]);
      return out;
    },
    [text, pairs.query, pairs.cases.map(({ text }) => text)],
  );
  const powers = labels.cases[0].logits.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b, 0);
  for (const { label, score } of found.labels) {
    assert.ok(Math.abs(score - powers[labels.labels.indexOf(label)] / sum) < 1e-3, `${label}: ${score}`);
  }
  for (const { index, score } of found.ranked) assert.ok(Math.abs(score - pairs.cases[index].logits[0]) < 2e-3, `${index}: ${score}`);
});
