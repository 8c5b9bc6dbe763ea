// What is made of a head's logits over tokens: entities, answers and windows. The modules are those of dist/; the logits and the spans are
// those of `transformers` (tests/golden/make_encoders.py), and what the engine would answer is made of them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { ROOT } from "../web/support/browser.mjs";

const part = (name) => import(pathToFileURL(join(ROOT, "pkg-scripts/npm/dist/model/heads", name)));
const [{ byTokens, merged }, { answer, bestOf }, { windowsOf }] = await Promise.all(["entities.js", "answer.js", "read.js"].map(part));
const expected = (folder) => JSON.parse(readFileSync(join(ROOT, "tests/golden", folder, "expected.json"), "utf8"));
/** An engine that answers with what `read` makes of a text. */
const engine = (read, asked = []) => ({
  send: (request) => {
    asked.push(request);
    return { answer: Promise.resolve(request.method === "sentences" ? [{ start: 0, end: request.text.length }] : read(request)) };
  },
});
const reads = (labels, { words, logits }) => ({ labels, words: Uint32Array.from(words), logits: Float32Array.from(logits) });

for (const folder of ["tiny-bert-entities", "tiny-roberta-entities"]) {
  test(`${folder}: the entities of transformers' pipeline`, async () => {
    const { labels, cases } = expected(folder);
    const known = cases.filter(({ spans }) => spans);
    assert.ok(known.length >= 3);
    for (const one of known) {
      const { found, others } = await byTokens(engine(() => reads(labels, one)), one.text, 64, {});
      assert.deepEqual(others, []);
      assert.deepEqual(found.map(({ type, start, end }) => [type, start, end]), one.spans.map((span) => span.slice(0, 3)), one.text);
      for (const [i, { score, text, start, end }] of found.entries()) {
        assert.ok(Math.abs(score - one.spans[i][3]) < 1e-5, `${one.text}: ${score}, ${one.spans[i]}`);
        assert.equal(text, one.text.slice(start, end));
      }
      const some = await byTokens(engine(() => reads(labels, one)), one.text, 64, { types: ["PER", "DATE"] });
      assert.deepEqual(some, { found: found.filter(({ type }) => type === "PER"), others: ["DATE"] });
    }
  });
}

test("the labels' names say the scheme", () => {
  const spans = (...labels) => merged(labels.map((label, i) => ({ start: i, end: i + 1, label, score: 1 }))).map(({ type, start, end }) => `${type} ${start}-${end}`);
  assert.deepEqual(spans("B-PER", "I-PER", "B-PER", "O", "I-LOC", "I-LOC", "I-PER"), ["PER 0-2", "PER 2-3", "LOC 4-6", "PER 6-7"]);
  assert.deepEqual(spans("U-PER", "U-PER", "B-LOC", "I-LOC", "L-LOC", "L-LOC"), ["PER 0-1", "PER 1-2", "LOC 2-5", "LOC 5-6"]);
  assert.deepEqual(spans("S-PER", "B-LOC", "E-LOC", "I-LOC"), ["PER 0-1", "LOC 1-3", "LOC 3-4"]);
  assert.deepEqual(spans("PER", "PER", "O", "PER", "LOC"), ["PER 0-2", "PER 3-4", "LOC 4-5"]);
});

/** A model that reads six words at once, and labels those with a capital. */
function small({ text }) {
  const places = Array.from(text.matchAll(/\S+/g), (match) => [match.index, match.index + match[0].length]).slice(0, 6);
  const logits = [0, 0, ...places.flatMap(([start]) => (/\p{Lu}/u.test(text[start]) ? [0, 9] : [9, 0]))];
  return reads(["O", "NAME"], { words: places.flat(), logits });
}

