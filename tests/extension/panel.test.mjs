// The extension that people install: from the zip for the store, in Chromium, on pages like those of the web.
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT } from "../web/support/browser.mjs";
import { serve } from "../web/support/server.mjs";
import { launchWith, pause, unzipped } from "./support/chromium.mjs";

const PAGES = join(import.meta.dirname, "pages");
/** What a page says around its article. */
const BOILERPLATE =
  /partners|cookies|newsletter|Subscribe|comments|skywatcher|taxpayers|cat is named|garden furniture|recipes|house prices|All rights|coffee|mechanic who|Powered by|this comment|Seconds that|Last updated|log in|Joined|measure twice|Users viewing|In stock|Customers|Free returns|delivery|Trekking/i;

describe("the extension", () => {
  let folder, extension, server, page;
  before(async () => {
    folder = unzipped("chromium");
    server = await serve({ "/": PAGES }, { policy: "default-src 'none'; style-src 'unsafe-inline'; img-src data:" });
    extension = await launchWith(folder);
    page = extension.context.pages()[0];
    await page.setViewportSize({ width: 1280, height: 800 });
  });
  after(async () => {
    await extension?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Presses the button on the page and gives its panel once something is shown. */
  async function pressOn(path, { go = true } = {}) {
    if (go) await page.goto(`${server.origin}/${path}`);
    await extension.press(page.url());
    const panel = await extension.open(/panel\.html\?tab/);
    await panel.until(() => performance.getEntriesByName("page read").length > 0);
    await panel.until(() => document.getElementById("main").getAttribute("aria-busy") === "false");
    return panel;
  }

  const pointsOf = (panel) => panel.evaluate(() => [...document.querySelectorAll(".point")].map(({ textContent, href }) => ({ text: textContent, href })));
  /** What is marked in the page: the text of each range, and whether the window shows it. */
  const marked = (name) =>
    page.evaluate((name) => [...(CSS.highlights.get(`nanolm-${name}`) ?? [])].map((range) => {
      const { top, bottom } = range.getBoundingClientRect();
      return { text: range.toString().replace(/\s*\[\d\]/g, "").replace(/\s+/g, " "), seen: top >= 0 && bottom <= innerHeight };
    }), name);

  for (const [path, title, about] of [
    ["news.html", "How a small lander came to rest on a comet", /comet|lander|Philae|Rosetta/],
    ["blog.html", "Two wheels, a short history - Spokes and Words", /bicycle|wheel|travel/i],
    ["docs.html", "Expiry and eviction", /entr(y|ies)|cache/],
    ["forum.html", "How do vaccines actually work?", /vaccin|immune|cowpox|RNA/],
    ["shop.html", "Trail 40 backpack", /backpack|frame|panel|cloth|pocket|maker|zip|seams/i],
  ]) {
    test(`${path}: points come from the article, and lead to their sentences`, async () => {
      const panel = await pressOn(path);
      assert.equal(await panel.evaluate(() => document.getElementById("title").textContent), title);
      const points = await pointsOf(panel);
      assert.equal(points.length, 3, await panel.evaluate(() => document.body.textContent));
      const everything = await panel.evaluate(() => document.getElementById("main").textContent);
      assert.doesNotMatch(everything, BOILERPLATE);
      assert.deepEqual((await marked("points")).map(({ text }) => text), points.map(({ text }) => text));
      for (const [at, { text, href }] of points.entries()) {
        assert.match(text, about);
        assert.ok(href.startsWith(`${page.url()}#:~:text=`), href);
        await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
        await panel.evaluate((at) => document.querySelectorAll(".point")[at].click(), at);
        await panel.until((at) => document.querySelectorAll(".point")[at].getAttribute("aria-current") === "true", at);
        for (const end = Date.now() + 3000; (await marked("current"))[0]?.text !== text; await pause(10)) assert.ok(Date.now() < end, `${text} is not marked`);
        assert.deepEqual(await marked("current"), [{ text, seen: true }]);
      }
      for (const id of ["tldr", "headline"]) assert.ok((await panel.evaluate((id) => document.getElementById(id).textContent, id)).length > 10, id);
      assert.ok((await panel.evaluate(() => document.querySelectorAll("#keywords .chip").length)) >= 3);
      // All of it came: nothing is said to have failed.
      assert.deepEqual(await panel.evaluate(() => [document.getElementById("copy").hidden, document.getElementById("notice").hidden]), [false, true], await panel.evaluate(() => document.getElementById("notice").textContent));
      if (path === "news.html") assert.match(await panel.evaluate(() => document.getElementById("names").textContent), /Philae|Rosetta|European Space Agency|ESA/);
    });
  }

  test("the page is asked, and the answer leads to its sentence", async () => {
    const panel = await pressOn("news.html");
    await panel.evaluate(() => {
      document.getElementById("question").value = "When did the spacecraft land on the comet?";
      document.getElementById("ask").requestSubmit();
    });
    assert.equal(await panel.until(() => document.querySelector("#answer strong")?.textContent), "12 November 2014");
    await panel.evaluate(() => document.querySelector("#answer a").click());
    for (const end = Date.now() + 3000; !/12 November 2014/.test((await marked("current"))[0]?.text); await pause(10)) assert.ok(Date.now() < end);
  });

  test("a selection is summarised in place of the page", async () => {
    await page.goto(`${server.origin}/news.html`);
    const selected = await page.evaluate(() => {
      const paragraphs = [...document.querySelectorAll("article p:not(.byline)")].slice(3, 5);
      getSelection().setBaseAndExtent(paragraphs[0], 0, paragraphs[1], paragraphs[1].childNodes.length);
      return getSelection().toString().replace(/\s+/g, " ");
    });
    const panel = await pressOn("news.html", { go: false });
    await panel.until(() => /^Selected text · \d+ words/.test(document.getElementById("about").textContent));
    const points = await pointsOf(panel);
    assert.ok(points.length > 0);
    for (const { text } of points) assert.ok(selected.includes(text), text);
    await panel.evaluate(() => document.querySelector("#about button").click());
    await panel.until(() => /^Article/.test(document.getElementById("about").textContent));
  });

  test("what was begun goes on when the service worker ends and the panel closes", async () => {
    await page.goto(`${server.origin}/news.html`);
    await page.evaluate(() => {
      // An article of half an hour, so that there is something to interrupt.
      const all = [...document.querySelectorAll("article p:not(.byline)")];
      for (let times = 1; times < 16; times++) for (const one of all) document.querySelector("article").append(one.cloneNode(true), ` Part ${times}. `);
    });
    await extension.press(page.url());
    const panel = await extension.open(/panel\.html\?tab/);
    await panel.until(() => performance.getEntriesByName("page read").length > 0);
    await panel.until(() => !document.getElementById("progress").hidden);
    const [engine] = await extension.targets(/engine\.html$/);
    await extension.stopServiceWorker();
    await panel.close();
    for (const end = Date.now() + 3000; (await extension.targets(/panel\.html/)).length > 0; await pause(20)) assert.ok(Date.now() < end, "the panel stays");
    // What the model has to do for the points alone takes longer than this.
    await pause(1500);
    await extension.press(page.url());
    const again = await extension.open(/panel\.html\?tab/);
    await again.until(() => document.querySelectorAll(".point").length === 3);
    assert.equal((await extension.targets(/engine\.html$/))[0].targetId, engine.targetId, "the same engine went on");
    assert.doesNotMatch(await again.evaluate(() => document.getElementById("main").textContent), BOILERPLATE);
  });

  test("a page that is read while it loads has not changed when it has loaded; one that came again has, and one that grew", async () => {
    const changed = "The page has changed.";
    const held = new Promise((resolve) => page.route("**/held.png", resolve, { times: 1 }));
    const body = readFileSync(join(PAGES, "news.html"), "utf8").replace("</body>", '<img src="held.png" alt=""></body>');
    await page.route("**/slow.html", (route) => route.fulfill({ body, contentType: "text/html" }));
    await page.goto(`${server.origin}/slow.html`, { waitUntil: "domcontentloaded" });
    const panel = await pressOn("slow.html", { go: false });
    const told = () => panel.evaluate(() => document.getElementById("notice").textContent);
    await (await held).abort();
    await page.waitForLoadState("load");
    await pause(300);
    assert.equal((await pointsOf(panel)).length, 3);
    assert.equal(await told(), "");
    await page.evaluate(() => {
      document.querySelector("article").append(document.querySelector("article p:not(.byline)").cloneNode(true));
      // As a page does that shows another article without loading another document.
      history.pushState(null, "", "slow.html?page=2");
    });
    await panel.until((changed) => document.getElementById("notice").textContent.startsWith(changed), changed);
    await panel.evaluate(() => document.querySelector("#notice button").click());
    await panel.until(() => document.getElementById("notice").hidden && document.getElementById("main").getAttribute("aria-busy") === "false");
    await page.reload();
    await panel.until((changed) => document.getElementById("notice").textContent.startsWith(changed), changed);
    await page.unroute("**/slow.html");
  });

  test("a page that cannot be read is said to be so", async () => {
    const panel = await pressOn("news.html");
    await page.goto("chrome://version");
    await panel.until(() => /page has changed/.test(document.getElementById("notice").textContent));
    await panel.evaluate(() => document.querySelector("#notice button").click());
    await panel.until(() => /does not let extensions read this page|press the toolbar button/.test(document.getElementById("notice").textContent));
  });

  test("options hold at once: theme, and length from the next summary on", async () => {
    const options = await extension.context.newPage();
    await options.goto(`${extension.origin}/options.html`);
    await options.getByLabel("Dark").check();
    await options.getByLabel("Medium").check();
    await options.getByText("Saved.").waitFor();
    await page.goto(`${server.origin}/blog.html`);
    await page.bringToFront();
    const panel = await pressOn("blog.html", { go: false });
    assert.equal(await panel.evaluate(() => document.documentElement.dataset.theme), "dark");
    assert.equal((await pointsOf(panel)).length, 5);
    await options.close();
  });

  test("no rule of accessibility is broken, in the light and in the dark", async () => {
    const rules = readFileSync(join(ROOT, "node_modules/axe-core/axe.min.js"), "utf8");
    const broken = "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target.join())]))";
    const options = await extension.context.newPage();
    await options.goto(`${extension.origin}/options.html`);
    for (const theme of ["Light", "Dark"]) {
      await options.getByLabel(theme).check();
      await options.evaluate(rules);
      assert.deepEqual(await options.evaluate(broken), [], `${theme}: options`);
      await page.goto(`${server.origin}/news.html`);
      await page.bringToFront();
      const panel = await pressOn("news.html", { go: false });
      await panel.until((theme) => document.documentElement.dataset.theme === theme, theme.toLowerCase());
      await panel.evaluate(`${rules}; 0`);
      assert.deepEqual(await panel.evaluate(broken), [], `${theme}: panel`);
    }
    await options.close();
  });

  test("another model, from a file, is kept in the extension's own storage; a file that is none is refused", async () => {
    const options = await extension.context.newPage();
    await options.goto(`${extension.origin}/options.html`);
    const kept = () => options.evaluate(async () => Array.fromAsync((await navigator.storage.getDirectory()).keys()));
    await options.setInputFiles("#model-file", { name: "none.gguf", mimeType: "", buffer: Buffer.from("no model at all") });
    await options.getByText(/The model is the one from before/).waitFor();
    assert.deepEqual(await kept(), []);
    await options.setInputFiles("#model-file", join(folder, "nanolm/model/nanolm-default.gguf"));
    await options.getByText(/2\.8 million parameters. It can do: .*key-points/).waitFor();
    assert.deepEqual(await kept(), ["nanolm-default.gguf"]);
    await page.goto(`${server.origin}/docs.html`);
    await page.bringToFront();
    assert.ok((await pointsOf(await pressOn("docs.html", { go: false }))).length >= 3);
    await options.getByRole("button", { name: "Delete it" }).click();
    await options.getByText("The one inside the extension").waitFor();
    assert.deepEqual(await kept(), []);
    await options.close();
  });
});
