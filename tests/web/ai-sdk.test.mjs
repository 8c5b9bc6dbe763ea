// nanolm/ai-sdk with the `ai` package as it comes from npm, in Chromium with the network off.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { installTarball, openPage, serveApp } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";
import { bundled } from "./support/bundle.mjs";

let browser;
let app;
let page;
before(async () => {
  const client = await bundled('import { embedMany, generateObject, generateText, jsonSchema, streamText, tool } from "ai"; globalThis.ai = { embedMany, generateObject, generateText, jsonSchema, streamText, tool };');
  app = await serveApp({ mounts: { "/client/": () => client } });
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    await import("/client/ai.js");
    const { createNanolm } = await import("/nanolm/ai-sdk/index.js");
    globalThis.tiny = await chatModel();
    globalThis.long = await chatModel({ config: VAST });
    globalThis.provider = createNanolm({ tiny, long: () => Promise.resolve(long), plain: () => modelOn("cpu"), broken: () => Promise.reject(new Error("no such file")) });
    globalThis.MESSAGES = [{ role: "system", content: "Be brief." }, { role: "user", content: "The keeper lights the lamp" }];
    globalThis.refusal = (promise) => Promise.resolve(promise).then((value) => ({ answered: value }), ({ name, code, message }) => ({ name, code, message }));
    // What is downloaded when it is first used.
    for (const model of [tiny, long]) await model.chat(MESSAGES, { maxNewTokens: 1, responseFormat: { type: "json" } }).result;
    await (await modelOn("cpu")).embed("x");
  });
  await page.context().setOffline(true);
});
after(async () => {
  await browser?.close();
  await app?.close();
});

/** Instructions are an option of the client, not a message. */
const ASKED = { system: "Be brief.", prompt: "The keeper lights the lamp" };

describe("generateText", () => {
  test("gives the model's own text, its usage and its reason", async () => {
    const found = await page.evaluate(async (asked) => {
      const { text, finishReason, usage, warnings, response } = await ai.generateText({ model: provider("tiny"), ...asked, maxOutputTokens: 9 });
      return { text, finishReason, usage, warnings, modelId: response.modelId, own: await tiny.chat(MESSAGES, { maxNewTokens: 9 }).result };
    }, ASKED);
    assert.equal(found.text, found.own.text);
    assert.deepEqual([found.finishReason, found.modelId], ["length", "tiny"]);
    assert.deepEqual(found.warnings ?? [], []);
    assert.deepEqual([found.usage.inputTokens, found.usage.outputTokens, found.usage.totalTokens], [found.own.usage.promptTokens, 9, found.own.usage.promptTokens + 9]);
  });

  test("settings reach the model, and those without effect are warned of", async () => {
    const found = await page.evaluate(async (asked) => {
      const ask = async (more) => (await ai.generateText({ model: provider.languageModel("tiny"), ...asked, maxOutputTokens: 12, ...more })).text;
      const { warnings } = await ai.generateText({
        model: provider("tiny"), ...asked, maxOutputTokens: 2, frequencyPenalty: 0.5, presencePenalty: 0.5,
        tools: { time: ai.tool({ description: "The time", inputSchema: ai.jsonSchema({ type: "object", properties: {} }) }) },
      });
      const whole = await ask({});
      return {
        warnings: warnings.map(({ type, feature }) => [type, feature]),
        seeds: [await ask({ temperature: 1, seed: 5 }), await ask({ temperature: 1, seed: 5 }), await ask({ temperature: 1, seed: 6 })],
        whole, stopped: await ask({ stopSequences: [whole.slice(4, 7)] }),
        penalised: await ask({ providerOptions: { nanolm: { repetitionPenalty: 2 } } }),
        own: (await tiny.chat(MESSAGES, { maxNewTokens: 12, repetitionPenalty: 2 }).result).text,
      };
    }, ASKED);
    assert.deepEqual(found.warnings, [["unsupported", "frequencyPenalty"], ["unsupported", "presencePenalty"]]);
    assert.equal(found.seeds[0], found.seeds[1]);
    assert.notEqual(found.seeds[0], found.seeds[2]);
    assert.ok(found.whole.startsWith(found.stopped) && found.stopped.length <= 4);
    assert.equal(found.penalised, found.own);
  });

  test("what would be a wrong answer is refused", async () => {
    const found = await page.evaluate(async (asked) => {
      const ask = (more, name = "tiny") => refusal(Promise.resolve().then(() => ai.generateText({ model: provider(name), maxOutputTokens: 2, maxRetries: 0, ...asked, ...more })));
      return {
        object: await refusal(ai.generateObject({ model: provider("tiny"), schema: ai.jsonSchema({ type: "object", not: {} }), maxRetries: 0, ...asked })),
        image: await ask({ prompt: [{ role: "user", content: [{ type: "text", text: "What is this?" }, { type: "file", mediaType: "image/png", data: new Uint8Array([137, 80, 78, 71]) }] }] }),
        long: await ask({ prompt: "x y ".repeat(600) }),
        name: await ask({}, "gpt-4o"),
        broken: await ask({}, "broken"),
        none: await refusal(Promise.resolve().then(() => provider.imageModel("x"))),
      };
    }, ASKED);
    for (const refused of [found.image, found.none]) assert.equal(refused.code, "task/unsupported", JSON.stringify(refused));
    assert.match(found.object.message, /responseFormat\.schema\/not/);
    assert.equal(found.long.code, "session/context-full");
    assert.match(found.name.message, /gpt-4o/);
    assert.equal(found.broken.message, "no such file");
  });
});

