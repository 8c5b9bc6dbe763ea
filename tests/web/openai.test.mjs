// nanolm/openai with the official client, as it comes from npm, in Chromium with the network off.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
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
    globalThis.tiny = await chatModel();
    globalThis.long = await chatModel({ config: VAST });
    globalThis.forLong = createFetch(long);
    globalThis.served = createFetch({ tiny, plain: () => modelOn("cpu"), broken: () => Promise.reject(new Error("no such file")) });
    globalThis.requests = [];
    const fetch = (input, init) => {
      requests.push(JSON.parse(init.body ?? "null"));
      return served(input, init);
    };
    globalThis.client = new OpenAI({ apiKey: "none", dangerouslyAllowBrowser: true, maxRetries: 0, fetch });
    /** An error of the client as plain data. */
    globalThis.refusal = (promise) =>
      promise.then(
        () => undefined,
        ({ constructor: { name }, status, message, code, param, type }) => ({ name, status, message, code, param, type }),
      );
    // What is downloaded when it is first used.
    await client.chat.completions.create({ model: "tiny", messages: [{ role: "user", content: "x" }], max_tokens: 1, response_format: { type: "json_object" } });
    await client.completions.create({ model: "plain", prompt: "x", max_tokens: 1 });
    await client.embeddings.create({ model: "plain", input: "x" });
  });
  await page.context().setOffline(true);
});
after(async () => {
  await browser?.close();
  await app?.close();
});

const HELLO = [{ role: "system", content: "Be brief." }, { role: "user", content: "The keeper lights the lamp" }];

