// LangChain.js as it comes from npm, over nanolm/openai, in Chromium with the network off: a chat, a stream, a call of a tool, an object, embeddings.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { bundled } from "./support/bundle.mjs";

let browser;
let app;
let page;
before(async () => {
  const client = await bundled(
    `import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
     import { StringOutputParser } from "@langchain/core/output_parsers";
     import { ChatPromptTemplate } from "@langchain/core/prompts";
     import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
     globalThis.langchain = { AIMessage, HumanMessage, SystemMessage, ToolMessage, StringOutputParser, ChatPromptTemplate, ChatOpenAI, OpenAIEmbeddings };`,
  );
  app = await serveApp({ mounts: { "/client/": () => client } });
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    await import("/client/langchain.js");
    const { createFetch } = await import("/nanolm/openai/index.js");
    globalThis.tiny = await chatModel();
    globalThis.long = await chatModel({ config: { max_position_embeddings: 4096 }, files: { "chat_template.jinja": CHATML } });
    const served = createFetch({ tiny, long, plain: () => modelOn("cpu") });
    globalThis.requests = [];
    const fetch = (input, init) => {
      requests.push({ path: new URL(input.url ?? input).pathname, body: JSON.parse(init.body) });
      return served(input, init);
    };
    globalThis.COMMON = { apiKey: "none", maxRetries: 0, configuration: { fetch, dangerouslyAllowBrowser: true } };
    globalThis.chat = (more) => new langchain.ChatOpenAI({ ...COMMON, model: "tiny", temperature: 0, ...more });
    globalThis.MESSAGES = [{ role: "system", content: "Be brief." }, { role: "user", content: "The keeper lights the lamp" }];
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

test("a chat", async () => {
  const { answer, own } = await page.evaluate(async () => {
    const { HumanMessage, SystemMessage } = langchain;
    const answer = await chat({ maxTokens: 9 }).invoke([new SystemMessage("Be brief."), new HumanMessage(MESSAGES[1].content)]);
    const { content, usage_metadata: usage, response_metadata: response } = answer;
    return { answer: { content, usage, response }, own: await tiny.chat(MESSAGES, { maxNewTokens: 9 }).result };
  });
  assert.equal(answer.content, own.text);
  assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens], [own.usage.promptTokens, 9, own.usage.promptTokens + 9]);
  assert.equal(answer.response.finish_reason, "length");
});

test("a stream, also at the end of a chain, and one that is left", async () => {
  const found = await page.evaluate(async () => {
    const { ChatPromptTemplate, StringOutputParser } = langchain;
    const chunks = [];
    for await (const chunk of await chat({ maxTokens: 9 }).stream(MESSAGES)) chunks.push({ content: chunk.content, usage: chunk.usage_metadata, reason: chunk.response_metadata.finish_reason });
    const prompt = ChatPromptTemplate.fromMessages([["system", "Be brief."], ["user", "The {who} lights the lamp"]]);
    let chained = "";
    for await (const text of await prompt.pipe(chat({ maxTokens: 9 })).pipe(new StringOutputParser()).stream({ who: "keeper" })) chained += text;
    let pieces = 0;
    for await (const _ of await chat({ model: "long", maxTokens: 3000 }).stream(MESSAGES)) if (++pieces === 3) break;
    // Were it still at work, this would have to wait for thousands of tokens.
    const { usage } = await long.chat(MESSAGES, { maxNewTokens: 2 }).result;
    return { chunks, chained, pieces, after: usage.completionTokens, own: (await tiny.chat(MESSAGES, { maxNewTokens: 9 }).result).text };
  });
  assert.ok(found.chunks.length > 5);
  assert.equal(found.chunks.map(({ content }) => content).join(""), found.own);
  assert.deepEqual(found.chunks.map(({ reason }) => reason).filter(Boolean), ["length"]);
  assert.equal(found.chunks.at(-1).usage.output_tokens, 9);
  assert.equal(found.chained, found.own);
  assert.deepEqual([found.pieces, found.after], [3, 2]);
});

