// Calls of tools that a model begins by itself: whatever the model, they are whole and valid.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import addFormats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { randomSchema } from "./support/schemas.mjs";

let browser;
let app;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    await import("/chat-model.js");
    globalThis.openai = await import("/nanolm/openai/index.js");
    const templates = {
      hermes: `{# <tool_call> #}${CHATML}`,
      mistral: `{# [TOOL_CALLS] #}${CHATML}`,
      llama: `{# Respond in the format {"name": function name, "parameters": dictionary of arguments}. #}${CHATML}`,
    };
    globalThis.CONTROLS = { "<|im_start|>": 318, "<|im_end|>": 319 };
    globalThis.modelOf = async (form, controls = {}) =>
      chatModel({ config: { max_position_embeddings: 8192 }, controls: { ...CONTROLS, ...controls }, files: { "chat_template.jinja": templates[form] } });
  });
});
after(async () => {
  await browser?.close();
  await app?.close();
});

const ajv = addFormats.default(new Ajv2020({ strict: false, multipleOfPrecision: 6 }));

/** Objects alone are arguments. */
const toolsOf = (seed) => {
  const tools = [];
  for (let at = seed * 100; tools.length < 2; at++) {
    const parameters = randomSchema(at);
    if (parameters.type === "object") tools.push({ type: "function", function: { name: `tool_${tools.length}`, description: "A tool.", parameters } });
  }
  return tools;
};

/** The answers of a random model to a request with tools, through the endpoint. */
const asked = (form, controls, bodies) =>
  page.evaluate(
    async ({ form, controls, bodies }) => {
      const serve = openai.createFetch(await modelOf(form, controls));
      const out = [];
      for (const body of bodies) {
        const response = await serve("https://local/v1/chat/completions", { method: "POST", body: JSON.stringify({ model: "any", messages: [{ role: "user", content: "Call it." }], ...body }) });
        out.push(await response.json());
      }
      return out;
    },
    { form, controls, bodies },
  );

function check(bodies, answers) {
  let calls = 0;
  let cut = 0;
  answers.forEach((answer, i) => {
    assert.equal(answer.error, undefined, JSON.stringify(answer));
    const [{ message }] = answer.choices;
    for (const { function: called } of message.tool_calls ?? []) {
      const tool = bodies[i].tools.find((tool) => tool.function.name === called.name);
      assert.ok(tool, `a tool that there is: ${called.name}`);
      assert.ok(ajv.validate(tool.function.parameters, JSON.parse(called.arguments)), `${ajv.errorsText()}\n${JSON.stringify(tool)}\n${called.arguments}`);
      calls++;
    }
    if (answer.usage.completion_tokens === bodies[i].max_tokens) cut++;
    assert.doesNotMatch(message.content ?? "", /<tool_call>|\[TOOL_CALLS\]/, "what was begun is a call, and one that was cut is left out");
  });
  return { calls, cut };
}

describe("with a random model that begins one", () => {
  const N = process.env.NANOLM_LONG ? 200 : 48;
  // The marks are control tokens here, in the place of one that this random model often draws. Where they are text: tests/npm/tool-calls.test.mjs.
  const forms = [
    ["hermes", { "<tool_call>": 159, "</tool_call>": 301 }],
    ["mistral", { "[TOOL_CALLS]": 159 }],
    ["llama", { "<|python_tag|>": 159 }],
  ];
  for (const [form, controls] of forms) {
    test(`${form}: every call is of a tool, with arguments of its schema`, async () => {
      const bodies = Array.from({ length: N }, (_, seed) => ({ tools: toolsOf(seed), temperature: 2, top_p: 1, seed, max_tokens: 900 }));
      const { calls, cut } = check(bodies, await asked(form, controls, bodies));
      console.log(`  ${form}: ${N} answers, ${calls} calls, ${cut} answers ended at the limit`);
      assert.ok(calls >= N / 6, `${calls} calls in ${N} answers`);
    });
  }
});

test("tools whose schema cannot be held: an error where they are strict, an object otherwise, and nothing is held where it is not wanted", async () => {
  const parameters = { type: "object", properties: { a: { not: { type: "string" } } }, required: ["a"] };
  const right = { type: "object", properties: { unit: { enum: ["C", "F"] } }, required: ["unit"], additionalProperties: false };
  const tools = (strict) => [{ type: "function", function: { name: "odd", parameters, strict } }, { type: "function", function: { name: "even", parameters: right } }];
  const bodies = Array.from({ length: 24 }, (_, seed) => ({ tools: tools(false), temperature: 2, seed, max_tokens: 400 }));
  const [strict, ...answers] = await asked("hermes", { "<tool_call>": 159, "</tool_call>": 301 }, [{ tools: tools(true) }, ...bodies]);
  assert.deepEqual([strict.error.param, strict.error.type], ["tools[0].parameters/properties/a/not", "invalid_request_error"]);
  const calls = answers.flatMap(({ choices }) => choices[0].message.tool_calls ?? []);
  assert.ok(calls.length > 4, `${calls.length} calls`);
  for (const { function: called } of calls) {
    const given = JSON.parse(called.arguments);
    assert.equal(typeof given, "object");
    if (called.name === "even") assert.ok(ajv.validate(right, given), called.arguments);
  }
});