describe("/v1/chat/completions", () => {
  test("an answer", async () => {
    const { found, own } = await page.evaluate(async (messages) => {
      const found = await client.chat.completions.create({ model: "tiny", messages, max_completion_tokens: 9, logprobs: true });
      return { found, own: await tiny.chat(messages, { maxNewTokens: 9 }).result };
    }, HELLO);
    assert.equal(found.object, "chat.completion");
    assert.match(found.id, /^chatcmpl-/);
    assert.equal(found.model, "tiny");
    const [{ message, finish_reason, index, logprobs }] = found.choices;
    assert.deepEqual([message.role, message.content, finish_reason, index], ["assistant", own.text, "length", 0]);
    assert.equal(logprobs.content.map(({ token }) => token).join(""), own.text);
    assert.ok(logprobs.content.every(({ logprob, bytes }) => logprob <= 0 && Array.isArray(bytes)));
    assert.equal(found.usage.prompt_tokens, own.usage.promptTokens);
    assert.equal(found.usage.completion_tokens, 9);
    assert.equal(found.usage.total_tokens, found.usage.prompt_tokens + 9);
  });

  test("a stream: a role, pieces, a reason, the usage", async () => {
    const { chunks, whole } = await page.evaluate(async (messages) => {
      const asked = { model: "tiny", messages, max_tokens: 9 };
      const chunks = [];
      for await (const chunk of await client.chat.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } })) chunks.push(chunk);
      return { chunks, whole: await client.chat.completions.create(asked) };
    }, HELLO);
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
    assert.ok(chunks.every(({ object, model }) => object === "chat.completion.chunk" && model === "tiny"));
    const [first, ...rest] = chunks;
    const [last, usage] = rest.splice(-2);
    assert.deepEqual(first.choices[0], { index: 0, delta: { role: "assistant", content: "", refusal: null }, logprobs: null, finish_reason: null });
    assert.equal(rest.map(({ choices }) => choices[0].delta.content).join(""), whole.choices[0].message.content);
    assert.ok(rest.every(({ choices, usage }) => choices[0].finish_reason === null && usage === null));
    assert.deepEqual(last.choices[0], { index: 0, delta: {}, logprobs: null, finish_reason: "length" });
    assert.deepEqual(usage.choices, []);
    assert.equal(usage.usage.completion_tokens, 9);
    // The client's own helper is satisfied with the order, too.
    const helper = await page.evaluate(async (messages) => {
      const runner = client.chat.completions.stream({ model: "tiny", messages, max_tokens: 9 });
      const events = [];
      for (const name of ["connect", "content", "message", "finalContent", "end"]) runner.on(name, () => events.at(-1) !== name && events.push(name));
      const { choices } = await runner.finalChatCompletion();
      return { events, content: choices[0].message.content };
    }, HELLO);
    assert.equal(helper.content, whole.choices[0].message.content);
    assert.deepEqual(helper.events.slice(0, 2), ["connect", "content"]);
  });

  test("several choices, a seed, a stop", async () => {
    const found = await page.evaluate(async (messages) => {
      const ask = (more) => client.chat.completions.create({ model: "tiny", messages, max_tokens: 8, ...more });
      const texts = ({ choices }) => choices.map(({ message }) => message.content);
      const three = texts(await ask({ n: 3, seed: 5 }));
      const again = texts(await ask({ n: 3, seed: 5 }));
      const negative = texts(await ask({ seed: -5, temperature: 1 }));
      const [whole] = texts(await ask({ max_tokens: 20 }));
      const stopped = await ask({ max_tokens: 20, stop: [whole.slice(4, 7)] });
      const indices = [];
      for await (const { choices } of await ask({ n: 2, stream: true })) indices.push(choices[0].index);
      return { three, again, negative, whole, stopped: stopped.choices[0], indices };
    }, HELLO);
    assert.deepEqual(found.three, found.again);
    assert.equal(new Set(found.three).size, 3);
    assert.equal(found.negative.length, 1);
    assert.equal(found.stopped.finish_reason, "stop");
    assert.ok(found.whole.startsWith(found.stopped.message.content) && found.stopped.message.content.length <= 4);
    assert.deepEqual([...new Set(found.indices)], [0, 1]);
  });

  test("what cannot be done is an error that names the parameter, as the service's", async () => {
    const found = await page.evaluate(async (messages) => {
      const ask = (more) => refusal(client.chat.completions.create({ model: "tiny", messages, ...more }));
      return {
        model: await ask({ model: "gpt-4o" }),
        frequency_penalty: await ask({ frequency_penalty: 0.5 }),
        logit_bias: await ask({ logit_bias: { 5: 10 } }),
        top_logprobs: await ask({ logprobs: true, top_logprobs: 3 }),
        response_format: await ask({ response_format: { type: "json_schema", json_schema: { name: "x", schema: { not: {} } } } }),
        "response_format.type": await ask({ response_format: { type: "xml" } }),
        "response_format.json_schema.schema": await ask({ response_format: { type: "json_schema", json_schema: { name: "x" } } }),
        tool_choice: await ask({ tools: [{}], tool_choice: "required" }),
        temperature: await ask({ temperature: 3 }),
        n: await ask({ n: 0 }),
        stop: await ask({ stop: ["a", "b", "c", "d", "e"] }),
        unknown: await ask({ temprature: 1 }),
        messages: await ask({ messages: [] }),
        "messages[0].role": await ask({ messages: [{ role: "visitor", content: "x" }] }),
        stream_options: await ask({ stream_options: { include_usage: true } }),
        long: await ask({ messages: [{ role: "user", content: "x y ".repeat(600) }] }),
        streamed: await ask({ stream: true, messages: [{ role: "user", content: "x y ".repeat(600) }] }),
        broken: await ask({ model: "broken" }),
        plain: await ask({ frequency_penalty: 0, presence_penalty: 0, logit_bias: {}, user: "x", max_tokens: 1, top_p: 1, n: 1, tools: undefined, stop: null }),
      };
    }, HELLO);
    const { model, long, streamed, broken, plain, unknown, ...rest } = found;
    assert.deepEqual([model.name, model.status, model.code, model.type], ["NotFoundError", 404, "model_not_found", "invalid_request_error"]);
    assert.equal(unknown.param, "temprature");
    for (const [param, error] of Object.entries(rest)) {
      assert.deepEqual([error?.name, error?.status, error?.param, error?.type], ["BadRequestError", 400, param, "invalid_request_error"], JSON.stringify(error));
    }
    for (const error of [long, streamed]) assert.deepEqual([error.status, error.code], [400, "context_length_exceeded"]);
    assert.equal(broken.status, 500);
    assert.equal(plain, undefined);
  });

  test("an abort ends a request at once, and the work", async () => {
    const found = await page.evaluate(async () => {
      const own = new OpenAI({ apiKey: "none", dangerouslyAllowBrowser: true, maxRetries: 0, fetch: forLong });
      const asked = { model: "any name", messages: [{ role: "user", content: "x" }], max_tokens: ENDLESS };
      const stop = new AbortController();
      const { chat } = long;
      // It says that it is at work, and has minutes to go.
      long.chat = (messages, options) => Reflect.apply(chat, long, [messages, { ...options, onProgress: () => stop.abort() }]);
      const aborted = refusal(own.chat.completions.create(asked, { signal: stop.signal }));
      const first = await aborted;
      delete long.chat;
      let chunks = 0;
      const stream = await own.chat.completions.create({ ...asked, stream: true });
      for await (const _ of stream) if (++chunks === 3) break;
      // Where the two were still at work, this would have to wait for minutes.
      const { usage } = await long.chat(asked.messages, { maxNewTokens: 2 }).result;
      return { first, chunks, usage };
    });
    assert.equal(found.first.name, "APIUserAbortError");
    assert.equal(found.chunks, 3);
    assert.equal(found.usage.completionTokens, 2);
  });

  test("answers have the form that is asked for, and calls that have to come come with valid arguments", async () => {
    const found = await page.evaluate(async (messages) => {
      const asked = { model: "tiny", messages, max_tokens: 60, temperature: 1, seed: 3 };
      const schema = { type: "object", properties: { answer: { enum: ["yes", "no"] }, sure: { type: "boolean" } }, required: ["answer", "sure"], additionalProperties: false };
      const parameters = { $defs: { unit: { enum: ["C", "F"] } }, type: "object", properties: { unit: { $ref: "#/$defs/unit" } }, required: ["unit"], additionalProperties: false };
      const tools = [{ type: "function", function: { name: "weather", parameters } }, { type: "function", function: { name: "time", parameters: { ...parameters, additionalProperties: false } } }];
      const format = { type: "json_schema", json_schema: { name: "answer", strict: true, schema } };
      const streamed = [];
      for await (const { choices } of await client.chat.completions.create({ ...asked, tools, tool_choice: "required", stream: true })) streamed.push(choices[0]);
      return {
        schema: await client.chat.completions.create({ ...asked, response_format: format }),
        object: await client.chat.completions.create({ ...asked, response_format: { type: "json_object" }, max_tokens: 2 }),
        response: await client.responses.create({ model: "tiny", input: "x", text: { format: { ...format.json_schema, type: "json_schema" } }, max_output_tokens: 60 }),
        named: await client.chat.completions.create({ ...asked, tools, tool_choice: { type: "function", function: { name: "time" } } }),
        short: await client.chat.completions.create({ ...asked, tools, tool_choice: "required", max_tokens: 3 }),
        unknown: await refusal(client.chat.completions.create({ ...asked, tools, tool_choice: { type: "function", function: { name: "other" } } })),
        streamed,
      };
    }, HELLO);
    for (const text of [found.schema.choices[0].message.content, found.response.output_text ?? found.response.output[0].content[0].text]) {
      const { answer, sure } = JSON.parse(text);
      assert.ok(["yes", "no"].includes(answer) && typeof sure === "boolean", text);
    }
    assert.deepEqual([found.object.choices[0].message.content[0], found.object.choices[0].finish_reason], ["{", "length"]);
    assert.equal(found.response.text.format.type, "json_schema");
    const [{ message, finish_reason }] = found.named.choices;
    assert.deepEqual([message.content, finish_reason, message.tool_calls[0].function.name], [null, "tool_calls", "time"]);
    assert.ok(["C", "F"].includes(JSON.parse(message.tool_calls[0].function.arguments).unit));
    assert.deepEqual([found.short.choices[0].finish_reason, found.short.choices[0].message.tool_calls], ["length", undefined]);
    assert.equal(found.unknown.param, "tool_choice");
    const calls = found.streamed.flatMap(({ delta }) => delta.tool_calls ?? []);
    assert.deepEqual([calls.length, calls[0].index, found.streamed.at(-1).finish_reason], [1, 0, "tool_calls"]);
    assert.ok(["C", "F"].includes(JSON.parse(calls[0].function.arguments).unit));
  });

  test("calls of tools are told apart from the text", async () => {
    const found = await page.evaluate(async () => {
      const { ToolCalls } = await import("/nanolm/openai/tool-calls.js");
      const written = 'Let me see.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call>\n<tool_call>{"name": "time"}</tool_call>';
      const split = (pieces) => {
        const calls = new ToolCalls();
        const parts = [...pieces.map((piece) => calls.push(piece)), calls.finish()];
        return { text: parts.map(({ text }) => text).join(""), calls: parts.flatMap(({ calls }) => calls.map(({ function: named }) => named)) };
      };
      return [split([written]), split([...written]), split(["a <tool", "_kit> b", "<tool_call>{no}</tool_call>"])];
    });
    const calls = [{ name: "weather", arguments: '{"city":"Köln"}' }, { name: "time", arguments: "{}" }];
    assert.deepEqual(found[0], { text: "Let me see.", calls });
    assert.deepEqual(found[1], found[0]);
    assert.deepEqual(found[2], { text: "a <tool_kit> b<tool_call>{no}</tool_call>", calls: [] });
  });
});

