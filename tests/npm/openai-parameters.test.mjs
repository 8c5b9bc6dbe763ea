// Every parameter that the official client knows, asked of nanolm/openai: what docs/openai.md says becomes of it does. The model is a stand-in.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../web/support/browser.mjs";

const { createFetch } = await import(join(ROOT, "build/package/openai/index.js"));

/** By endpoint: its file of the client's types, the interface there, and a request without more than it needs. */
const ENDPOINTS = {
  chat: ["chat/completions/completions", "ChatCompletionCreateParamsBase", "chat/completions", { messages: [{ role: "user", content: "x" }] }],
  completions: ["completions", "CompletionCreateParamsBase", "completions", { prompt: "x" }],
  responses: ["responses/responses", "ResponseCreateParamsBase", "responses", { input: "x" }],
  embeddings: ["embeddings", "EmbeddingCreateParams", "embeddings", { input: "x" }],
};

function parametersOf([file, name]) {
  const source = readFileSync(join(ROOT, `node_modules/openai/resources/${file}.d.ts`), "utf8");
  const body = source.split(new RegExp(`export interface ${name}(?: extends \\w+)? \\{\n`))[1].split("\n}\n")[0];
  return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, parameter]) => parameter);
}

const docs = readFileSync(join(ROOT, "docs/openai.md"), "utf8");
/** By endpoint and parameter: what the table says. */
const said = {};
for (const [, names, of, what] of docs.split("## Every parameter")[1].split("\n## ")[0].matchAll(/^\| (`[^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)) {
  for (const [, name] of names.matchAll(/`(\w+)`/g)) for (const endpoint of of.split(", ")) (said[endpoint] ??= {})[name] = what;
}

const usage = { promptTokens: 1, completionTokens: 1, cachedTokens: 0 };
const stream = () => ({
  async *[Symbol.asyncIterator]() {
    yield { text: "y", reasoning: "", tokenId: 1, logprob: -1 };
  },
  result: Promise.resolve({ text: "y", finishReason: "stop", usage }),
});
const asked = [];
const model = {
  chat: (_, options) => (asked.push(options), stream()),
  generate: (_, options) => (asked.push(options), stream()),
  embed: async (texts) => texts.map(() => Float32Array.of(1, 2)),
  tokenize: async () => Uint32Array.of(1),
  detokenize: async () => "x",
};
const serve = createFetch(model);
const ask = async (endpoint, body) => {
  const [, , path, least] = ENDPOINTS[endpoint];
  const response = await serve(`https://local/v1/${path}`, { method: "POST", body: JSON.stringify({ model: "any", ...least, ...body }) });
  const text = await response.text();
  return { status: response.status, error: response.status === 200 ? undefined : JSON.parse(text).error, body: text };
};

const tool = { type: "function", function: { name: "a", parameters: { type: "object" } } };
const flat = { type: "function", name: "a", parameters: { type: "object" } };
/** Values that people send. */
const VALUES = {
  audio: { voice: "alloy", format: "wav" }, background: true, best_of: 3, context_management: [{ type: "compaction" }], conversation: "conv_1", dimensions: 7, echo: true, encoding_format: "base64",
  frequency_penalty: 0.5, function_call: "auto", functions: [tool.function], include: ["message.output_text.logprobs"], instructions: "Be brief.", logit_bias: { 5: 10 }, max_completion_tokens: 9, max_tokens: 9,
  max_output_tokens: 20, metadata: { a: "b" }, modalities: ["text", "audio"], moderation: { model: "x" }, n: 2, parallel_tool_calls: false, prediction: { type: "content", content: "x" }, presence_penalty: 0.5,
  prompt_cache_key: "a", prompt_cache_options: {}, prompt_cache_retention: "24h", reasoning: { effort: "low" }, reasoning_effort: "low", response_format: { type: "json_object" }, safety_identifier: "a",
  service_tier: "auto", user: "a", seed: 5, stop: ["x"], store: false, stream: true, suffix: "x", temperature: 0.5, top_p: 0.5, text: { format: { type: "text" }, verbosity: "low" }, tool_choice: "none", top_logprobs: 2,
  truncation: "auto", verbosity: "low", web_search_options: {},
};
const OF = {
  completions: { logprobs: 0, prompt: "x" },
  chat: { logprobs: true, tools: [tool], messages: [{ role: "user", content: "x" }] },
  responses: { tools: [flat], input: "x", prompt: { id: "pmpt_1" } },
  embeddings: { input: "x" },
};

for (const [endpoint, about] of Object.entries(ENDPOINTS)) {
  test(`${endpoint}: the table has every parameter, and says what becomes of it`, async () => {
    const parameters = parametersOf(about);
    assert.ok(parameters.length >= 5);
    assert.deepEqual(parameters.filter((name) => said[endpoint]?.[name] === undefined), [], "parameters that the table lacks");
    assert.deepEqual(Object.keys(said[endpoint]).filter((name) => !parameters.includes(name)), [], "parameters that the client does not have");
    for (const name of parameters) {
      const value = name === "model" ? "any" : name === "stream_options" ? { include_usage: true } : name === "previous_response_id" ? JSON.parse((await ask(endpoint, {})).body).id : (OF[endpoint][name] ?? VALUES[name]);
      assert.notEqual(value, undefined, name);
      const answer = await ask(endpoint, { [name]: value, ...(name === "stream_options" && { stream: true }) });
      if (!said[endpoint][name].startsWith("refused")) {
        assert.equal(answer.status, 200, `${name}: ${answer.body}`);
        continue;
      }
      assert.equal(answer.status, 400, `${name}: ${answer.body}`);
      assert.deepEqual([answer.error.type, answer.error.param, answer.error.code], ["invalid_request_error", name, "unsupported_value"], name);
      assert.match(answer.error.message, new RegExp(`'${name}'`));
    }
  });
}

test("what is refused unless it says nothing is taken where it does", async () => {
  const none = { background: false, best_of: 1, frequency_penalty: 0, presence_penalty: 0, logit_bias: {}, modalities: ["text"], top_logprobs: 0, include: ["reasoning.encrypted_content"] };
  for (const [endpoint, names] of Object.entries({ chat: ["frequency_penalty", "presence_penalty", "logit_bias", "modalities", "top_logprobs"], completions: ["best_of"], responses: ["background", "include", "top_logprobs"] })) {
    for (const name of names) assert.equal((await ask(endpoint, { [name]: none[name] })).status, 200, name);
  }
  assert.equal((await ask("embeddings", { dimensions: 2 })).status, 200);
});

test("what nobody knows, and what is out of range", async () => {
  const unknown = await ask("chat", { soup: 1 });
  assert.deepEqual([unknown.status, unknown.error.param, unknown.error.code], [400, "soup", "unknown_parameter"]);
  const wrong = await ask("chat", { temperature: 3 });
  assert.deepEqual([wrong.status, wrong.error.param, wrong.error.code], [400, "temperature", "invalid_value"]);
  const service = await ask("responses", { tools: [{ type: "web_search" }] });
  assert.deepEqual([service.status, service.error.param, service.error.code], [400, "tools[0].type", "unsupported_value"]);
});

test("what is taken reaches the model, and metadata comes back", async () => {
  asked.length = 0;
  await ask("chat", { max_completion_tokens: 9, seed: 5, stop: "x", temperature: 0.5, top_p: 0.25, reasoning_effort: "low", tools: [tool] });
  const [{ maxNewTokens, seed, stop, temperature, topP, variables, tools }] = asked;
  assert.deepEqual({ maxNewTokens, seed, stop, temperature, topP, variables, tools }, { maxNewTokens: 9, seed: 5, stop: ["x"], temperature: 0.5, topP: 0.25, variables: { reasoning_effort: "low" }, tools: [tool] });
  assert.deepEqual(JSON.parse((await ask("responses", { metadata: { a: "b" } })).body).metadata, { a: "b" });
});
