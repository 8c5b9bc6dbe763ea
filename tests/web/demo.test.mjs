// The demo page as a visitor has it: build/site/ served under the strict policy, in Chromium.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { launch, ROOT } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

const BUILT = join(ROOT, "build/site");
const missing = existsSync(join(BUILT, "nanolm/model/nanolm-default.gguf")) ? false : "build/site/ has no default model";
if (missing) console.log(`SKIPPED demo page: ${missing}`);
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const PATIENCE = { timeout: 120_000 };

describe("demo page", { skip: missing }, () => {
  let browser, site, server, context, page, problems;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());
  beforeEach(async () => {
    site = mkdtempSync(join(tmpdir(), "nanolm-site-"));
    cpSync(BUILT, site, { recursive: true });
    publish();
    server = await serve({ "/": site }, { policy: POLICY });
    context = await browser.newContext();
    problems = [];
    page = await visit();
  });
  afterEach(async () => {
    await context.close();
    await server.close();
    rmSync(site, { recursive: true, force: true });
  });

  /** What the build does last: the list that is the site's version. */
  function publish() {
    execFileSync(process.execPath, [join(ROOT, "pkg-scripts/site-files.mjs"), site]);
  }

  async function visit(width = 1280) {
    const opened = await context.newPage();
    await opened.setViewportSize({ width, height: 800 });
    opened.on("pageerror", (error) => problems.push(error.message));
    opened.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await opened.goto(`${server.origin}/`);
    return opened;
  }

  const shown = (id, of = page) => of.textContent(`#${id}`);
  const says = (id, pattern, of = page) =>
    of.waitForFunction(([id, pattern]) => new RegExp(pattern).test(document.getElementById(id).textContent), [id, pattern], PATIENCE);
  const loaded = (of = page) => says("load-text", "^Loaded", of);
  const finished = (id = "summary", of = page) =>
    of.waitForFunction((id) => document.getElementById(id).getAttribute("aria-busy") === "false", id, PATIENCE);
  async function summarise(of = page) {
    await loaded(of);
    await of.click("#summarise");
    await finished("summary", of);
    return of.locator("#summary .point-text").allTextContents();
  }
  const open = (name, bytes) => page.setInputFiles("#file", { name, mimeType: "", buffer: bytes });

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

  const noCompanion = existsSync(join(BUILT, "embed/model.gguf")) ? false : "build/site/ has no companion model: pkg-scripts/embed/pack makes it";
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

  test("stop ends the wait, the load and the run, and each can be begun again", async () => {
    // Without a service worker, so that the model comes from the network, where it can be held up.
    const bare = await browser.newContext({ serviceWorkers: "block" });
    const held = await bare.newPage();
    await held.route("**/nanolm-default.gguf", () => {});
    await held.goto(`${server.origin}/`);
    await held.click("#summarise");
    await says("summarise-text", "^Waiting", held);
    await held.click("#summarise-stop");
    await says("summarise-text", "^Stopped", held);
    await held.click("#load-action");
    await says("load-text", "^Stopped", held);
    assert.equal(await shown("load-action", held), "Load the model");
    await held.unroute("**/nanolm-default.gguf");
    await held.selectOption("#sample", "measures");
    await held.check("input[value=tldr]", { force: true });
    await held.click("#summarise");
    await says("summarise-text", "^(Reading|Weighing)", held);
    await held.click("#summarise-stop");
    await says("summarise-text", "^Stopped", held);
    assert.ok((await summarise(held)).length === 0, "a sentence, not points");
    assert.match(await shown("summarise-text", held), /^Done/);
    await bare.close();
  });

  test("a damaged file says why, and the page goes on with the model it had", async () => {
    await loaded();
    const name = await shown("model-name");
    await open("half.gguf", readFileSync(join(ROOT, "tests/golden/tiny-llama/model-q8_0.gguf")).subarray(0, 5000));
    await says("load-text", "^Loading failed");
    assert.match(await shown("load-notice"), /half\.gguf.*\(format\//);
    assert.equal(await shown("model-name"), name);
    await page.click("#summarise");
    await page.waitForSelector("#point-1");
  });

  test("an own model takes over, and the built-in one comes back", async () => {
    await loaded();
    await open("own.gguf", readFileSync(join(ROOT, "tests/golden/tiny-llama/model-q8_0.gguf")));
    await says("model-name", "own.gguf");
    await page.click("#summarise");
    await finished();
    assert.match(await shown("summary"), /not made to summarise.*task\/unsupported/);
    await page.click("#load-action");
    await says("model-name", "^(?!own)");
    assert.ok((await summarise()).length > 0);
  });

  test("with the server gone everything works as before", async () => {
    const before = await summarise();
    await says("offline-text", "^Works offline");
    await server.close();
    await page.reload();
    assert.deepEqual(await summarise(), before);
    await says("offline-text", "^No network, and everything works");
    await page.click("#model-toggle");
    await page.selectOption("#device", "cpu");
    assert.deepEqual(await summarise(), before);
  });

  test("the companion model is kept once it was asked for, and no sooner", { skip: noCompanion }, async () => {
    const kept = () => page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)))).flat());
    const search = async () => {
      await page.click("#tab-search");
      await page.check("#better");
      await page.fill("#query", "Which invention made the ride smoother?");
      await page.click("#search");
      await finished("hits");
      return page.locator("#hits .find-text").allTextContents();
    };
    await says("offline-text", "^Works offline");
    await page.reload();
    await loaded();
    await says("offline-text", "^Works offline: ");
    assert.ok(!(await kept()).some((url) => url.includes("/embed/")));
    const found = await search();
    assert.ok((await kept()).some((url) => url.endsWith("/embed/model.gguf")));
    await server.close();
    await page.reload();
    await loaded();
    assert.deepEqual(await search(), found);
    // The page asks the server whether there is a newer version: the browser says that nobody answers.
    assert.deepEqual(problems.filter((text) => !text.includes("ERR_CONNECTION_REFUSED")), []);
  });

  describe("versions", () => {
    /** Two modules that say which version they are of. */
    const mark = (version, modules = ["a", "b"]) => {
      const files = { a: "js/dom.js", b: "js/tabs.js" };
      for (const each of modules) appendFileSync(join(site, files[each]), `globalThis.version_${each} = ${version};\n`);
    };
    const running = (of = page) => of.evaluate(() => [globalThis.version_a ?? 1, globalThis.version_b ?? 1]);
    beforeEach(async () => {
      await says("offline-text", "^Works offline");
      await page.reload();
      await says("offline-text", "^Works offline: ");
    });

    test("a page never gets files of two versions; the new one starts when the old one is closed", async () => {
      mark(2);
      publish();
      await page.reload();
      await says("offline-text", "newer version is ready");
      const second = await visit();
      assert.deepEqual([await running(), await running(second)], [[1, 1], [1, 1]]);
      await says("offline-text", "newer version is ready", second);
      await page.click("#offline-text button");
      await says("offline-text", "close them first");
      await second.close();
      await page.reload();
      await says("offline-text", "newer version is ready");
      await page.click("#offline-text button");
      await page.waitForFunction(() => globalThis.version_a === 2, null, PATIENCE);
      assert.deepEqual(await running(), [2, 2]);
      assert.equal((await page.evaluate(() => caches.keys())).filter((name) => name.startsWith("nanolm-page")).length, 1);
    });

    test("a version that is only half on the server is not taken", async () => {
      const old = readFileSync(join(site, "js/tabs.js"));
      mark(2);
      publish();
      writeFileSync(join(site, "js/tabs.js"), old);
      await page.reload();
      await says("offline-text", "newer version could not be saved: js/tabs.js");
      await page.reload();
      assert.deepEqual(await running(), [1, 1]);
    });

    test("a file that got lost is fetched again if it is the same, and refused if it is not", async () => {
      const lose = () =>
        page.evaluate(async () => {
          const name = (await caches.keys()).find((each) => each.startsWith("nanolm-page"));
          await (await caches.open(name)).delete(new URL("samples/vaccines.txt", location.href));
        });
      await lose();
      assert.equal(await page.evaluate(async () => (await fetch("samples/vaccines.txt")).status), 200);
      await lose();
      appendFileSync(join(site, "samples/vaccines.txt"), "changed");
      // Where the browser's own cache does not have the same any more, either.
      const devtools = await context.newCDPSession(page);
      await devtools.send("Network.clearBrowserCache");
      assert.equal(await page.evaluate(async () => (await fetch("samples/vaccines.txt")).status), 503);
    });
  });
});