test("objects are of their schema, and a call that has to come comes", async () => {
  const found = await page.evaluate(async (asked) => {
    const model = provider("long");
    const schema = ai.jsonSchema({ type: "object", properties: { city: { type: "string", maxLength: 9 }, size: { enum: ["s", "m"] } }, required: ["city", "size"], additionalProperties: false });
    const given = { model, temperature: 1, seed: 4, maxRetries: 0, ...asked, maxOutputTokens: 200 };
    const tools = { weather: ai.tool({ inputSchema: ai.jsonSchema({ type: "object", properties: { days: { type: "integer", minimum: 1, maximum: 7 } }, required: ["days"], additionalProperties: false }) }) };
    const called = await ai.generateText({ ...given, tools, toolChoice: { type: "tool", toolName: "weather" } });
    return {
      object: (await ai.generateObject({ ...given, schema })).object,
      called: called.toolCalls.map(({ toolName, input }) => ({ toolName, input })),
      reason: called.finishReason,
    };
  }, ASKED);
  assert.deepEqual(Object.keys(found.object), ["city", "size"]);
  assert.ok([...found.object.city].length <= 9 && ["s", "m"].includes(found.object.size));
  assert.deepEqual([found.called[0].toolName, found.reason], ["weather", "tool-calls"]);
  assert.ok(found.called[0].input.days >= 1 && found.called[0].input.days <= 7);
});

describe("streamText", () => {
  test("streams the parts in the specified order", async () => {
    const found = await page.evaluate(async (asked) => {
      const result = ai.streamText({ model: provider("tiny"), ...asked, maxOutputTokens: 9 });
      let text = "";
      for await (const piece of result.textStream) text += piece;
      const { stream } = await provider("tiny").doStream({ prompt: [{ role: "system", content: "Be brief." }, { role: "user", content: [{ type: "text", text: asked.prompt }] }], maxOutputTokens: 9 });
      const parts = [];
      for (const reader = stream.getReader(); ; ) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
      }
      return { text, reason: await result.finishReason, usage: await result.usage, parts, own: (await tiny.chat(MESSAGES, { maxNewTokens: 9 }).result).text };
    }, ASKED);
    assert.equal(found.text, found.own);
    assert.equal(found.reason, "length");
    assert.equal(found.usage.outputTokens, 9);
    const types = found.parts.map(({ type }) => type);
    assert.deepEqual(types.filter((type) => type !== "text-delta"), ["stream-start", "response-metadata", "text-start", "text-end", "finish"]);
    assert.equal(types.indexOf("text-delta"), 3);
    const blocks = found.parts.filter(({ type }) => type.startsWith("text-"));
    assert.equal(new Set(blocks.map(({ id }) => id)).size, 1);
    assert.equal(blocks.map(({ delta = "" }) => delta).join(""), found.own);
    assert.deepEqual(found.parts.at(-1).finishReason, { unified: "length", raw: "length" });
  });

  test("an abort, or a reader who leaves, stops the work at once", async () => {
    const found = await page.evaluate(async () => {
      const stop = new AbortController();
      const result = ai.streamText({ model: provider("long"), prompt: "x", maxOutputTokens: ENDLESS, abortSignal: stop.signal });
      const types = [];
      let pieces = 0;
      for await (const { type } of result.fullStream) {
        if (types.at(-1) !== type) types.push(type);
        if (type === "text-delta" && ++pieces === 3) stop.abort();
      }
      const whole = new AbortController();
      const { chat } = long;
      // It says that it is at work, and has minutes to go.
      long.chat = (messages, options) => Reflect.apply(chat, long, [messages, { ...options, onProgress: () => whole.abort() }]);
      const aborted = await refusal(ai.generateText({ model: provider("long"), prompt: "x", maxOutputTokens: ENDLESS, abortSignal: whole.signal }));
      delete long.chat;
      const { stream } = await provider("long").doStream({ prompt: [{ role: "user", content: [{ type: "text", text: "x" }] }], maxOutputTokens: ENDLESS });
      await stream.cancel();
      // Where one of them were still at work, this would have to wait for minutes.
      const { usage } = await long.chat([{ role: "user", content: "x" }], { maxNewTokens: 2 }).result;
      return { types, pieces, aborted, usage };
    });
    assert.equal(found.types.at(-1), "abort");
    assert.ok(found.pieces < 10_000, `${found.pieces} pieces`);
    assert.equal(found.aborted.name, "AbortError");
    assert.equal(found.usage.completionTokens, 2);
  });
});

