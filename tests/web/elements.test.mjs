// <nano-summary> and <nano-chat>, through the packed package, under a strict policy.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { ARTICLE } from "./support/texts.mjs";

describe("elements", () => {
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

  describe("nano-chat", () => {
    const SRC = "/golden/tiny-llama/model-q8_0.gguf";
    before(() =>
      page.evaluate((src) => {
        /** A new element, and what its field, its button and its log are. */
        globalThis.putChat = (attributes = {}) => {
          const chat = document.createElement("nano-chat");
          for (const [name, value] of Object.entries({ src, ...attributes })) chat.setAttribute(name, value);
          document.body.prepend(chat);
          const part = (name) => chat.shadowRoot.querySelector(`[part~=${name}]`);
          const event = (name) => new Promise((resolve) => chat.addEventListener(name, ({ detail }) => resolve(detail), { once: true }));
          const said = () => [...chat.shadowRoot.querySelectorAll("[part~=message]")].map((each) => [each.getAttribute("part").split(" ")[1], each.textContent]);
          const write = (text) => {
            part("input").value = text;
            part("form").requestSubmit();
          };
          return { chat, part, event, said, write };
        };
      }, SRC),
    );

    test("answers what is written, and remembers what was said", async () => {
      const seen = await page.evaluate(async () => {
        const { chat, part, event, said, write } = putChat({ system: "Be brief.", placeholder: "Your words", label: "Go" });
        const words = [part("input").placeholder, part("button").textContent];
        const first = event("load");
        write("Hello");
        const during = [part("button").textContent, chat.ariaBusy, part("input").value];
        const { text } = await first;
        const { text: second } = await chat.send("And now?");
        const end = [part("button").textContent, chat.ariaBusy, part("status").textContent];
        const kept = { words, during, end, texts: [text, second], messages: chat.messages, said: said() };
        chat.messages = [{ role: "user", content: "Anew" }];
        return { ...kept, anew: said() };
      });
      assert.deepEqual(seen.words, ["Your words", "Go"]);
      assert.deepEqual(seen.during, ["Stop", "true", ""]);
      assert.deepEqual(seen.end, ["Go", null, ""]);
      const roles = ["user", "assistant", "user", "assistant"];
      assert.deepEqual(seen.messages.map(({ role, content }) => [role, content]), ["Hello", seen.texts[0], "And now?", seen.texts[1]].map((text, at) => [roles[at], text]));
      assert.deepEqual(seen.said.map(([role]) => role), roles);
      assert.equal(seen.said[1][1].trim(), seen.texts[0].trim());
      assert.deepEqual(seen.anew, [["user", "Anew"]]);
    });

    test("stops at its button and with the element, and takes a model that is there", async () => {
      const seen = await page.evaluate(async () => {
        const { chat, part, said, write } = putChat();
        chat.model = await chatModel({ config: VAST });
        write("Tell me a long story.");
        await new Promise((resolve) => new MutationObserver(resolve).observe(chat.shadowRoot.querySelector("[part~=assistant]"), { childList: true }));
        part("form").requestSubmit();
        while (chat.ariaBusy !== null) await new Promise((resolve) => setTimeout(resolve, 5));
        const stopped = { messages: chat.messages, said: said().map(([, text]) => text), button: part("button").textContent };
        const gone = chat.send("And then?").catch(({ name }) => name);
        chat.remove();
        return { ...stopped, gone: await gone, after: chat.messages.length };
      });
      assert.equal(seen.messages.length, 2);
      assert.deepEqual(seen.said, seen.messages.map(({ content }) => content));
      assert.ok(seen.said[1].length > 0, "what was written stays");
      assert.equal(seen.button, "Send");
      assert.deepEqual([seen.gone, seen.after], ["AbortError", 2]);
    });

    test("what fails is said, and what was written can be sent again", async () => {
      const seen = await page.evaluate(async () => {
        const { chat, part, event, said, write } = putChat({ src: "/golden/none.gguf" });
        const failed = event("error");
        write("Hello");
        const { code, message } = await failed;
        await new Promise((resolve) => setTimeout(resolve));
        return { code, message, status: part("status").textContent, input: part("input").value, said: said(), messages: chat.messages.length };
      });
      assert.deepEqual([seen.code, seen.input, seen.said, seen.messages], ["download/status", "Hello", [], 0]);
      assert.equal(seen.status, seen.message);
    });
  });

  test("where there is no page, importing it does nothing", async () => {
    const { execFileSync } = await import("node:child_process");
    const { installTarball } = await import("./support/app.mjs");
    const code = 'import("nanolm/elements").then(({ NanoSummary }) => console.log(typeof NanoSummary))';
    const cwd = `${installTarball("web-app")}/../..`;
    assert.equal(String(execFileSync(process.execPath, ["--input-type=module", "-e", code], { cwd })).trim(), "function");
  });
});