describe("/v1/completions", () => {
  test("whole and as a stream, for several prompts", async () => {
    const found = await page.evaluate(async () => {
      const asked = { model: "plain", prompt: ["Water is", "The moon"], max_tokens: 6 };
      const whole = await client.completions.create({ ...asked, logprobs: 0, echo: true });
      const chunks = [];
      for await (const chunk of await client.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } })) chunks.push(chunk);
      const model = await modelOn("cpu");
      const own = [];
      for (const prompt of asked.prompt) own.push((await model.generate(prompt, { maxNewTokens: 6 }).result).text);
      const ids = [...(await model.tokenize("Water is"))];
      const tokens = await client.completions.create({ model: "plain", prompt: ids, max_tokens: 6 });
      return { whole, chunks, own, tokens, refused: await refusal(client.completions.create({ ...asked, suffix: "x" })) };
    });
    assert.deepEqual(found.whole.choices.map(({ text }) => text), ["Water is", "The moon"].map((prompt, i) => prompt + found.own[i]));
    assert.equal(found.whole.object, "text_completion");
    assert.equal(found.whole.choices[0].logprobs.token_logprobs.length, found.whole.choices[0].logprobs.tokens.length);
    assert.equal(found.whole.usage.total_tokens, found.whole.usage.prompt_tokens + found.whole.usage.completion_tokens);
    const streamed = found.own.map((_, i) => found.chunks.filter(({ choices }) => choices[0]?.index === i).map(({ choices }) => choices[0].text).join(""));
    assert.deepEqual(streamed, found.own);
    assert.ok(found.chunks.at(-1).usage.total_tokens > 0);
    assert.equal(found.tokens.choices[0].text, found.own[0]);
    assert.deepEqual([found.refused.status, found.refused.param], [400, "suffix"]);
  });
});

