// responseFormat: whatever the model, what is finished has the form.
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
  browser = await launch();
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    await import("/chat-model.js");
    globalThis.long = await chatModel({ config: { max_position_embeddings: 4096 }, files: { "chat_template.jinja": CHATML } });
    /** An error as plain data. */
    globalThis.told = (promise) => promise.then(() => undefined, ({ code, message, details }) => ({ code, message, name: details?.name }));
  });
});
after(async () => {
  await browser?.close();
  await app?.close();
});

/** What a validator that everyone uses says against a text; nothing where it is of the schema. */
function problem(schema, text) {
  const ajv = addFormats.default(new Ajv2020({ strict: false, multipleOfPrecision: 6 }));
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return error.message;
  }
  return ajv.validate(schema, value) ? undefined : ajv.errorsText();
}

const written = (schemas, options = {}) =>
  page.evaluate(
    async ({ schemas, options }) => {
      const out = [];
      for (const [seed, schema] of schemas) {
        const stream = long.generate("The keeper said: ", { responseFormat: { type: "json", schema }, temperature: 1.5, seed, maxNewTokens: 700, ...options });
        out.push(await stream.result.then(({ text, finishReason }) => ({ text, finishReason }), ({ message }) => ({ error: message })));
      }
      return out;
    },
    { schemas, options },
  );

describe("JSON of a schema", () => {
  const N = process.env.NANOLM_LONG ? 1000 : 100;
  test(`${N} random schemas: every finished output is valid`, async () => {
    const wrong = [];
    let finished = 0;
    for (let first = 0; first < N; first += 25) {
      const schemas = Array.from({ length: Math.min(25, N - first) }, (_, i) => [first + i, randomSchema(first + i)]);
      const outputs = await written(schemas);
      outputs.forEach(({ text, finishReason, error }, i) => {
        const [seed, schema] = schemas[i];
        if (finishReason === "stop") finished += 1;
        const found = error ?? (finishReason === "stop" ? problem(schema, text) : finishReason === "length" ? undefined : `finished by ${finishReason}`);
        if (found !== undefined) wrong.push(`seed ${seed}: ${found}\n  ${JSON.stringify(schema).slice(0, 1500)}\n  ${text?.slice(0, 300)}`);
      });
    }
    console.log(`  ${N} schemas: ${finished} outputs finished, ${N - finished - wrong.length} ended at the limit, ${wrong.length} wrong`);
    assert.deepEqual(wrong, []);
    assert.ok(finished > 0.8 * N, `${finished} of ${N} finished`);
  });

  test("the validator would have seen it", () => {
    assert.match(problem({ type: "integer" }, "1.5"), /integer/);
    assert.match(problem({}, "{"), /JSON/);
    assert.equal(problem({ format: "date" }, '"2023-02-29"') === undefined, false);
  });

  test("without a schema: an object; a limit in the middle is said", async () => {
    const found = await page.evaluate(async () => {
      const ask = async (maxNewTokens, seed) => (await long.generate("x", { responseFormat: { type: "json" }, temperature: 1, seed, maxNewTokens }).result);
      return [await ask(1, 1), await ask(1500, 2)];
    });
    assert.deepEqual([found[0].finishReason, found[0].text[0], found[0].usage.completionTokens], ["length", "{", 1]);
    assert.equal(found[1].text[0], "{");
  });
});

