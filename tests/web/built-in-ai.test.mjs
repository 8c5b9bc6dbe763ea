// nanolm/built-in-ai: the platform's Summarizer, LanguageModel and LanguageDetector, with this package's models behind the first two.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { ARTICLE } from "./support/texts.mjs";

let browser;
let app;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    globalThis.ai = await import("/nanolm/built-in-ai/index.js");
    globalThis.told = async (promise) => {
      try {
        return { value: await promise };
      } catch (error) {
        return { name: error?.name, isDOMException: error instanceof DOMException, message: String(error?.message ?? error), quota: error?.quota };
      }
    };
  });
});
after(async () => {
  await browser?.close();
  await app?.close();
});

describe("Summarizer", () => {
  test("is created with its download told, and summarizes", async () => {
    const found = await page.evaluate(async (text) => {
      const { Summarizer } = ai;
      const before = await Summarizer.availability();
      const events = [];
      const making = Summarizer.create({
        sharedContext: "news",
        monitor: (monitor) => monitor.addEventListener("downloadprogress", ({ loaded, total }) => events.push([loaded, total])),
      });
      const during = await Summarizer.availability();
      const summarizer = await making;
      const plain = await Summarizer.create({ format: "plain-text", length: "long" });
      const tldr = await Summarizer.create({ type: "tldr", outputLanguage: "en-US", expectedInputLanguages: ["EN"] });
      const chunks = [];
      for await (const chunk of summarizer.summarizeStreaming(text)) chunks.push(chunk);
      const points = (await (await modelOn("cpu")).summarize(text, { type: "key-points" }).result).points;
      return {
        states: [before, during, await Summarizer.availability()],
        events, chunks, points,
        whole: await summarizer.summarize(text),
        plain: await plain.summarize(text),
        tldr: await tldr.summarize(text),
        own: (await (await modelOn("cpu")).summarize(text, { type: "tldr" }).result).text,
        empty: await summarizer.summarize("  "),
        usage: await summarizer.measureInputUsage(text),
        has: [summarizer.type, summarizer.format, summarizer.length, summarizer.sharedContext, summarizer.inputQuota === Infinity, summarizer.expectedInputLanguages],
        languages: [tldr.outputLanguage, tldr.expectedInputLanguages],
      };
    }, ARTICLE);
    assert.deepEqual(found.states, ["downloadable", "downloading", "available"]);
    assert.deepEqual(found.events[0], [0, 1]);
    assert.deepEqual(found.events.at(-1), [1, 1]);
    assert.ok(found.events.every(([loaded], i) => i === 0 || loaded > found.events[i - 1][0]));
    assert.equal(found.chunks.join(""), found.whole);
    assert.equal(found.whole.split("\n").length, 3);
    assert.deepEqual(found.whole.split("\n").map((line) => line.slice(2).replaceAll("\\", "")), found.points.map(({ text }) => text.replace(/\s+/g, " ")));
    assert.ok(found.plain.split("\n").length > 3 && !found.plain.startsWith("*"));
    assert.equal(found.tldr, found.own);
    assert.equal(found.empty, "");
    assert.equal(found.usage, 0, "what has no quota has no usage");
    assert.deepEqual(found.has, ["key-points", "markdown", "short", "news", true, null]);
    assert.deepEqual(found.languages, ["en-US", ["en"]]);
  });

  test("has the platform's exceptions", async () => {
    const found = await page.evaluate(async (text) => {
      const { Summarizer } = ai;
      const summarizer = await Summarizer.create();
      const stop = new AbortController();
      const running = told(summarizer.summarize(text, { signal: stop.signal }));
      stop.abort();
      const reason = new Error("enough");
      const streamed = await told((async () => summarizer.summarizeStreaming(text, { signal: AbortSignal.abort(reason) }))());
      const pending = told(summarizer.summarize(text));
      summarizer.destroy();
      return {
        constructed: await told((async () => new Summarizer())()),
        type: await told(Summarizer.create({ type: "haiku" })),
        preference: await told(Summarizer.create({ preference: "beauty" })),
        language: await told(Summarizer.availability({ outputLanguage: "no such language" })),
        french: [await Summarizer.availability({ outputLanguage: "fr" }), await told(Summarizer.create({ outputLanguage: "fr" }))],
        teaser: await Summarizer.availability({ type: "teaser" }),
        monitor: await told(Summarizer.create({ monitor: () => { throw new RangeError("mine"); } })),
        aborted: await told(Summarizer.create({ signal: AbortSignal.abort() })),
        running: await running,
        streamed,
        pending: await pending,
        destroyed: await told(summarizer.summarize(text)),
        measured: await told(summarizer.measureInputUsage(text)),
      };
    }, ARTICLE);
    for (const [name, error] of Object.entries({ constructed: "TypeError", type: "TypeError", preference: "TypeError", language: "RangeError", monitor: "RangeError" })) assert.equal(found[name].name, error, name);
    for (const name of ["aborted", "running", "pending", "destroyed", "measured"]) assert.deepEqual([found[name].name, found[name].isDOMException], ["AbortError", true], name);
    assert.equal(found.streamed.message, "enough");
    assert.deepEqual([found.french[0], found.french[1].name, found.teaser], ["unavailable", "NotSupportedError", "unavailable"]);
  });
});