describe("/v1/responses", () => {
  test("whole, as a stream, and going on from an earlier one", async () => {
    const found = await page.evaluate(async () => {
      const first = await client.responses.create({ model: "tiny", instructions: "Be brief.", input: "The keeper", max_output_tokens: 6 });
      const events = [];
      for await (const event of await client.responses.create({ model: "tiny", input: "And the lamp?", previous_response_id: first.id, max_output_tokens: 6, stream: true })) events.push(event);
      const own = await tiny.chat([{ role: "user", content: "The keeper" }, { role: "assistant", content: first.output_text }, { role: "user", content: "And the lamp?" }], { maxNewTokens: 6 }).result;
      return {
        first, events, own,
        missing: await refusal(client.responses.create({ model: "tiny", input: "x", previous_response_id: "resp-none" })),
        format: await refusal(client.responses.create({ model: "tiny", input: "x", text: { format: { type: "xml" } } })),
      };
    });
    const { first, events, own } = found;
    assert.deepEqual([first.object, first.status, first.incomplete_details], ["response", "incomplete", { reason: "max_output_tokens" }]);
    assert.ok(first.output_text.length > 0);
    assert.equal(first.usage.output_tokens, 6);
    const types = events.map(({ type }) => type);
    assert.deepEqual(types.filter((type) => type !== "response.output_text.delta"), [
      "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
      "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.incomplete",
    ]);
    assert.deepEqual(events.map(({ sequence_number }) => sequence_number), events.map((_, i) => i));
    const text = events.filter(({ type }) => type === "response.output_text.delta").map(({ delta }) => delta).join("");
    assert.equal(text, own.text);
    assert.equal(events.at(-1).response.output[0].content[0].text, own.text);
    assert.deepEqual([found.missing.status, found.missing.param], [400, "previous_response_id"]);
    assert.deepEqual([found.format.status, found.format.param], [400, "text.format.type"]);
  });
});