test("a call of a tool, and its result given back", async () => {
  const found = await page.evaluate(async () => {
    const { HumanMessage, ToolMessage } = langchain;
    const days = { type: "object", properties: { days: { type: "integer", minimum: 1, maximum: 7 } }, required: ["days"], additionalProperties: false };
    const weather = { type: "function", function: { name: "weather", description: "The weather to come", parameters: days } };
    const bound = chat({ model: "long", maxTokens: 60 }).bindTools([weather], { tool_choice: "weather" });
    const question = new HumanMessage("How will the weather be?");
    const call = await bound.invoke([question]);
    let gathered;
    for await (const chunk of await bound.stream([question])) gathered = gathered?.concat(chunk) ?? chunk;
    requests.length = 0;
    const [{ id }] = call.tool_calls;
    const answer = await chat({ model: "long", maxTokens: 9 }).invoke([question, call, new ToolMessage({ tool_call_id: id, name: "weather", content: "clear" })]);
    return { calls: call.tool_calls, streamed: gathered.tool_calls, answer: answer.content, sent: requests[0].body.messages.map(({ role }) => role) };
  });
  const [{ name, args, id }] = found.calls;
  assert.equal(name, "weather");
  assert.ok(Number.isInteger(args.days) && args.days >= 1 && args.days <= 7, JSON.stringify(args));
  assert.match(id, /^call_[0-9a-f]{32}$/);
  assert.deepEqual(found.streamed.map(({ name, args }) => ({ name, args })), [{ name, args }]);
  assert.deepEqual(found.sent, ["user", "assistant", "tool"]);
  assert.ok(found.answer.length > 3);
});

test("an object of a JSON schema, whole and as a stream", async () => {
  const found = await page.evaluate(async () => {
    const schema = { type: "object", properties: { city: { type: "string", maxLength: 9 }, size: { enum: ["s", "m"] } }, required: ["city", "size"], additionalProperties: false };
    const structured = chat({ model: "long", maxTokens: 200 }).withStructuredOutput(schema, { name: "place", method: "jsonSchema", strict: true });
    requests.length = 0;
    const object = await structured.invoke("Where is the lamp?");
    let last;
    for await (const part of await structured.stream("Where is the lamp?")) last = part;
    return { object, last, format: requests[0].body.response_format?.type };
  });
  assert.equal(found.format, "json_schema");
  assert.deepEqual(Object.keys(found.object), ["city", "size"]);
  assert.ok([...found.object.city].length <= 9 && ["s", "m"].includes(found.object.size), JSON.stringify(found.object));
  assert.deepEqual(found.last, found.object);
});

test("embeddings", async () => {
  const found = await page.evaluate(async () => {
    const embeddings = new langchain.OpenAIEmbeddings({ ...COMMON, model: "plain" });
    const texts = ["A lamp shines", "Taxes rise"];
    return { query: await embeddings.embedQuery(texts[0]), documents: await embeddings.embedDocuments(texts), own: (await (await modelOn("cpu")).embed(texts)).map((vector) => [...vector]) };
  });
  assert.deepEqual(found.documents, found.own);
  assert.deepEqual(found.query, found.own[0]);
});

test("what cannot be done is an error, and nothing left the page", async () => {
  const found = await page.evaluate(async () => {
    const told = (promise) => promise.then(() => undefined, ({ status, message }) => ({ status, message }));
    return { penalty: await told(chat({ frequencyPenalty: 0.5 }).invoke("x")), model: await told(chat({ model: "gpt-4o" }).invoke("x")), unhandled };
  });
  assert.equal(found.penalty.status, 400);
  assert.match(found.penalty.message, /frequency_penalty/);
  assert.equal(found.model.status, 404);
  assert.deepEqual([found.unhandled, page.foreign], [[], []]);
});
