// nanolm/react in an app of React's own, in Chromium and rendered on a server.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installTarball, openPage, serveApp, workersEnd } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { bundled } from "./support/bundle.mjs";
import { ARTICLE } from "./support/texts.mjs";

const HOOKS = join(installTarball("web-app"), "dist/react/index.js");

let browser;
let app;
let page;
before(async () => {
  const client = await bundled(
    `import { createElement, StrictMode } from "react"; import { createRoot } from "react-dom/client"; import * as hooks from "nanolm/react";
     Object.assign(globalThis, { createElement, StrictMode, createRoot, hooks });`,
    // The hooks load the package that the page serves.
    { resolve: (id) => (id === "nanolm/react" ? HOOKS : id === "../index.js" ? { id: "/nanolm/index.js", external: "absolute" } : undefined) },
  );
  app = await serveApp({ mounts: { "/client/": () => client } });
  browser = await launch({ gpu: "none" });
});
beforeEach(async () => {
  await page?.context().close();
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    await import("/client/react.js");
    /** What a component rendered, in order, and what it has now. */
    globalThis.seen = [];
    globalThis.now = {};
    globalThis.mount = (component, properties = {}) => {
      const root = createRoot(document.body.appendChild(document.createElement("main")));
      const show = (more) => root.render(createElement(StrictMode, null, createElement(component, { ...properties, ...more })));
      show({});
      return { show, unmount: () => root.unmount() };
    };
    globalThis.until = async (true_) => {
      for (let wait = 0; !true_(); wait += 10) {
        if (wait > 30_000) throw new Error(`not within 30 s: ${true_}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
  });
});
after(async () => {
  await browser?.close();
  await app?.close();
});

test("components share a model, and the last one that goes disposes of it", async () => {
  const found = await page.evaluate(async () => {
    const component = (name) => () => {
      const used = hooks.useModel(undefined, { device: "cpu", cache: false });
      now[name] = used;
      seen.push(used.progress?.phase ?? (used.model === undefined ? used.loading : "model"));
      return createElement("p", { id: name }, used.model?.info.name ?? "loading");
    };
    const [one, two] = [mount(component("one")), mount(component("two"))];
    await until(() => now.one?.model !== undefined && now.two?.model !== undefined);
    const texts = [...document.querySelectorAll("p")].map(({ textContent }) => textContent);
    const same = now.one.model === now.two.model;
    const { model } = now.one;
    one.unmount();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { text } = await model.generate("Once", { maxNewTokens: 2 }).result;
    two.unmount();
    let disposed;
    while (disposed === undefined) disposed = await failure(model.generate("Once", { maxNewTokens: 2 }).result);
    return { texts, same, name: model.info.name, seen, alive: text.length > 0, disposed, unhandled };
  });
  assert.equal(found.same, true);
  assert.deepEqual(found.texts, [found.name, found.name]);
  assert.equal(found.seen[0], true);
  // Which phases come between two renders is the machine's; that one was rendered is not.
  const phases = found.seen.filter((seen) => typeof seen === "string");
  assert.ok(phases.length > 1 && phases[0] !== "model" && phases.at(-1) === "model", found.seen.join());
  assert.equal(found.alive, true);
  assert.equal(found.disposed.code, "model/disposed");
  assert.deepEqual(found.unhandled, []);
  await workersEnd(page);
});

test("leaving while a model loads ends its worker, and an error can be tried again", async () => {
  const found = await page.evaluate(async () => {
    const renders = ({ source, enabled }) => {
      now = hooks.useModel(source, { device: "cpu", cache: false, enabled });
      return null;
    };
    const slow = mount(renders, { source: "/nanolm/model/nanolm-default.gguf?slow=200" });
    await until(() => now.progress !== undefined);
    slow.unmount();
    const broken = mount(renders, { source: "/garbage/nothing.gguf" });
    await until(() => now.error !== undefined);
    const { code } = now.error;
    now.retry();
    await until(() => now.loading);
    await until(() => now.error !== undefined);
    broken.show({ enabled: false });
    await until(() => now.error === undefined);
    const idle = { loading: now.loading, model: now.model };
    broken.unmount();
    return { code, idle, unhandled };
  });
  assert.deepEqual([found.code, found.idle.loading, found.idle.model], ["download/status", false, undefined]);
  assert.deepEqual(found.unhandled, []);
  await workersEnd(page);
});

test("a summary streams, follows its text and its options, and is the model's own", async () => {
  const found = await page.evaluate(async (text) => {
    const model = await modelOn("cpu");
    const renders = ({ text, type }) => {
      now = hooks.useSummary(model, text, { type });
      seen.push(now.text);
      return createElement("p", null, now.text);
    };
    const mounted = mount(renders, { text: "", type: "tldr" });
    await until(() => seen.length > 0);
    const empty = { ...now };
    // The first one is left before it ends.
    mounted.show({ text: `${text} ${text}` });
    await until(() => now.running);
    seen.length = 0;
    mounted.show({ text });
    await until(() => now.result !== undefined);
    const [tldr, stream] = [now, [...seen]];
    mounted.show({ text, type: "key-points" });
    await until(() => now.points.length > 0 && now.result !== undefined);
    const points = now;
    mounted.unmount();
    return {
      empty, tldr, stream, points: points.points, shown: points.text.length > 0,
      own: (await model.summarize(text, { type: "tldr" }).result).text,
      ownPoints: (await model.summarize(text, { type: "key-points" }).result).points,
      unhandled,
    };
  }, ARTICLE);
  assert.deepEqual([found.empty.text, found.empty.running], ["", false]);
  assert.equal(found.tldr.text, found.own);
  assert.equal(found.tldr.running, false);
  // Nothing of the text before, and never less than was there.
  for (const text of found.stream) assert.ok(found.own.startsWith(text), JSON.stringify(found.stream));
  assert.deepEqual(found.stream.map(({ length }) => length), found.stream.map(({ length }) => length).sort((a, b) => a - b));
  assert.deepEqual(found.points, found.ownPoints);
  assert.equal(found.shown, true);
  assert.deepEqual(found.unhandled, []);
});

test("a chat streams, remembers, stops, and ends with its component", async () => {
  const found = await page.evaluate(async () => {
    const model = await chatModel({ config: VAST });
    const renders = ({ maxNewTokens }) => {
      now = hooks.useChat(model, { messages: [{ role: "system", content: "Be brief." }], maxNewTokens });
      globalThis.limit = maxNewTokens;
      seen.push(now.messages.at(-1).content);
      return createElement("p", null, now.messages.at(-1).content);
    };
    // So long that even the fastest machine renders a part of it before the whole is there.
    const mounted = mount(renders, { maxNewTokens: 1500 });
    await until(() => now.send !== undefined);
    const first = await now.send("The keeper");
    await until(() => !now.running);
    const afterOne = now.messages;
    const stream = [...seen];
    const second = await now.send("And the lamp?");
    await until(() => !now.running);
    const afterTwo = now.messages;
    const own = (await model.chat(afterTwo.slice(0, -1), { maxNewTokens: 1500 }).result).text;
    mounted.show({ maxNewTokens: 60_000 });
    await until(() => limit === 60_000);
    const sending = now.send("Go on");
    await until(() => now.messages.at(-1).role === "assistant" && now.messages.length > afterTwo.length);
    now.stop();
    const stopped = await sending;
    await until(() => !now.running);
    const kept = now.messages.at(-1);
    now.reset();
    await until(() => now.messages.length === 1);
    void now.send("Once more");
    await until(() => now.messages.at(-1).role === "assistant");
    mounted.unmount();
    // Where it were still at work, this would have to wait for minutes.
    const { usage } = await model.chat([{ role: "user", content: "x" }], { maxNewTokens: 2 }).result;
    return { first: first.text, second: second.text, afterOne, afterTwo, stream, own, stopped: stopped === undefined, kept, usage, error: now.error === undefined, unhandled };
  });
  assert.deepEqual(found.afterOne, [{ role: "system", content: "Be brief." }, { role: "user", content: "The keeper" }, { role: "assistant", content: found.first }]);
  const parts = found.stream.filter((text) => text !== "" && text !== found.first && found.first.startsWith(text));
  assert.ok(parts.length > 0, JSON.stringify(found.stream));
  assert.equal(found.afterTwo.length, 5);
  assert.equal(found.second, found.own);
  assert.equal(found.stopped, true);
  assert.ok(found.kept.role === "assistant" && found.kept.content.length > 0);
  assert.deepEqual([found.usage.completionTokens, found.error], [2, true]);
  assert.deepEqual(found.unhandled, []);
});

test("on a server everything renders, and nothing is loaded", async () => {
  const { createElement } = await import("react");
  const { renderToString } = await import("react-dom/server");
  const { useChat, useModel, useSummary } = await import(pathToFileURL(HOOKS).href);
  const renders = () => {
    const { model, loading } = useModel();
    const off = useModel("/models/other.gguf", { enabled: false });
    const summary = useSummary(model, "A text.");
    const { messages, running } = useChat(model, { messages: [{ role: "assistant", content: "Hello" }] });
    return createElement("p", null, [loading, off.loading, summary.text === "", running, messages[0].content].join(" "));
  };
  assert.equal(renderToString(createElement(renders)), "<p>true false true false Hello</p>");
});
