// What a visitor of the demo page does on it.
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, test } from "node:test";
import { ROOT } from "./support/browser.mjs";
import { demoPage, missing, noCompanion } from "./support/site.mjs";

if (missing) console.log(`SKIPPED demo page: ${missing}`);

describe("demo page", { skip: missing }, () => {
  const demo = demoPage();
  const { publish, visit, shown, says, loaded, finished, summarise, open } = demo;
  let browser, site, server, page, problems;
  beforeEach(() => {
    ({ browser, site, server, page, problems } = demo);
  });

  test("a first visit and one click mark the key points of a sample in its text", async () => {
    const points = await summarise();
    assert.ok(points.length >= 3, `${points.length} points`);
    assert.deepEqual(await page.locator("#reader mark").allTextContents(), points);
    for (const score of await page.locator(".point-score").allTextContents()) assert.ok(score >= 0 && score <= 1, score);
    await page.click("#point-2");
    assert.equal(await page.evaluate(() => document.activeElement.id), "mark-2");
    assert.deepEqual(problems, []);
  });

  test("a headline and a completion stream, and figures say how fast", async () => {
    await page.check("input[value=headline]", { force: true });
    await summarise();
    assert.notEqual((await page.textContent("#summary .summary-text")).trim(), "");
    await page.click("#tab-complete");
    await page.click("#complete");
    await finished("completion");
    assert.match(await page.textContent("#complete-stats"), /\d tokens\/s/);
    assert.deepEqual(problems, []);
  });

  test("keywords and answers are marked in the text, and lead to their places", async () => {
    await loaded();
    await page.click("#tab-keywords");
    await page.click("#keywords");
    await finished("phrases");
    const phrases = await page.locator("#phrases .find-text").allTextContents();
    assert.ok(phrases.length > 4, `${phrases}`);
    const marks = await page.locator("#reader mark").allTextContents();
    assert.ok(phrases.every((phrase) => marks.includes(phrase)), `${phrases} in ${marks}`);
    await page.click("#phrases .find-row >> nth=1");
    assert.match(await page.evaluate(() => document.activeElement.id), /^find-/);
    await page.click("#tab-ask");
    assert.ok(await page.isVisible("#reader") && !(await page.isVisible("#phrases")), "the text stays where it is");
    const ask = async (question) => {
      await page.fill("#question", question);
      await page.press("#question", "Enter");
      await finished("answer");
      return page.textContent("#answer");
    };
    await ask("Who showed a wooden machine with two wheels?");
    const answer = await page.textContent("#answer .answer-text");
    assert.equal(answer, "Karl von Drais");
    assert.equal(await page.textContent("#reader mark mark"), answer);
    assert.match(await ask("What do penguins eat in March?"), /does not seem to say/);
    assert.deepEqual(problems, []);
  });

  test("labels and names, or in words why not", async () => {
    await loaded();
    for (const [tab, button, output, listed] of [
      ["classify", "classify", "labels", ".find-row"],
      ["entities", "entities", "names", ".chip"],
    ]) {
      await page.click(`#tab-${tab}`);
      await page.click(`#${button}`);
      await finished(output);
      const found = await page.locator(`#${output} ${listed}`).count();
      if (found === 0) assert.match(await shown(output), /not made to .*task\/unsupported/);
      else assert.ok(found > 1, `${found} in ${output}`);
    }
    assert.deepEqual(problems, []);
  });

  test("labels of one's own come first, and the right one of them", async () => {
    // The sample is summarised without a click, and then shown to be read.
    await loaded();
    await finished();
    await page.click("#source-edit");
    await page.click("#tab-classify");
    assert.equal(await page.inputValue("#label-set"), "");
    const best = async (text, labels) => {
      await page.fill("#source-text", text);
      if (labels) await page.fill("#own-labels", labels);
      await page.click("#classify");
      await finished("labels");
      return page.textContent("#labels .find-row[data-best] .find-text");
    };
    assert.equal(await best("The striker scored two goals in the cup final."), "sport");
    assert.equal(await best("The senate passed the bill after a long debate."), "politics");
    assert.equal(await best("Can I see where my parcel is now?", "cancel an order, track a parcel"), "track a parcel");
    await best("…", "red, green");
    assert.match(await shown("labels"), /None of the labels stands out/);
    assert.deepEqual(problems, []);
  });

  test("no labels, and a part that cannot be had, are told in the page", async () => {
    await loaded();
    await finished();
    await page.click("#tab-classify");
    for (const none of ["", " , ,"]) {
      await page.fill("#own-labels", none);
      await page.click("#classify");
      await finished("labels");
      assert.match(await shown("labels"), /labels/);
      assert.match(await shown("classify-text"), /^That did not work/);
    }
    assert.deepEqual(problems, []);
    const bare = await browser.newContext({ serviceWorkers: "block" });
    const cut = await bare.newPage();
    const thrown = [];
    cut.on("pageerror", (error) => thrown.push(error.message));
    await cut.route(/nanolm-(names|table)/, (route) => route.abort());
    await cut.goto(`${server.origin}/`);
    await loaded(cut);
    await finished("summary", cut);
    for (const [tab, button, output] of [["entities", "entities", "names"], ["classify", "classify", "labels"], ["search", "search", "hits"]]) {
      await cut.click(`#tab-${tab}`);
      if (tab === "search") await cut.fill("#query", "cities");
      await cut.click(`#${button}`);
      await finished(output, cut);
      assert.match(await shown(output, cut), /download\/network/);
      assert.match(await shown(`${button}-text`, cut), /^That did not work/);
    }
    assert.deepEqual(thrown, []);
    await bare.close();
  });

  test("the page is asked, and finds the passage that says it in other words", async () => {
    await loaded();
    await page.click("#tab-search");
    await page.fill("#query", "why cities forbade it");
    await page.click("#search");
    await finished("hits");
    const found = await page.locator("#hits .find-text").allTextContents();
    assert.match(found[0], /several cities soon banned the machine/);
    assert.ok((await page.locator("#reader mark").allTextContents()).includes(found[0]));
    assert.equal(await page.evaluate(() => document.activeElement.closest("#reader mark[data-current]")?.textContent), found[0], "the nearest is shown");
    await page.click("#hits .find-row >> nth=1");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), found[1]);
    assert.deepEqual(problems, []);
  });

  test("without the companion model beside it the search says so, and works", async () => {
    rmSync(join(site, "embed"), { recursive: true, force: true });
    publish();
    await page.reload();
    await loaded();
    await page.click("#tab-search");
    await says("better-note", "is not beside this page");
    assert.equal(await page.isVisible("#better-choice"), false);
    await page.click("#search");
    await finished("hits");
    assert.ok((await page.locator("#hits .find-row").count()) > 0);
    assert.deepEqual(problems, []);
  });

  if (noCompanion) console.log(`SKIPPED search by the companion model: ${noCompanion}`);
  test("with the companion model a question finds what answers it, and nothing is fetched before", { skip: noCompanion }, async () => {
    await loaded();
    await page.click("#tab-search");
    await says("better-note", "vectors of words");
    const fetched = () => server.requests.filter(({ path, method }) => path === "/embed/model.gguf" && method === "GET").length;
    assert.equal(fetched(), 0);
    await page.check("#better");
    await page.fill("#query", "Which invention made the ride smoother?");
    await page.click("#search");
    await finished("hits");
    assert.match(await page.textContent("#hits .find-text >> nth=0"), /smoother and faster/);
    await page.fill("#query", "Why did women like it?");
    await page.click("#search");
    await finished("hits");
    assert.ok((await page.locator("#hits .find-row").count()) > 0);
    assert.equal(fetched(), 1);
    assert.deepEqual(problems, []);
  });

  test("what is personal is taken out of a letter, and the rest stays as it is", async () => {
    await loaded();
    await finished();
    await page.click("#tab-redact");
    await page.click("#redact-sample");
    await finished("redacted");
    const clean = await page.textContent("#redacted .summary-text");
    for (const gone of ["Haddad", "Lindqvist", "GB82", "4111", "@", "555"]) assert.ok(!clean.includes(gone), `${gone} in ${clean}`);
    for (const mark of ["[PERSON_1]", "[ACCOUNT_1]", "[CARD_1]", "[EMAIL_2]", "[PHONE_1]", "in Lisbon", "240 euros"]) assert.ok(clean.includes(mark), `${mark} not in ${clean}`);
    assert.equal(clean.split("[PERSON_2]").length, 3, "the whole name and the surname have one mark");
    await page.uncheck("input[name=what][value=PER]");
    await page.click("#redact");
    await finished("redacted");
    assert.match(await page.textContent("#redacted .summary-text"), /Ms Haddad[\s\S]*\[CARD_1\]/);
    assert.deepEqual(problems, []);
  });

  test("a model of one's own chats, is kept over a reload, and goes with what else is kept", async () => {
    await loaded();
    await page.click("#tab-chat");
    assert.ok(await page.isVisible("#chat-refusal") && !(await page.isVisible("#chat")), "the built-in model does not chat");
    await page.click("#chat-models");
    await open("own.gguf", readFileSync(join(ROOT, "tests/golden/tiny-llama/model-q8_0.gguf")));
    await says("model-name", "own.gguf");
    await page.fill("#message", "Hello");
    await page.click("#chat");
    await finished("log");
    assert.equal(await shown("log").then((text) => text.startsWith("Hello") && text.length > 10), true);
    await page.click("#chat-again");
    assert.match(await shown("log"), /appears here/);
    await page.click("text=Keep it");
    await says("load-text", "^Kept");
    await page.reload();
    await loaded();
    assert.notEqual(await shown("model-name"), "own.gguf");
    await page.click("#model-toggle");
    await page.click("#models li:has-text('own.gguf') button:has-text('Use')");
    await says("model-name", "own.gguf");
    await says("offline-text", "^Works offline");
    await page.click("#forget");
    await says("kept", "^Nothing is kept");
    await page.waitForFunction(async () => (await caches.keys()).length === 0 && !(await navigator.serviceWorker.getRegistration()));
    assert.equal(await page.locator("#models li:has-text('Kept on this device')").count(), 0);
    assert.deepEqual(problems, []);
  });

  for (const width of [360, 1280]) {
    test(`nothing moves while a summary streams, ${width} pixels wide`, async () => {
      const narrow = await visit(width);
      await loaded(narrow);
      await says("offline-text", "^Works", narrow);
      await narrow.evaluate(() => {
        globalThis.moved = 0;
        const add = (list) => list.getEntries().forEach((entry) => (globalThis.moved += entry.value));
        new PerformanceObserver(add).observe({ type: "layout-shift" });
      });
      await summarise(narrow);
      const { moved, tooWide } = await narrow.evaluate(() => ({
        moved: globalThis.moved,
        tooWide: document.documentElement.scrollWidth - innerWidth,
      }));
      assert.ok(moved < 0.005, `layout shift ${moved}`);
      assert.ok(tooWide <= 0, `${tooWide} pixels wider than the screen`);
    });
  }
});