describe("LanguageModel", () => {
  test("is unavailable until an app names a model", async () => {
    const found = await page.evaluate(async () => [await ai.LanguageModel.availability(), await ai.LanguageModel.params(), await told(ai.LanguageModel.create())]);
    assert.deepEqual(found.slice(0, 2), ["unavailable", null]);
    assert.equal(found[2].name, "NotSupportedError");
  });

  test("keeps a conversation", async () => {
    const found = await page.evaluate(async () => {
      ai.useModel(() => chatModel({ config: { max_position_embeddings: 4096 }, files: { "chat_template.jinja": CHATML } }));
      const { LanguageModel } = ai;
      const before = await LanguageModel.availability();
      const initialPrompts = [{ role: "system", content: "Be brief." }, { role: "user", content: "Hi" }, { role: "assistant", content: "Hello" }];
      const session = await LanguageModel.create({ initialPrompts, topK: 1, temperature: 0 });
      const usages = [session.inputUsage];
      const stop = new AbortController();
      const chunks = [];
      for await (const chunk of session.promptStreaming("The keeper", { signal: stop.signal })) {
        chunks.push(chunk);
        if (chunks.join("").length > 20) break;
      }
      const other = await LanguageModel.create({ initialPrompts, topK: 1, temperature: 0 });
      await other.append([{ role: "user", content: [{ type: "text", value: "The lamp" }] }]);
      usages.push(other.inputUsage);
      const copy = await other.clone();
      const texts = [];
      for (const each of [other, copy]) {
        let text = "";
        for await (const chunk of each.promptStreaming([{ role: "user", content: "And the wind?" }])) {
          text += chunk;
          if (text.length > 30) break;
        }
        texts.push(text.slice(0, 30));
      }
      return { states: [before, await LanguageModel.availability()], usages, chunks, texts, measured: await session.measureInputUsage("The keeper"), quota: session.inputQuota, now: [session.contextWindow, await session.measureContextUsage("The keeper"), session.contextUsage === session.inputUsage], has: [session.topK, session.temperature], params: await LanguageModel.params() };
    });
    assert.deepEqual(found.states, ["downloadable", "available"]);
    assert.ok(found.usages[0] > 0 && found.usages[1] > found.usages[0]);
    assert.ok(found.chunks.length > 1);
    assert.equal(found.texts[0], found.texts[1]);
    assert.ok(found.measured > 0);
    assert.equal(found.quota, 4096);
    assert.deepEqual(found.now, [4096, found.measured, true], "by the names of today");
    assert.deepEqual(found.has, [1, 0]);
    assert.ok(found.params.maxTopK >= found.params.defaultTopK);
  });

  test("drops the oldest turns where the context is full, and says so", async () => {
    const found = await page.evaluate(async () => {
      ai.useModel(await chatModel());
      const session = await ai.LanguageModel.create();
      let overflows = 0;
      session.onquotaoverflow = () => overflows++;
      let renamed = 0;
      session.oncontextoverflow = () => renamed++;
      const answers = [];
      for (let i = 0; i < 3; i++) answers.push(await session.prompt(`Question ${i}: ${"where is the lamp? ".repeat(8)}`));
      const huge = await told(session.prompt("x y ".repeat(600)));
      return { overflows, renamed, lengths: answers.map(({ length }) => length), usage: session.inputUsage, quota: session.inputQuota, huge };
    });
    assert.ok(found.overflows > 0);
    assert.equal(found.renamed, found.overflows);
    assert.ok(found.lengths.every((length) => length > 0));
    assert.ok(found.usage <= found.quota);
    assert.deepEqual([found.huge.name, found.huge.quota], ["QuotaExceededError", found.quota]);
  });

  test("answers with what the constraint allows", async () => {
    const found = await page.evaluate(async () => {
      const session = await ai.LanguageModel.create();
      const schema = { type: "object", properties: { rating: { type: "integer", minimum: 1, maximum: 5 } }, required: ["rating"], additionalProperties: false };
      return [await session.prompt("How was it?", { responseConstraint: schema }), await session.prompt("Good?", { responseConstraint: /(yes|no)\.?/u })];
    });
    assert.match(found[0], /^\{"rating": ?[1-5]\}$/);
    assert.match(found[1], /^(yes|no)\.?$/);
  });

  test("calls take their turns, and what is said belongs to the conversation once", async () => {
    const found = await page.evaluate(async () => {
      const seen = [];
      const model = await chatModel({ config: { max_position_embeddings: 4096 }, files: { "chat_template.jinja": CHATML } });
      const { session: open } = model;
      model.session = async (...args) => {
        const session = await open.apply(model, args);
        const { chat } = session;
        session.chat = (said, options) => (seen.push(said.map(({ role, content }) => `${role}: ${content}`)), chat.call(session, said, { ...options, maxNewTokens: 5 }));
        return session;
      };
      ai.useModel(model);
      const session = await ai.LanguageModel.create({ initialPrompts: [{ role: "system", content: "Be brief." }], samplingMode: "most-predictable" });
      const reader = session.promptStreaming("one").getReader();
      const [, two] = await Promise.all([session.append("between"), session.prompt("two"), session.prompt([])]);
      const late = await told(session.prompt([{ role: "system", content: "x" }]));
      for await (const _ of session.promptStreaming("left")) break;
      await session.prompt("after");
      const first = await reader.read();
      return { seen, two, first: first.value, late, has: [session.samplingMode, session.topK, session.temperature], usage: session.contextUsage };
    });
    assert.deepEqual(found.seen, [["system: Be brief.", "user: one"], ["user: between", "user: two"], ["user: "], ["user: left"], ["user: after"]]);
    assert.ok(found.two.length > 0 && found.first.length > 0 && found.usage > 20);
    assert.equal(found.late.name, "TypeError");
    assert.deepEqual(found.has, ["most-predictable", 1, 0]);
  });

  test("runs the tools that the model calls, and lets it go on", async () => {
    const found = await page.evaluate(async () => {
      // What a model would write that was taught to call tools: the tiny one is random.
      const model = await chatModel({ config: { max_position_embeddings: 4096 }, files: { "chat_template.jinja": CHATML } });
      const call = (name, input) => `<tool_call>{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(input)}}</tool_call>`;
      const script = [`Let me see. ${call("weather", { city: "Rome" })}${call("weather", { city: "Oslo" })}${call("tides", {})}`, "It is warm.", call("weather", { city: "" }), "never"];
      const asked = [];
      const fake = () => ({
        messages: [],
        chat(said, { tools }) {
          const text = script.shift();
          asked.push({ said, tools });
          this.messages = [...this.messages, ...said, { role: "assistant", content: text }];
          return { async *[Symbol.asyncIterator]() { for (const piece of text.match(/.{1,7}/gs)) yield { text: piece }; }, result: Promise.resolve({ usage: { promptTokens: 9, completionTokens: 1 } }) };
        },
        dispose: async () => {},
      });
      model.session = async () => fake();
      ai.useModel(model);
      const given = [];
      const execute = async ({ city }) => {
        given.push(city);
        if (city === "") throw new RangeError("no city");
        return `21 in ${city}`;
      };
      const inputSchema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
      const weather = { name: "weather", description: "How warm it is", inputSchema, execute };
      const session = await ai.LanguageModel.create({ tools: [weather] });
      const answer = await session.prompt("How warm is it?");
      const failed = await told(session.prompt("And now?"));
      const wrong = await told(ai.LanguageModel.create({ tools: [{ name: "x" }] }));
      return { answer, given, failed, wrong, asked };
    });
    assert.equal(found.answer, "Let me see.It is warm.");
    assert.deepEqual(found.given, ["Rome", "Oslo", ""]);
    assert.deepEqual(found.asked[0].tools[0].function.name, "weather");
    assert.deepEqual(found.asked[1].said.map(({ role, name, content }) => [role, name, content]), [
      ["tool", "weather", "21 in Rome"],
      ["tool", "weather", "21 in Oslo"],
      ["tool", "tides", 'There is no tool "tides".'],
    ]);
    assert.deepEqual([found.failed.name, found.wrong.name, found.asked.length], ["RangeError", "TypeError", 3]);
  });

  test("has the platform's exceptions", async () => {
    const found = await page.evaluate(async () => {
      const { LanguageModel } = ai;
      ai.useModel(await chatModel());
      const session = await LanguageModel.create();
      const first = {
        constructed: await told((async () => new LanguageModel())()),
        role: await told(session.prompt([{ role: "visitor", content: "x" }])),
        system: await told(LanguageModel.create({ initialPrompts: [{ role: "user", content: "x" }, { role: "system", content: "y" }] })),
        prefix: await told(session.prompt([{ role: "user", content: "x", prefix: true }])),
        image: await told(session.prompt([{ role: "user", content: [{ type: "image", value: "x" }] }])),
        constraint: await told(session.prompt("x", { responseConstraint: { not: {} } })),
        flags: await told(session.prompt("x", { responseConstraint: /a/i })),
        boolean: await told(session.prompt("x", { responseConstraint: true })),
        omitted: await told(session.prompt("x", { omitResponseConstraintInput: true })),
        kind: await told(session.prompt([{ role: "user", content: [{ type: "smell", value: "x" }] }])),
        mode: await told(LanguageModel.create({ samplingMode: "wild" })),
        second: await told(session.prompt([{ role: "user", content: "x" }, { role: "system", content: "y" }])),
        half: await told(LanguageModel.create({ topK: 3 })),
        audio: await LanguageModel.availability({ expectedInputs: [{ type: "audio" }] }),
        aborted: await told(session.prompt("x", { signal: AbortSignal.abort() })),
      };
      const pending = told(session.prompt("x"));
      session.destroy();
      return { ...first, pending: await pending, destroyed: await told(session.prompt("x")), cloned: await told(session.clone()) };
    });
    const names = { constructed: "TypeError", role: "TypeError", system: "TypeError", prefix: "SyntaxError", image: "NotSupportedError", constraint: "NotSupportedError", flags: "NotSupportedError", boolean: "TypeError", omitted: "TypeError", kind: "TypeError", mode: "TypeError", second: "TypeError", half: "NotSupportedError", aborted: "AbortError", pending: "AbortError", destroyed: "AbortError", cloned: "AbortError" };
    for (const [name, error] of Object.entries(names)) assert.equal(found[name].name, error, `${name}: ${JSON.stringify(found[name])}`);
    assert.equal(found.audio, "unavailable");
  });
});

