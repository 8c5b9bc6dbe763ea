// <nano-summary>, through the packed package, under a strict policy.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { ARTICLE } from "./support/texts.mjs";

describe("nano-summary", () => {
  let app, browser, page;
  before(async () => {
    app = await serveApp();
    browser = await launch({ gpu: "none" });
    page = await openPage(browser, app);
    await page.evaluate(async (article) => {
      await import("/nanolm/elements/index.js");
      const element = document.createElement("article");
      // Markup in the middle of sentences, and much to scroll.
      for (const text of article.split(/(?<=\.) /)) {
        const paragraph = document.createElement("p");
        const [first, second, ...rest] = text.split(" ");
        const strong = document.createElement("strong");
        strong.append(`${second ?? ""}\n   `);
        paragraph.append(`${first} `, strong, rest.join(" "));
        paragraph.style.marginBottom = "20rem";
        element.append(paragraph);
      }
      document.body.append(element);
      /** A new element with these attributes, and what it says of itself. */
      globalThis.put = (attributes, before = "body") => {
        const summary = document.createElement("nano-summary");
        for (const [name, value] of Object.entries(attributes)) summary.setAttribute(name, value);
        const loaded = new Promise((resolve) => {
          summary.addEventListener("load", ({ detail }) => resolve({ result: detail }));
          summary.addEventListener("error", ({ detail }) => resolve({ error: shown(detail) }));
        });
        document.querySelector(before).prepend(summary);
        return { summary, loaded };
      };
      globalThis.textIn = (summary) => [...summary.shadowRoot.children].map(({ textContent }) => textContent).join("");
    }, ARTICLE);
  });
  after(async () => {
    assert.deepEqual(await page?.evaluate(() => globalThis.unhandled), []);
    await browser?.close();
    await app?.close();
  });

  test("summarises when it is seen, as the model does", async () => {
    const { result, text, own, busy } = await page.evaluate(async () => {
      const { summary, loaded } = put({ for: "article" });
      const { result } = await loaded;
      const { PageText, textNodes } = await import("/nanolm/elements/text.js");
      const read = new PageText([...textNodes(document.querySelector("article"))].map((node) => ({ node })));
      const model = await modelOn("cpu");
      return { result, text: textIn(summary), own: await model.summarize(read.text).text(), busy: summary.hasAttribute("aria-busy") };
    });
    assert.ok(result.text.length > 20);
    assert.equal(text, own);
    assert.equal(busy, false);
  });

  test("key points lead to their sentences", async () => {
    const seen = await page.evaluate(async () => {
      const { summary, loaded } = put({ for: "article", type: "key-points", length: "medium" });
      const { result } = await loaded;
      const links = [...summary.shadowRoot.querySelectorAll("[part=point] a")];
      links.at(-1).click();
      const [range] = CSS.highlights.get("nano-summary");
      const { top, bottom } = range.getBoundingClientRect();
      summary.remove();
      return {
        points: result.points.map(({ text }) => text), shown: links.map(({ textContent }) => textContent),
        marked: range.toString().replace(/\s+/g, " "), inWindow: top >= 0 && bottom <= innerHeight, left: CSS.highlights.has("nano-summary"),
      };
    });
    assert.equal(seen.shown.length, 5);
    assert.deepEqual(seen.shown, seen.points);
    assert.equal(seen.marked, seen.shown.at(-1));
    assert.ok(seen.inWindow);
    assert.equal(seen.left, false, "its mark goes with it");
  });

  test("starts at a click, or never by itself; other attributes give another summary; its text can be given", async () => {
    const seen = await page.evaluate(async () => {
      scrollTo(0, 0);
      const { summary, loaded } = put({ for: "article", start: "click" });
      const button = summary.shadowRoot.querySelector("button").textContent;
      summary.shadowRoot.querySelector("button").click();
      await loaded;
      const first = textIn(summary);
      const again = new Promise((resolve) => summary.addEventListener("load", resolve, { once: true }));
      summary.type = undefined;
      summary.setAttribute("type", "headline");
      await again;
      const manual = put({ start: "manual" }).summary;
      manual.text = "A bridge was opened in Lisbon on Monday by the mayor. It took three years to build and cost ten million euros.";
      const { text } = await manual.start();
      const stopped = put({ for: "article", start: "manual" }).summary;
      const aborted = failure(stopped.start());
      stopped.remove();
      return { button, first, second: textIn(summary), text, aborted: (await aborted)?.name };
    });
    assert.equal(seen.button, "Summarise");
    assert.ok(seen.first.length > 10 && seen.second.length > 10 && seen.first !== seen.second);
    assert.match(seen.text, /bridge|Lisbon/);
    assert.equal(seen.aborted, "AbortError");
  });

  test("what is wrong is said: in the element, and by an event", async () => {
    const seen = await page.evaluate(async () => {
      const wrong = [{ for: "#none" }, { for: "::" }, { for: "article", type: "poem" }, { for: "article", start: "soon" }, { for: "article", src: "/golden/none.gguf" }];
      return Promise.all(wrong.map(async (attributes) => {
        const { summary, loaded } = put(attributes);
        const { error } = await loaded;
        return { code: error?.code, message: error?.message, shown: textIn(summary) };
      }));
    });
    assert.deepEqual(seen.map(({ code }) => code), ["option/invalid", "option/invalid", "option/invalid", "option/invalid", "download/status"]);
    for (const { message, shown } of seen) assert.equal(shown, message);
    assert.match(seen[2].message, /type.*"tldr", "key-points", "headline".*"poem"/);
  });

  test("where there is no page, importing it does nothing", async () => {
    const { execFileSync } = await import("node:child_process");
    const { installTarball } = await import("./support/app.mjs");
    const code = 'import("nanolm/elements").then(({ NanoSummary }) => console.log(typeof NanoSummary))';
    const cwd = `${installTarball("web-app")}/../..`;
    assert.equal(String(execFileSync(process.execPath, ["--input-type=module", "-e", code], { cwd })).trim(), "function");
  });
});
