// Streams of nanolm/openai, event for event: their kinds and their order, and every event against the types of the official
// client, which are made from the service's specification. Tools in /v1/responses.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";
import { bundled } from "./support/bundle.mjs";

let browser;
let app;
let page;
before(async () => {
  const client = await bundled('import OpenAI from "openai"; globalThis.OpenAI = OpenAI;');
  app = await serveApp({ mounts: { "/client/": () => client } });
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    await import("/client/openai.js");
    const { createFetch } = await import("/nanolm/openai/index.js");
    const tiny = await chatModel();
    // Writes what a model that was taught to call tools would: the tiny one knows no words.
    const says = (text) => ({
      chat: (messages, options) => {
        says.asked = { messages, tools: options.tools };
        const usage = { promptTokens: 3, cachedTokens: 0, completionTokens: text.length };
        return { result: Promise.resolve({ text, finishReason: "stop", usage }), async *[Symbol.asyncIterator]() { for (const piece of text) yield { text: piece, reasoning: "", logprob: 0 }; } };
      },
    });
    globalThis.asked = () => says.asked;
    const taught = says('Let me see.\n<tool_call>\n{"name": "weather", "arguments": {"unit": "C"}}\n</tool_call>\n<tool_call>{"name": "time"}</tool_call>');
    globalThis.client = new OpenAI({ apiKey: "none", dangerouslyAllowBrowser: true, maxRetries: 0, fetch: createFetch({ tiny, taught }) });
    globalThis.events = async (stream) => {
      const events = [];
      for await (const event of await stream) events.push(event);
      return events;
    };
    globalThis.refusal = (promise) => promise.then(() => undefined, ({ status, param }) => ({ status, param }));
    const parameters = { type: "object", properties: { unit: { enum: ["C", "F"] } }, required: ["unit"], additionalProperties: false };
    globalThis.weather = { type: "function", name: "weather", description: "The weather", parameters, strict: true };
    // What is downloaded when it is first used.
    await client.chat.completions.create({ model: "tiny", messages: [{ role: "user", content: "x" }], max_tokens: 1, response_format: { type: "json_object" } });
  });
  await page.context().setOffline(true);
});
after(async () => {
  await browser?.close();
  await app?.close();
});

/** Kinds in order, those that come many times in a row once. */
const kinds = (events) => events.map(({ type }) => type.replace("response.", "")).filter((type, i, all) => type !== all[i - 1]);
const MESSAGE = ["output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done", "output_item.done"];
const CALL = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"];

/** Fails where plain data is not of a type of the official client, or has more than the type. */
function typed(name, type, values) {
  const folder = join(ROOT, "build/openai-shapes");
  mkdirSync(folder, { recursive: true });
  const each = values.map((value, i) => `export const value${i}: ${type} = ${JSON.stringify(value)};`);
  writeFileSync(join(folder, `${name}.ts`), `import type OpenAI from "openai";\n${each.join("\n")}\n`);
  const flags = ["--noEmit", "--strict", "--target", "ES2022", "--module", "ES2022", "--moduleResolution", "bundler", "--skipLibCheck", "--types", ""];
  try {
    execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), ...flags, `${name}.ts`], { cwd: folder, stdio: "pipe" });
  } catch ({ stdout }) {
    assert.fail(String(stdout).slice(0, 2000));
  }
}