describe("Writer, Rewriter and Translator", () => {
  test("need a model that can be asked in words", async () => {
    const found = await page.evaluate(async () => {
      const { Rewriter, Translator, useModel, Writer } = ai;
      useModel(undefined);
      const pair = { sourceLanguage: "en", targetLanguage: "de" };
      const states = [await Writer.availability(), await Rewriter.availability(), await Translator.availability(pair)];
      const unnamed = await told(Writer.create());
      useModel(await modelOn("cpu"));
      return { states, unnamed, plain: await told(Rewriter.create()) };
    });
    assert.deepEqual(found.states, ["unavailable", "unavailable", "unavailable"]);
    assert.equal(found.unnamed.name, "NotSupportedError");
    assert.equal(found.plain.name, "NotSupportedError");
    assert.match(found.plain.message, /chat template/);
  });

  test("say what they were made with, and give what the model writes, whole and in streams", async () => {
    const found = await page.evaluate(async () => {
      const { Rewriter, Translator, useModel, Writer } = ai;
      useModel(undefined);
      const model = await chatModel();
      useModel(model);
      const all = async (stream) => {
        let text = "";
        for await (const part of stream) text += part;
        return text;
      };
      const writer = await Writer.create({ tone: "formal", length: "medium", format: "plain-text", sharedContext: "a harbour", outputLanguage: "EN-us" });
      const rewriter = await Rewriter.create({ tone: "more-casual", expectedInputLanguages: ["en"] });
      const translator = await Translator.create({ sourceLanguage: "EN", targetLanguage: "pt-br" });
      const text = "The lamp was lit.\n\nIt went out.";
      const gone = new AbortController();
      const late = await Rewriter.create({ signal: gone.signal });
      gone.abort(new RangeError("gone"));
      return {
        writer: [writer.tone, writer.length, writer.format, writer.sharedContext, writer.outputLanguage, writer.expectedInputLanguages],
        rewriter: [rewriter.tone, rewriter.length, rewriter.format, rewriter.sharedContext, rewriter.expectedInputLanguages],
        translator: [translator.sourceLanguage, translator.targetLanguage, translator.inputQuota === Infinity, await translator.measureInputUsage(text)],
        written: [await writer.write("a letter", { context: "to the council" }), await all(writer.writeStreaming("a letter", { context: "to the council" })), await writer.write("a letter")],
        rewritten: [await rewriter.rewrite(text), await all(rewriter.rewriteStreaming(text)), await model.rewrite(text, { tone: "more-casual" }).text()],
        translated: [await translator.translate(text), await all(translator.translateStreaming(text)), await model.translate(text, { from: "English", to: "Brazilian Portuguese" }).text()],
        empty: [await writer.write(" "), await rewriter.rewrite(""), await translator.translate("")],
        wrong: {
          tone: await told(Writer.create({ tone: "rude" })),
          length: await told(Rewriter.availability({ length: "short" })),
          tag: await told(Writer.create({ outputLanguage: "no such tag" })),
          pair: await told(Translator.create({ sourceLanguage: "en" })),
          late: await told(late.rewrite(text)),
          aborted: await told(writer.write("a letter", { signal: AbortSignal.abort() })),
          made: await told((async () => new Rewriter())()),
        },
        destroyed: (writer.destroy(), await told(writer.write("a letter"))),
      };
    });
    assert.deepEqual(found.writer, ["formal", "medium", "plain-text", "a harbour", "en-US", null]);
    assert.deepEqual(found.rewriter, ["more-casual", "as-is", "as-is", "", ["en"]]);
    assert.deepEqual(found.translator, ["en", "pt-BR", true, 0]);
    for (const name of ["rewritten", "translated"]) assert.deepEqual(found[name], [found[name][2], found[name][2], found[name][2]], name);
    assert.equal(found.written[0], found.written[1]);
    assert.ok(found.written[0].length > 0);
    assert.deepEqual(found.empty, ["", "", ""]);
    const names = Object.fromEntries(Object.entries(found.wrong).map(([key, { name }]) => [key, name]));
    assert.deepEqual(names, { tone: "TypeError", length: "TypeError", tag: "RangeError", pair: "TypeError", late: "RangeError", aborted: "AbortError", made: "TypeError" });
    assert.equal(found.destroyed.name, "AbortError");
  });
});

test("the polyfill installs what is missing, and nothing else", async () => {
  const found = await page.evaluate(async () => {
    const own = class {};
    globalThis.Summarizer = own;
    delete globalThis.LanguageModel;
    delete globalThis.LanguageDetector;
    await import("/nanolm/built-in-ai/polyfill.js");
    return [globalThis.Summarizer === own, globalThis.LanguageModel === ai.LanguageModel, globalThis.LanguageDetector === ai.LanguageDetector];
  });
  assert.deepEqual(found, [true, true, true]);
});