test("a long text without spaces behind many words is read to its end, each window behind the one before", async () => {
  const text = `${"Ada met Zola. ".repeat(300)}${"灯台守り".repeat(900)}`;
  const starts = [];
  const letters = ({ text: part }) => {
    starts.push(text.length - part.length);
    assert.ok(part.length > 0 && starts.length < 2000, "a window is empty, or there is no end of them");
    const places = Array.from(part.matchAll(/\p{L}/gu), (match) => [match.index, match.index + 1]).slice(0, 64);
    return reads(["O", "NAME"], { words: places.flat(), logits: Array.from({ length: 2 * (places.length + 1) }, (_, i) => (i % 2 ? 9 : 0)) });
  };
  const windows = await windowsOf(engine(letters), text, undefined, 64, {});
  assert.equal(windows.at(-1).words.at(-1).end, text.length);
  const firsts = windows.map(({ words }) => words[0].start);
  assert.deepEqual(firsts, [...new Set(firsts)].sort((a, b) => a - b));
});

test("a long text is read in windows, and no entity is cut where one ends", async () => {
  const text = `😀 ${"a b c d e Ada King Lovelace f g h Émile Zola ".repeat(40)}`;
  const wanted = Array.from(text.matchAll(/Ada King Lovelace|Émile Zola/g), (match) => [match[0], match.index]);
  const progress = [];
  const { found } = await byTokens(engine(small), text, 6, { onProgress: ({ loaded, total }) => progress.push([loaded, total]) });
  assert.deepEqual(found.map(({ text, start }) => [text, start]), wanted);
  assert.deepEqual(progress.at(-1), [text.length, text.length]);
  assert.ok(progress.length > 40);
  // Whatever is in it, it comes to an end, without a word or with one alone.
  for (const odd of ["", " ".repeat(5000), "x".repeat(5000), `${"x".repeat(5000)} Ada`]) {
    const windows = await windowsOf(engine(small), odd, undefined, 6, {});
    assert.ok(windows.length >= 1 && windows.length < 100, `${windows.length} windows`);
  }
  const stop = new AbortController();
  const stopping = engine((request) => (stop.abort(new Error("enough")), small(request)));
  await assert.rejects(windowsOf(stopping, text, undefined, 6, { signal: stop.signal }), /enough/);
  await assert.rejects(byTokens(engine(small), text, 6, { tpyes: ["NAME"] }), /tpyes/);
  await assert.rejects(byTokens(engine(small), text, 6, { types: [] }), /types/);
});

for (const folder of ["tiny-bert-answers", "tiny-roberta-answers", "tiny-distilbert-answers"]) {
  test(`${folder}: the span with the greatest product, or none`, async () => {
    const { query, cases } = expected(folder);
    for (const one of cases) {
      const asked = [];
      const found = await answer(engine(() => reads(["start", "end"], one), asked), one.text.slice(0, one.words.at(-1) ?? 0), 64, { question: query });
      assert.equal(asked[0].question, query);
      // The same in the plainest way: the first row stands for no answer.
      const probabilities = [0, 1].map((at) => {
        const powers = one.logits.filter((_, i) => i % 2 === at).map(Math.exp);
        const sum = powers.reduce((a, b) => a + b, 0);
        return powers.map((power) => power / sum);
      });
      const [begins, ends] = probabilities;
      let best = { score: begins[0] * ends[0], i: 0, j: 0 };
      for (let i = 1; i < begins.length; i++) {
        for (let j = i; j < Math.min(begins.length, i + 30); j++) {
          if (begins[i] * ends[j] > best.score) best = { score: begins[i] * ends[j], i, j };
        }
      }
      if (best.i === 0) {
        assert.equal(found, null, one.text);
      } else {
        assert.deepEqual([found.start, found.end], [one.words[2 * best.i - 2], one.words[2 * best.j - 1]], one.text);
        assert.equal(found.text, one.text.slice(found.start, found.end));
        assert.ok(Math.abs(found.score - best.score) < 1e-6);
      }
    }
  });
}

test("an answer in one window stands, whatever the others say; no answer in any is null", () => {
  const window = (first, ...tokens) => ({ first, words: tokens.map((row, i) => ({ start: i, end: i + 1, tokens: [row] })), labels: [] });
  const nothing = window([9, 9], [0, 0], [0, 0]);
  assert.equal(bestOf([nothing, nothing]), null);
  assert.equal(bestOf([window([1, 1])]), null);
  const { start, end } = bestOf([nothing, window([0, 0], [0, 0], [8, 0], [0, 8])]);
  assert.deepEqual([start, end], [1, 3]);
});