test("calls of tools, and their results, are messages of the model's template", async () => {
  const found = await page.evaluate(async () => {
    const { messagesOf, optionsOf } = await import("/nanolm/ai-sdk/prompt.js");
    const prompt = [
      { role: "user", content: [{ type: "text", text: "Weather?" }] },
      { role: "assistant", content: [{ type: "reasoning", text: "hm" }, { type: "text", text: "Let me see." }, { type: "tool-call", toolCallId: "c1", toolName: "weather", input: { city: "Köln" } }] },
      { role: "tool", content: [{ type: "tool-result", toolCallId: "c1", toolName: "weather", output: { type: "json", value: { sky: "clear" } } }] },
    ];
    const tools = [{ type: "function", name: "weather", description: "The weather", inputSchema: { type: "object" } }, { type: "provider", id: "x.search", name: "search", args: {} }];
    return { messages: messagesOf(prompt), given: optionsOf({ prompt, tools, toolChoice: { type: "auto" }, seed: -3 }), none: optionsOf({ prompt, tools, toolChoice: { type: "none" } }).options, forced: optionsOf({ prompt, toolChoice: { type: "required" } }).warnings };
  });
  assert.deepEqual(found.messages, [
    { role: "user", content: "Weather?" },
    { role: "assistant", content: "Let me see.", reasoning: "hm", tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Köln"}' } }] },
    { role: "tool", tool_call_id: "c1", name: "weather", content: '{"sky":"clear"}' },
  ]);
  assert.deepEqual(found.given.options, { seed: 3, tools: [{ type: "function", function: { name: "weather", description: "The weather", parameters: { type: "object" } } }] });
  assert.deepEqual(found.given.warnings.map(({ feature }) => feature), ["tool search"]);
  assert.deepEqual(found.none, {});
  // The client itself gives up where no call comes of it.
  assert.deepEqual(found.forced.map(({ feature }) => feature), ["toolChoice"]);
});

test("the models are what the specification's own types say", () => {
  const folder = join(installTarball("web-app"), "../..");
  const check = `import type { EmbeddingModelV4, LanguageModelV4 } from "@ai-sdk/provider";
import type { EmbeddingModel, LanguageModel } from "nanolm/ai-sdk";
declare const language: LanguageModel;
declare const embedding: EmbeddingModel;
export const one: LanguageModelV4 = language;
export const two: EmbeddingModelV4 = embedding;
// @ts-expect-error the check can fail
export const three: EmbeddingModelV4 = language;
`;
  writeFileSync(join(folder, "ai-sdk.ts"), check);
  const flags = ["--noEmit", "--strict", "--target", "ES2022", "--module", "ES2022", "--moduleResolution", "bundler", "--skipLibCheck", "--types", ""];
  execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), ...flags, "ai-sdk.ts"], { cwd: folder, stdio: "pipe" });
});

test("embedMany gives the vectors of model.embed", async () => {
  const found = await page.evaluate(async () => {
    const values = ["A lamp shines", "Light of a lamp", "Taxes rise"];
    const { embeddings, usage } = await ai.embedMany({ model: provider.embeddingModel("plain"), values });
    const { warnings } = await provider.embeddingModel("plain").doEmbed({ values, dimensions: 7 });
    return { embeddings, usage, warnings, own: (await (await modelOn("cpu")).embed(values)).map((vector) => [...vector]) };
  });
  assert.deepEqual(found.embeddings, found.own);
  assert.ok(found.usage.tokens > 5);
  assert.deepEqual(found.warnings.map(({ feature }) => feature), ["dimensions"]);
  assert.deepEqual(page.foreign, []);
  assert.deepEqual(await page.evaluate(() => unhandled), []);
});