describe("/v1/responses", () => {
  test("a text", async () => {
    const found = await page.evaluate(() => events(client.responses.create({ model: "tiny", input: "The keeper", max_output_tokens: 6, stream: true })));
    assert.deepEqual(kinds(found), ["created", "in_progress", ...MESSAGE, "incomplete"]);
    assert.deepEqual(found.map(({ sequence_number }) => sequence_number), found.map((_, i) => i));
    typed("text", "OpenAI.Responses.ResponseStreamEvent", found.filter(({ response }) => response === undefined));
  });

  test("a call that has to come: its events, valid arguments, and the conversation goes on from its output", async () => {
    const found = await page.evaluate(async () => {
      const ask = { model: "tiny", input: "Weather?", tools: [weather], temperature: 1, seed: 3, max_output_tokens: 60 };
      const tool_choice = { type: "function", name: "weather" };
      const streamed = await events(client.responses.create({ ...ask, tool_choice, stream: true }));
      const whole = await client.responses.create({ ...ask, tool_choice: "required" });
      const [call] = whole.output;
      const output = { type: "function_call_output", call_id: call.call_id, output: "clear" };
      const next = await client.responses.create({ model: "tiny", input: [output], previous_response_id: whole.id, max_output_tokens: 3 });
      const given = await client.responses.create({ model: "tiny", input: [{ role: "user", content: "Weather?" }, call, output], max_output_tokens: 3 });
      const short = await client.responses.create({ ...ask, tool_choice, max_output_tokens: 2 });
      return { streamed, whole, next: next.output_text, given: given.output_text, short };
    });
    assert.deepEqual(kinds(found.streamed), ["created", "in_progress", ...CALL, "completed"]);
    const { response } = found.streamed.at(-1);
    for (const { output, status } of [response, found.whole]) {
      assert.deepEqual([output.length, output[0].type, output[0].name, output[0].status, status], [1, "function_call", "weather", "completed", "completed"]);
      assert.ok(["C", "F"].includes(JSON.parse(output[0].arguments).unit), output[0].arguments);
    }
    const [added, delta, done, ended] = found.streamed.slice(2, -1);
    assert.deepEqual([added.item.arguments, added.item.status], ["", "in_progress"]);
    assert.deepEqual([delta.delta, done.arguments, ended.item], [done.arguments, response.output[0].arguments, response.output[0]]);
    assert.deepEqual([found.whole.tool_choice, found.whole.tools[0].name], ["required", "weather"]);
    assert.equal(found.given, found.next);
    // Half a call is none.
    assert.deepEqual([found.short.status, found.short.output], ["incomplete", []]);
    typed("call", "OpenAI.Responses.ResponseStreamEvent", found.streamed.filter(({ response }) => response === undefined));
    typed("items", "OpenAI.Responses.ResponseOutputItem", response.output);
  });

  test("calls that the model chooses: a text, then each call; both reach the template with their outputs", async () => {
    const found = await page.evaluate(async () => {
      const ask = { model: "taught", input: "Weather?", tools: [weather] };
      const streamed = await events(client.responses.create({ ...ask, stream: true }));
      const { output } = await client.responses.create(ask);
      const outputs = output.filter(({ type }) => type === "function_call").map(({ call_id }, i) => ({ type: "function_call_output", call_id, output: `output ${i}` }));
      await client.responses.create({ ...ask, input: [{ role: "user", content: "Weather?" }, ...output, ...outputs] });
      const { messages, tools } = asked();
      const none = await client.responses.create({ ...ask, tool_choice: "none" });
      return { streamed, output, messages, tools, none: none.output.map(({ type }) => type) };
    });
    assert.deepEqual(kinds(found.streamed), ["created", "in_progress", ...MESSAGE, ...CALL, ...CALL, "completed"]);
    const said = ({ type, content, name, arguments: given }) => (type === "message" ? content[0].text : [name, given]);
    assert.deepEqual(found.output.map(said), ["Let me see.", ["weather", '{"unit":"C"}'], ["time", "{}"]]);
    const [user, assistant, first, second] = found.messages;
    assert.deepEqual([user.content, assistant.content, assistant.tool_calls.map((call) => call.function.name)], ["Weather?", "Let me see.", ["weather", "time"]]);
    assert.deepEqual([first.role, first.name, first.content, second.name, second.content], ["tool", "weather", "output 0", "time", "output 1"]);
    assert.equal(first.tool_call_id, assistant.tool_calls[0].id);
    assert.equal(found.tools[0].function.name, "weather");
    assert.deepEqual(found.none, ["message"]);
  });

  test("what cannot be done names its parameter", async () => {
    const found = await page.evaluate(async () => {
      const ask = (more) => refusal(client.responses.create({ model: "tiny", input: "x", ...more }));
      return {
        "tools[0].type": await ask({ tools: [{ type: "web_search" }] }),
        "tools[0].name": await ask({ tools: [{ type: "function" }] }),
        tools: await ask({ tools: "weather" }),
        tool_choice: await ask({ tools: [weather], tool_choice: { type: "function", name: "other" } }),
        "input[0].call_id": await ask({ input: [{ type: "function_call_output", call_id: "none", output: "x" }] }),
        "input[0].arguments": await ask({ input: [{ type: "function_call", call_id: "c", name: "weather" }] }),
        "input[0]": await ask({ input: [{ type: "item_reference", id: "x" }] }),
      };
    });
    for (const [param, error] of Object.entries(found)) assert.deepEqual(error, { status: 400, param });
  });
});

test("/v1/chat/completions: a text, and a call", async () => {
  const { text, call } = await page.evaluate(async () => {
    const ask = { model: "tiny", messages: [{ role: "user", content: "Weather?" }], max_tokens: 60, stream: true, stream_options: { include_usage: true } };
    const { type, ...described } = weather;
    return {
      text: await events(client.chat.completions.create(ask)),
      call: await events(client.chat.completions.create({ ...ask, tools: [{ type, function: described }], tool_choice: "required" })),
    };
  });
  const shape = (chunks) =>
    chunks
      .map(({ choices: [choice], usage }) => (choice === undefined ? (usage ? "usage" : "nothing") : (choice.finish_reason ?? Object.keys(choice.delta).join())))
      .filter((kind, i, all) => kind !== all[i - 1]);
  assert.deepEqual(shape(text), ["role,content,refusal", "content", "length", "usage"]);
  assert.deepEqual(shape(call), ["role,content,refusal", "tool_calls", "usage"]);
  typed("chunks", "OpenAI.Chat.ChatCompletionChunk", [...text, ...call]);
  assert.deepEqual(page.foreign, []);
});
