// Heads over tokens in a page: entities and answers of the tiny encoders, whose logits and spans `transformers` says (tests/golden/make_encoders.py).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { expectedOf, openApp } from "./support/app.mjs";

/** Scores are of the tests' limit for logits in a page, 2e-3, or less. */
const LIMIT = 2e-3;

let opened, page;
before(async () => {
  opened = await openApp({ gpu: "none" });
  ({ page } = opened);
});
after(() => opened?.close());

for (const folder of ["tiny-bert-entities", "tiny-roberta-entities"]) {
  test(`${folder}: extractEntities gives the spans of transformers' pipeline`, async () => {
    const cases = expectedOf(folder).cases.filter(({ spans }) => spans?.length > 0);
    assert.ok(cases.length >= 2);
    const { info, all, unknown } = await page.evaluate(
      async ([folder, texts]) => {
        const model = await nanolm.Model.load(`/golden/${folder}/`, { device: "cpu", cache: false });
        const all = [];
        for (const text of texts) all.push(await model.extractEntities(text));
        const unknown = await failure(model.extractEntities(texts[0], { tipes: ["PER"] }));
        const { tasks, methods } = model.info;
        await model.dispose();
        return { info: { tasks, way: methods.entities }, all, unknown };
      },
      [folder, cases.map(({ text }) => text)],
    );
    assert.deepEqual([info.tasks[0], info.way], ["entities", "model"]);
    for (const [i, { text, spans }] of cases.entries()) {
      assert.deepEqual(all[i].map(({ type, start, end }) => [type, start, end]), spans.map((span) => span.slice(0, 3)), text);
      for (const [j, found] of all[i].entries()) {
        assert.ok(Math.abs(found.score - spans[j][3]) < LIMIT, `${text}: ${found.score}, ${spans[j]}`);
        assert.equal(found.text, text.slice(found.start, found.end));
      }
    }
    assert.equal(unknown.code, "option/invalid");
  });
}

for (const folder of ["tiny-bert-answers", "tiny-distilbert-answers"]) {
  test(`${folder}: answer gives the likeliest span, or none`, async () => {
    const { query, cases: every } = expectedOf(folder);
    // Of a text that takes several windows the reference has the first alone.
    const cases = every.filter(({ text, words }) => words.length === 0 || words.at(-1) === text.trimEnd().length);
    const { way, all } = await page.evaluate(
      async ([folder, question, texts]) => {
        const model = await nanolm.Model.load(`/golden/${folder}/`, { device: "cpu", cache: false });
        const all = [];
        for (const text of texts) all.push(await model.answer(question, text));
        const way = model.info.methods.answer;
        await model.dispose();
        return { way, all };
      },
      [folder, query, cases.map(({ text }) => text)],
    );
    assert.equal(way, "model");
    let answers = 0;
    for (const [i, { text, words, logits }] of cases.entries()) {
      const wanted = best(words, logits);
      if (wanted === null) {
        assert.equal(all[i], null, text);
        continue;
      }
      answers++;
      const { start, end, score } = all[i];
      assert.deepEqual([start, end, all[i].text], [wanted.start, wanted.end, text.slice(start, end)], text);
      assert.ok(Math.abs(score - wanted.score) < LIMIT, `${text}: ${score}, ${wanted.score}`);
    }
    assert.ok(answers > 0);
  });
}

/** By every pair of tokens, from the reference's logits. The first row stands for no answer. */
function best(words, logits) {
  const rows = logits.length / 2;
  const of = (which) => {
    const powers = Array.from({ length: rows }, (_, i) => Math.exp(logits[2 * i + which]));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  };
  const [begins, ends] = [of(0), of(1)];
  let found = null;
  for (let i = 1; i < rows; i++) {
    for (let j = i; j < Math.min(rows, i + 30); j++) {
      const score = begins[i] * ends[j];
      if (score > (found?.score ?? 0)) found = { start: words[2 * (i - 1)], end: words[2 * (j - 1) + 1], score };
    }
  }
  return found !== null && found.score > begins[0] * ends[0] ? found : null;
}
