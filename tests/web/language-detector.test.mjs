// LanguageDetector of nanolm/built-in-ai: what it fetches and when, its answers, and how often they are right.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { measured, profiles, sentences } from "../../pkg-scripts/train/languages/make.mjs";
import { installTarball, openApp } from "./support/app.mjs";
import { ROOT } from "./support/browser.mjs";

const CASES = sentences(join(ROOT, "tests/golden/languages.txt"));

let opened, app, page;
before(async () => {
  opened = await openApp({ gpu: "none" });
  ({ app, page } = opened);
});
after(() => opened?.close());

test("its profiles are fetched when one is first made, and small", async () => {
  const asked = () => app.requests.filter(({ path }) => /detect\.js$|profiles\.js$/.test(path)).length;
  const before = await page.evaluate(async () => {
    globalThis.ai = await import("/nanolm/built-in-ai/index.js");
    return ai.LanguageDetector.availability({ expectedInputLanguages: ["de-AT", "en"] });
  });
  assert.deepEqual([before, asked()], ["downloadable", 0]);
  const found = await page.evaluate(async () => {
    const detector = await ai.LanguageDetector.create({ expectedInputLanguages: ["DE", "en", "de"] });
    const french = await ai.LanguageDetector.create();
    return { available: await ai.LanguageDetector.availability(), expected: detector.expectedInputLanguages, none: french.expectedInputLanguages };
  });
  assert.deepEqual(found, { available: "available", expected: ["de", "en"], none: null });
  assert.equal(asked(), 2);
  const dist = join(installTarball("web-app"), "dist/built-in-ai");
  const bytes = ["detect.js", "profiles.js"].map((file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length);
  assert.ok(bytes[0] + bytes[1] <= 13_500, `${bytes} bytes gzipped`);
});

test("what it says is in the specified form", async () => {
  await page.context().setOffline(true);
  const found = await page.evaluate(async (texts) => {
    const detector = await ai.LanguageDetector.create();
    const all = [];
    for (const text of texts) all.push(await detector.detect(text));
    return all;
  }, ["", "123 !", "Please write a sentence in English.", "Der Turm war dunkel. Ο φάρος ήταν σκοτεινός.", "\ud800", "ok", "tacosを食べる", "Majirani wetu wanahamia Kanada. ".repeat(3000), "xq ".repeat(9000), ...CASES.map(([, text]) => text)]);
  for (const results of found) {
    const { detectedLanguage, confidence } = results.at(-1);
    assert.equal(detectedLanguage, "und");
    const others = results.slice(0, -1).map(({ confidence }) => confidence);
    assert.ok(others.every((share, i) => share > 0 && share <= (others[i - 1] ?? 1)), JSON.stringify(results));
    const sum = others.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum + confidence - 1) < 1e-9 && (others.length === 0 || sum - others.at(-1) < 0.99), JSON.stringify(results));
  }
  const [empty, number, english, mixed] = found;
  for (const nothing of [empty, number]) assert.deepEqual(nothing, [{ detectedLanguage: "und", confidence: 1 }]);
  assert.equal(english[0].detectedLanguage, "en");
  assert.deepEqual(mixed.slice(0, 2).map(({ detectedLanguage }) => detectedLanguage).sort(), ["de", "el"]);
});

test("languages that are not known", async () => {
  const found = await page.evaluate(async () => {
    const wrong = { expectedInputLanguages: ["en", "eo"] };
    return [await ai.LanguageDetector.availability(wrong), await ai.LanguageDetector.create(wrong).catch(({ name }) => name)];
  });
  assert.deepEqual(found, ["unavailable", "NotSupportedError"]);
});

test("its list of languages is that of its profiles, and they are made of their texts", async () => {
  const dist = join(installTarball("web-app"), "dist/built-in-ai");
  const { LANGUAGES } = await import(pathToFileURL(join(dist, "detect.js")));
  const known = await page.evaluate(async (tags) => Promise.all(tags.map((tag) => ai.LanguageDetector.availability({ expectedInputLanguages: [tag] }))), LANGUAGES);
  assert.ok(LANGUAGES.length === 34 && known.every((state) => state === "available"), known.join());
  assert.equal(readFileSync(join(ROOT, "pkg-scripts/npm/src/built-in-ai/profiles.ts"), "utf8"), profiles());
});

// docs/built-in-ai.md has the figures.
test("it names the languages of sentences that it was not made of", async () => {
  const { detect } = await import(pathToFileURL(join(installTarball("web-app"), "dist/built-in-ai/detect.js")));
  const [whole, forty, twenty] = measured(detect, CASES.filter(([tag]) => tag !== "und"));
  assert.ok(whole.right >= 132 && forty.right >= 131 && twenty.right >= 110, JSON.stringify([whole, forty, twenty]));
  // A detector that always says the same is right in six of them.
  assert.ok(measured(() => ({ shares: new Map([["en", 1]]), unknown: 0 }), CASES)[0].right <= 6);
});