test("/v1/embeddings", async () => {
  const found = await page.evaluate(async () => {
    const input = ["A lamp shines", "Light of a lamp", "Taxes rise"];
    // The official client asks for base64 unless told otherwise.
    const { data, usage, object } = await client.embeddings.create({ model: "plain", input });
    const floats = await client.embeddings.create({ model: "plain", input: input[0], encoding_format: "float" });
    const own = await (await modelOn("cpu")).embed(input);
    const error = await refusal(client.embeddings.create({ model: "plain", input, dimensions: 7 }));
    return { data, usage, object, floats, own: own.map((vector) => [...vector]), error, empty: await refusal(client.embeddings.create({ model: "plain", input: [] })) };
  });
  assert.equal(found.object, "list");
  assert.deepEqual(found.data.map(({ embedding }) => embedding), found.own);
  assert.deepEqual(found.floats.data[0].embedding, found.own[0]);
  assert.ok(found.usage.prompt_tokens > 5);
  assert.deepEqual([found.error.status, found.error.param, found.empty.param], [400, "dimensions", "input"]);
});

test("models, and what is not served", async () => {
  const found = await page.evaluate(async () => {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    const elsewhere = await served("https://api.openai.com/v1/files");
    const broken = await served("/v1/chat/completions", { method: "POST", body: "{" });
    return {
      names,
      one: await client.models.retrieve("tiny"),
      none: await refusal(client.models.retrieve("gpt-4o")),
      elsewhere: [elsewhere.status, await elsewhere.json()],
      broken: [broken.status, await broken.json()],
    };
  });
  assert.deepEqual(found.names, ["tiny", "plain", "broken"]);
  assert.equal(found.one.id, "tiny");
  assert.equal(found.none.status, 404);
  assert.equal(found.elsewhere[0], 404);
  assert.match(found.elsewhere[1].error.message, /^Unknown request URL: GET \/v1\/files/);
  assert.equal(found.broken[0], 400);
  assert.deepEqual(page.foreign, []);
});

test("a service worker serves it under a path of the page's own origin", async () => {
  const other = await openPage(browser, app);
  const found = await other.evaluate(async () => {
    const { createFetch } = await import("/nanolm/openai/index.js");
    const { answerRequests } = await import("/nanolm/openai/service-worker.js");
    await navigator.serviceWorker.register("/openai-service-worker.js", { type: "module" });
    const { active } = await navigator.serviceWorker.ready;
    if (active.state !== "activated") await new Promise((resolve) => active.addEventListener("statechange", () => active.state === "activated" && resolve()));
    if (!navigator.serviceWorker.controller) await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    const none = await fetch("/nanolm-api/v1/models");
    const model = await chatModel();
    const end = answerRequests(createFetch({ tiny: model }));
    const models = await (await fetch("/nanolm-api/v1/models")).json();
    const body = JSON.stringify({ model: "tiny", stream: true, max_tokens: 4, messages: [{ role: "user", content: "x" }] });
    const streamed = await (await fetch("/nanolm-api/v1/chat/completions", { method: "POST", body })).text();
    const refused = await fetch("/nanolm-api/v1/chat/completions", { method: "POST", body: "{}" });
    end();
    await model.dispose();
    return { none: [none.status, (await none.json()).error.code], models, streamed, refused: refused.status };
  });
  assert.deepEqual(found.none, [503, "no_page"]);
  assert.deepEqual(found.models.data.map(({ id }) => id), ["tiny"]);
  const lines = found.streamed.trim().split("\n\n");
  assert.ok(lines.length > 3 && lines.every((line) => line.startsWith("data: ")));
  assert.equal(lines.at(-1), "data: [DONE]");
  assert.equal(found.refused, 400);
  await other.context().close();
});
