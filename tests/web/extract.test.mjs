// nanolm/extract through the packed package: the article of a page, by its structure and by Readability, and the way back to it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";

const NEWS = readFileSync(join(ROOT, "tests/extension/pages/news.html"), "utf8");
const AROUND = /Cookie|cookies|Subscribe|Share this|Most read|©/;

describe("extract", () => {
  let app, browser, page;
  before(async () => {
    app = await serveApp();
    browser = await launch({ gpu: "none" });
    page = await openPage(browser, app);
    await page.evaluate(async () => {
      const { extract } = await import("/nanolm/extract/index.js");
      globalThis.plain = ({ blocks, rangeOf, ...rest }) => ({ ...rest, blocks: blocks.map(({ element, ...block }) => ({ ...block, name: element.localName })) });
      globalThis.extract = extract;
    });
  });
  after(async () => {
    assert.deepEqual(await page?.evaluate(() => globalThis.unhandled), []);
    await browser?.close();
    await app?.close();
  });

  const read = (html) => page.evaluate((html) => plain(extract(html)), html);
  const sentence = (n) => `Sentence number ${n} of the story says what happened in the harbour on that long day.`;
  const paragraphs = (from, to) => Array.from({ length: to - from }, (_, at) => `<p>${sentence(from + at)} ${sentence(from + at + 100)}</p>`).join("\n");

  test("a news page: its prose, in blocks whose places are right, and nothing from around it", async () => {
    const article = await read(NEWS);
    assert.equal(article.found, "article");
    assert.ok(article.text.length > 1000, article.text);
    assert.doesNotMatch(article.text, AROUND);
    assert.ok(article.title.length > 10 && NEWS.includes(article.title), article.title);
    assert.equal(article.language, "en");
    for (const { text, start, end } of article.blocks) assert.equal(article.text.slice(start, end), text);
    assert.equal(article.blocks.map(({ text }) => text).join("\n\n"), article.text);
    assert.ok(article.blocks.length > 5);
  });

  test("the same from a document that is shown; ranges lead to the words, whatever the markup, until the page changes", async () => {
    const shown = await page.evaluate(async (html) => {
      const frame = document.createElement("iframe");
      frame.srcdoc = html;
      frame.style.cssText = "width:900px;height:600px";
      const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
      document.body.append(frame);
      await loaded;
      const own = frame.contentDocument;
      const before = own.documentElement.outerHTML;
      const article = extract(own);
      const unchanged = own.documentElement.outerHTML === before;
      const ranges = article.blocks.map(({ start, end }) => article.rangeOf(start, end).toString().replace(/\s+/g, " ").trim());
      const inside = article.rangeOf(article.blocks[1].start + 3, article.blocks[1].start + 20).toString();
      const result = { ...plain(article), ranges, inside, unchanged };
      article.blocks[1].element.textContent = "Other words.";
      result.gone = article.rangeOf(article.blocks[1].start, article.blocks[1].end) === undefined;
      frame.remove();
      return result;
    }, NEWS);
    const { ranges, inside, unchanged, gone, ...article } = shown;
    assert.equal(unchanged, true);
    // A range is what stands there: the numbers of notes, too, which are no part of the text.
    assert.deepEqual(ranges.map((text) => text.replace("[7]", "")), article.blocks.map(({ text }) => text));
    assert.equal(inside, article.blocks[1].text.slice(3, 20));
    assert.equal(gone, true);
    assert.equal(article.text, (await read(NEWS)).text);
  });

  test("inline markup stays within its block; lists, quotations and headings are told apart", async () => {
    const html = `<title>Harbour news</title><main><h1>The <em>long</em> day</h1>${paragraphs(0, 4)}
      <p>This one has <a href="/x">a link</a>, <b>strong</b> and <span>plain</span> words, and it is long enough to be prose.</p>
      <h2>Afterwards</h2><ul><li>${sentence(50)}</li><li>${sentence(51)}</li></ul><blockquote>${sentence(52)}</blockquote>
      <pre>let code = 1; // ${sentence(60)}</pre><table><tr><td>${sentence(61)}</td></tr></table><p hidden>${sentence(62)}</p></main>`;
    const { title, blocks, text } = await read(html);
    assert.equal(title, "The long day");
    assert.ok(text.includes("This one has a link, strong and plain words, and it is long enough to be prose."), text);
    assert.deepEqual(blocks.map(({ name, heading }) => [name, heading]), [
      ...Array(5).fill(["p", "The long day"]),
      ...Array(2).fill(["li", "Afterwards"]),
      ["blockquote", "Afterwards"],
    ]);
    assert.doesNotMatch(text, /number 6\d/);
  });

  test("where there is no article there is no text", async () => {
    for (const html of ["", "<nav><a href=/>Home</a></nav>", "<p>Short.", "<frameset><frame></frameset>"]) {
      const { text, blocks, found } = await read(html);
      assert.ok(text === "" ? found === "nothing" && blocks.length === 0 : text === "Short.", JSON.stringify({ html, text, found }));
    }
  });

  test("what is no document is refused", async () => {
    const errors = await page.evaluate(() =>
      [undefined, null, 5, {}, document.body].map((source) => {
        try {
          return extract(source);
        } catch (error) {
          return { name: error.name, code: error.code };
        }
      }),
    );
    for (const error of errors) assert.deepEqual(error, { name: "OptionError", code: "option/invalid" });
  });

  test("key points of a page lead back into it", async () => {
    const marked = await page.evaluate(async (html) => {
      const article = extract(new DOMParser().parseFromString(html, "text/html"));
      const model = await modelOn("cpu");
      const points = [];
      for await (const point of model.summarize(article.text, { type: "key-points" })) points.push(point);
      return points.map(({ start, end }) => [article.text.slice(start, end), article.rangeOf(start, end).toString().replace(/\s+/g, " ").trim()]);
    }, NEWS);
    assert.equal(marked.length, 3);
    for (const [text, range] of marked) assert.equal(range, text.replace(/\s+/g, " "));
  });
});
