// What is made of a chat model's answers: lines of lists, how sure it was, and places in the text. The modules are those of dist/.
import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { ROOT } from "../web/support/browser.mjs";

const part = (name) => import(pathToFileURL(join(ROOT, "pkg-scripts/npm/dist/model/instruct", name)));
const [{ confidence, lines, together }, { placesOf }] = await Promise.all([part("ask.js"), part("text.js")]);
const pieces = (...texts) => texts.map((text, i) => ({ text, tokenId: i, logprob: -i }));

test("a list becomes lines without their marks, whichever tokens they came in", () => {
  const said = (...texts) => lines(pieces(...texts)).map(({ text }) => text);
  assert.deepEqual(said(" The lamp", " was lit.\n- The", " storm came.\n", "-", " It went."), ["The lamp was lit.", "The storm came.", "It went."]);
  assert.deepEqual(said('"quoted"\n', "1. first\n\n2) second\n* third"), ["quoted", "first", "second", "third"]);
  assert.deepEqual(said("\n", " - \n"), []);
  // A token that ends one line and begins the next belongs to both.
  assert.deepEqual(lines(pieces("a", "b\nc", "d")).map(({ pieces }) => pieces.map(({ tokenId }) => tokenId)), [[0, 1], [1, 2]]);
});

test("how sure a model was is the geometric mean of its tokens' probabilities", () => {
  assert.equal(confidence([]), 0);
  assert.ok(Math.abs(confidence([{ logprob: Math.log(0.5) }, { logprob: Math.log(0.125) }]) - 0.25) < 1e-12);
});

test("places are whole words, whatever stands between them", () => {
  const text = "The U.S. team met Ann\n Lee. Annual talks; ann lee left.";
  const found = (said, flags) => placesOf(text, said, flags).map(({ start, end }) => text.slice(start, end));
  assert.deepEqual(found("Ann Lee"), ["Ann\n Lee"]);
  assert.deepEqual(found("Ann Lee", "i"), ["Ann\n Lee", "ann lee"]);
  assert.deepEqual(found("U.S."), ["U.S."]);
  assert.deepEqual(found("UxS"), []);
  assert.deepEqual(found("Ann"), ["Ann"]);
  assert.deepEqual([found(""), found("  ")], [[], []]);
});

test("several answers cost what they cost together, and end as the worst of them", () => {
  const one = (finishReason) => ({ text: "", finishReason, usage: { promptTokens: 3, completionTokens: 5 }, timings: { firstTokenMs: 2, prefillMs: 1, decodeMs: 4, tokensPerSecond: 1 } });
  const all = together([one("stop"), one("length")], "x");
  assert.deepEqual([all.text, all.finishReason, all.usage.promptTokens, all.usage.completionTokens], ["x", "length", 6, 10]);
  assert.deepEqual([all.timings.decodeMs, all.timings.firstTokenMs, all.timings.tokensPerSecond], [8, 2, 1000]);
  assert.equal(together([one("length"), one("abort"), one("stop")], "").finishReason, "abort");
});