test("a regular expression holds for the whole text, in a session and in a chat", async () => {
  const found = await page.evaluate(async () => {
    const responseFormat = { type: "regex", pattern: "(yes|no), [a-c]{3}!" };
    const session = await long.session();
    await session.append("Is it so?");
    const pieces = [];
    const stream = long.chat([{ role: "user", content: "Is it so?" }], { responseFormat, temperature: 1 });
    for await (const { text, reasoning } of stream) pieces.push(text + reasoning);
    return {
      generated: (await long.generate("", { responseFormat, temperature: 1 }).result),
      session: (await session.generate({ responseFormat, temperature: 1 }).result).text,
      more: (await session.generate({ responseFormat, temperature: 1, noRepeatNgram: 2, repetitionPenalty: 3 }).result).text,
      chat: await stream.result,
      pieces: pieces.join(""),
      conversation: (await session.chat("And now?", { responseFormat }).result).text,
    };
  });
  const whole = /^(yes|no), [a-c]{3}!$/;
  for (const text of [found.generated.text, found.session, found.more, found.chat.text, found.conversation]) assert.match(text, whole);
  assert.equal(found.pieces, found.chat.text);
  assert.deepEqual([found.generated.finishReason, found.chat.finishReason], ["stop", "stop"]);
});

test("what is no format, or cannot be held, is an error with its place, and the model goes on", async () => {
  const found = await page.evaluate(async () => {
    const ask = (responseFormat, more) => told(long.generate("x", { responseFormat, maxNewTokens: 4, ...more }).result);
    return {
      type: await ask({ type: "yaml" }),
      text: await ask("json"),
      keyword: await ask({ type: "json", schema: { type: "object", properties: { a: { not: {} } } } }),
      empty: await ask({ type: "json", schema: { properties: { a: { type: "integer", minimum: 3, maximum: 2 } }, required: ["a"], type: "object" } }),
      pattern: await ask({ type: "regex", pattern: "(?=x)" }),
      both: await ask({ type: "json" }, { groundedIn: "x" }),
      after: await ask({ type: "json" }),
      other: await told(long.summarize("Some text. More text.", { responseFormat: { type: "json" } }).result),
    };
  });
  const { after, ...rest } = found;
  for (const [name, error] of Object.entries(rest)) assert.equal(error?.code, "option/invalid", name);
  assert.equal(after, undefined);
  assert.equal(found.keyword.name, "responseFormat.schema/properties/a/not");
  assert.match(found.keyword.message, /anyOf, .*patternProperties/);
  assert.equal(found.empty.name, "responseFormat.schema/properties/a");
  assert.equal(found.pattern.name, "responseFormat.pattern");
  assert.match(found.pattern.message, /look-ahead/);
});

test("what it needs is fetched when it is first used, once, and asked for again where it was not there", async () => {
  const other = await openPage(browser, app);
  const asked = [];
  other.context().on("request", (request) => asked.push(new URL(request.url()).pathname));
  let missing = true;
  await other.context().route("**/grammar.wasm", (route) => (missing ? route.fulfill({ status: 404 }) : route.continue()));
  const ask = () =>
    other.evaluate(async () => {
      const model = await modelOn("cpu");
      const ask = () => model.generate("x", { responseFormat: { type: "regex", pattern: "a" } }).text().catch(({ code }) => code);
      await model.generate("x", { maxNewTokens: 2 }).result;
      return [await ask(), await ask()];
    });
  assert.deepEqual(await ask(), ["worker/wasm", "worker/wasm"]);
  missing = false;
  assert.deepEqual(await ask(), ["a", "a"]);
  assert.equal(asked.filter((path) => path.endsWith("/grammar.wasm")).length, 3);
});

test("on the GPU it writes the same", async () => {
  const schema = { type: "object", properties: { a: { type: "integer", minimum: 0, maximum: 99 }, b: { enum: ["x", "y"] } }, required: ["a", "b"], additionalProperties: false };
  const found = await page.evaluate(async (schema) => {
    const write = async (device) => {
      const model = await modelOn(device);
      const { text, finishReason, usage } = await model.generate("The ", { responseFormat: { type: "json", schema }, maxNewTokens: 60 }).result;
      return { text, finishReason, usage, kind: model.device.kind };
    };
    return { cpu: await write("cpu"), gpu: await write("gpu") };
  }, schema);
  assert.equal(found.gpu.kind, "gpu");
  assert.deepEqual([found.gpu.text, found.gpu.finishReason], [found.cpu.text, found.cpu.finishReason]);
  assert.equal(problem(schema, found.gpu.text), undefined);
});
