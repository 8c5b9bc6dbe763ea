// Encoders with heads in a page: a file's own labels, and pairs of a query and a text, as `transformers` computes them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { expectedOf, openApp } from "./support/app.mjs";

/** Logits of the tiny models are about 1, and f32 sums stand against f64 ones: the largest error in Node is 6.2e-5. */
const MOST = 2e-4;

let opened, app, page;
before(async () => {
  opened = await openApp();
  ({ app, page } = opened);
});
after(() => opened?.close());

const near = (found, wanted, what) => assert.ok(Math.abs(found - wanted) < MOST, `${what}: expected ${wanted}, found ${found}`);

for (const folder of ["tiny-bert-labels", "tiny-roberta-labels", "tiny-distilbert-labels"]) {
  test(`${folder}: every label of the file, the best first`, async () => {
    const { labels, scores, cases } = expectedOf(folder);
    const texts = cases.map(({ text }) => text);
    const before = app.requests.length;
    const found = await page.evaluate(
      async ([source, texts]) => {
        const model = await nanolm.Model.load(source, { device: "cpu" });
        const said = [];
        for (const text of texts) said.push(await model.classify(text));
        const { tasks } = model.info;
        await model.dispose();
        return { said, tasks };
      },
      [`/golden/${folder}/`, texts],
    );
    assert.equal(found.tasks[0], "classify");
    const fetched = app.requests.slice(before).map(({ path }) => path);
    assert.ok(fetched.every((path) => !path.includes("nanolm-topic")), `its own labels need no others: ${fetched}`);
    for (const [i, { text, logits }] of cases.entries()) {
      const powers = logits.map(Math.exp);
      const sum = powers.reduce((a, b) => a + b, 0);
      const wanted = new Map(labels.map((label, n) => [label, scores === "one" ? powers[n] / sum : powers[n] / (1 + powers[n])]));
      assert.equal(found.said[i].length, labels.length, text);
      for (const { label, score } of found.said[i]) near(score, wanted.get(label), `${JSON.stringify(text)}, ${label}`);
      const ranked = found.said[i].map(({ score }) => score);
      assert.deepEqual(ranked, ranked.toSorted((a, b) => b - a));
    }
  });
}

for (const folder of ["tiny-bert-pairs", "tiny-roberta-pairs"]) {
  test(`${folder}: texts by how well they answer the query`, async () => {
    const { query, cases } = expectedOf(folder);
    const found = await page.evaluate(
      async ([source, query, texts]) => {
        const model = await nanolm.Model.load(source, { device: "cpu" });
        const all = await model.rank(query, texts);
        const top = await model.rank(query, texts, { top: 2 });
        const { tasks } = model.info;
        const { code } = await model.embed("a text").then(() => ({}), (error) => error);
        await model.dispose();
        return { all, top, tasks, code };
      },
      [`/golden/${folder}/`, query, cases.map(({ text }) => text)],
    );
    assert.equal(found.tasks[0], "rank");
    assert.equal(found.all.length, cases.length);
    for (const { index, score } of found.all) near(score, cases[index].logits[0], JSON.stringify(cases[index].text));
    const ranked = found.all.map(({ score }) => score);
    assert.deepEqual(ranked, ranked.toSorted((a, b) => b - a));
    assert.deepEqual(found.top, found.all.slice(0, 2));
    assert.equal(found.code, undefined, "vectors come from the package's table");
  });
}
