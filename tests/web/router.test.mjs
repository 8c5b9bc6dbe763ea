// nanolm/router with the official client in Chromium: consent, what looks personal, the policy. What real servers were sent is the witness.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { STORY } from "./support/remote.mjs";
import { a, b, page } from "./support/router.mjs";

/** Not one byte, not even the question whether one may come. */
function nothingLeft() {
  assert.deepEqual([a.requests, b.requests, page.foreign], [[], [], []]);
}

describe("consent", () => {
  test("without a hook nothing leaves, whatever is remembered or asked for", async () => {
    const found = await page.evaluate(async (origin) => {
      const storage = kept();
      const { client, router } = routed({ consent: null, storage });
      await router.consent.set(origin, true);
      return {
        text: await say(client, { max_tokens: 4 }),
        own: (await tiny.chat(HELLO, { maxNewTokens: 4 }).result).text,
        // What the device cannot do.
        beyond: await refusal(say(client, { logit_bias: { 5: 10 } })),
        named: await refusal(say(client, { model: "a" })),
        streamed: await refusal(client.chat.completions.create({ model: "b", messages: HELLO, stream: true })),
        ledger: router.ledger,
      };
    }, a.origin);
    assert.equal(found.text, found.own);
    assert.deepEqual([found.beyond.status, found.beyond.param], [400, "logit_bias"]);
    for (const refused of [found.named, found.streamed]) assert.deepEqual([refused.name, refused.status, refused.code], ["PermissionDeniedError", 403, "not_allowed"]);
    assert.match(found.named.message, /no consent that anything goes to http:\/\/127/);
    assert.deepEqual(found.ledger, []);
    nothingLeft();
  });

  test("no is asked once, remembered over reloads, and can be forgotten", async () => {
    const found = await page.evaluate(async (origin) => {
      const ask = ({ client }) => refusal(say(client, { model: "a" }));
      const first = routed({ consent: false, storage: undefined });
      const refused = [await ask(first), await ask(first), await ask(routed({ consent: true, storage: undefined }))];
      const asked = questions.length;
      const answer = await first.router.consent.answer(origin);
      await first.router.consent.forget(origin);
      const unknown = await first.router.consent.answer(origin);
      const broken = await refusal(say(routed({ storage: kept(), consent: "yes" }).client, { model: "a" }));
      return { refused, asked, answer, unknown, broken, left: localStorage.length, questions };
    }, a.origin);
    assert.deepEqual(found.refused.map(({ status }) => status), [403, 403, 403]);
    assert.deepEqual([found.asked, found.answer, found.unknown, found.left], [1, false, undefined, 0]);
    // What is not `true` is no.
    assert.equal(found.broken.status, 403);
    assert.deepEqual(found.questions[0], { origin: a.origin, models: ["a"], endpoint: "chat/completions", task: undefined, characters: 21, personal: false, redacted: false });
    nothingLeft();
  });

  test("yes is asked once for all requests, and the ledger says what the server saw", async () => {
    const found = await page.evaluate(async () => {
      const left = [];
      const { client, router } = routed({ use: ["a"], onLeave: (entry) => left.push(entry) });
      const texts = await Promise.all([say(client), say(client), say(client, { temperature: 1 })]);
      return { texts, asked: questions.length, ledger: router.ledger, left, stats: router.stats() };
    });
    assert.deepEqual(found.texts, [STORY, STORY, STORY]);
    assert.equal(found.asked, 1);
    const posts = a.requests.filter(({ method }) => method === "POST");
    assert.equal(posts.length, 3);
    for (const { authorization, body, headers } of posts) {
      assert.deepEqual([authorization, body.model, headers.referer, headers.cookie], ["Bearer right", "large-a", undefined, undefined]);
    }
    assert.deepEqual(found.ledger.map(({ bytes }) => bytes).sort(), posts.map(({ bytes }) => bytes).sort());
    assert.deepEqual(found.left, found.ledger);
    assert.ok(found.ledger.every(({ characters, url, redacted, time }) => characters === 21 && url === `${a.baseURL}/chat/completions` && redacted === 0 && time > 0));
    assert.deepEqual([found.stats.answered, found.stats.failed, found.stats.models.a.attempts, found.stats.models.a.inputTokens], [3, 0, 3, 30]);
    assert.ok(found.stats.models.a.latencyMs > 0);
  });

  test("a server that sends elsewhere is not followed", async () => {
    a.behave = () => ({ redirect: `${b.baseURL}/chat/completions` });
    const found = await page.evaluate(() => refusal(say(routed({ use: ["a"], retries: 0 }).client)));
    assert.equal(found.status, 502);
    assert.deepEqual(b.requests, []);
  });
});

describe("what looks personal", () => {
  const MESSAGE = "Write to ada.byron@example.org or call +44 20 7946 0958; the card is 4111 1111 1111 1111, order 12345678.";

  test("stays on the device, as images do", async () => {
    const found = await page.evaluate(async (content) => {
      const { client } = routed({ use: ["a", "device"] });
      const image = [{ role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }] }];
      return {
        answered: typeof (await say(client, { messages: [{ role: "user", content }], max_tokens: 2 })),
        refused: await refusal(say(client, { model: "a", messages: [{ role: "user", content }] })),
        image: await refusal(say(client, { model: "a", messages: image })),
        tokens: await refusal(client.completions.create({ model: "a", prompt: [5, 6] })),
      };
    }, MESSAGE);
    assert.equal(found.answered, "string");
    for (const refused of [found.refused, found.image, found.tokens]) assert.deepEqual([refused.status, refused.code], [403, "not_allowed"]);
    assert.match(found.refused.message, /looks personal/);
    nothingLeft();
  });

  test("is replaced before it leaves and put back in the answer, whole and streamed", async () => {
    // Says what it was told, and something of its own in the same form.
    a.behave = (body) => ({ text: `I read: ${body.messages.at(-1).content} [EMAIL_7] [` });
    const found = await page.evaluate(async (content) => {
      const { client, router } = routed({ use: ["a"], personal: "redact", findPersonal: (text) => [...text.matchAll(/Ada/g)].map(({ index }) => ({ start: index, end: index + 3, type: "name" })) });
      const messages = [{ role: "user", content: `Ada: ${content}` }];
      return { whole: await say(client, { messages }), streamed: await streamed(client, { messages }), ledger: router.ledger, question: questions[0] };
    }, MESSAGE);
    const expected = `I read: Ada: ${MESSAGE} [EMAIL_7] [`;
    assert.equal(found.whole, expected);
    assert.equal(found.streamed.text, expected);
    assert.equal(a.bodies.length, 2);
    for (const body of a.bodies) {
      assert.equal(body.messages[0].content, "[NAME_1]: Write to [EMAIL_1] or call [PHONE_1]; the card is [CARD_1], order 12345678.");
      assert.doesNotMatch(JSON.stringify(body), /Ada|ada\.byron|7946|4111/);
    }
    assert.deepEqual(found.ledger.map(({ redacted, personal }) => [redacted, personal]), [[4, true], [4, true]]);
    assert.deepEqual([found.question.personal, found.question.redacted], [true, true]);
  });

  test("by form alone, with check digits where there are some", async () => {
    const found = await page.evaluate(async () => {
      const { personalIn } = await import("/nanolm/router/index.js");
      const types = (text) => personalIn(text).map(({ start, end, type }) => [type, text.slice(start, end)]);
      return [
        types("GB82 WEST 1234 5698 7654 32 and GB82 WEST 1234 5698 7654 33"),
        types("4111 1111 1111 1112 is no card, 192.168.1.20 an address, 300.1.1.1 none"),
        types("On 2024-05-17 at 10:30 there were 1500 ships, 3.14159 miles and 250000 lamps; ISBN 9783161484100."),
        types("123-45-6789; sk-abcdefghijklmnopqrst; (030) 1234567; jürgen@müller.example"),
      ];
    });
    assert.deepEqual(found[0][0], ["iban", "GB82 WEST 1234 5698 7654 32"]);
    assert.ok(found[0].every(([type]) => type !== "iban" || found[0].length >= 1) && !found[0].slice(1).some(([type]) => type === "iban"));
    assert.deepEqual(found[1].filter(([type]) => type === "card" || type === "ip"), [["ip", "192.168.1.20"]]);
    assert.deepEqual(found[2], []);
    assert.deepEqual(found[3], [["ssn", "123-45-6789"], ["key", "sk-abcdefghijklmnopqrst"], ["phone", "(030) 1234567"], ["email", "jürgen@müller.example"]]);
  });
});

describe("the policy", () => {
  test("rules, budgets and wishes say who is asked", async () => {
    const found = await page.evaluate(async () => {
      const traits = { device: { quality: 0.2, maxCharacters: 100 }, a: { quality: 0.9, price: { input: 1, output: 10 } }, b: { quality: 0.6, price: { input: 0.1, output: 1 } } };
      const by = async (client, more = {}, headers = {}) => (await client.chat.completions.create({ model: "auto", max_tokens: 2, messages: HELLO, ...more }, { headers }).withResponse()).response.headers.get("x-nanolm-model");
      const policy = { rules: [{ when: { task: ["translate"] }, use: ["b", "device"] }, { when: { characters: [40, 60] }, use: ["a"] }] };
      const { client, router } = routed({ traits, policy });
      const long = (n) => ({ messages: [{ role: "user", content: "x".repeat(n) }] });
      const asFunction = routed({ traits, policy: async ({ characters, models, online }) => (characters > 30 && online ? models.filter(({ where }) => where === "remote").map(({ name }) => name).reverse() : undefined) });
      const broke = routed({ traits, policy: { totalCost: 0.00001 }, use: ["a"] });
      return {
        plain: await by(client),
        task: await by(client, {}, { "x-nanolm-task": "translate" }),
        middle: await by(client, long(50)),
        tooLong: await by(client, long(200)),
        quality: await by(client, {}, { "x-nanolm-quality": "0.5" }),
        cost: await by(client, long(200), { "x-nanolm-cost": "0.00001", "x-nanolm-quality": "0.9" }),
        named: await by(client, { model: "b" }),
        unknown: await by(client, { model: "gpt-4o" }),
        byFunction: [await by(asFunction.client), await by(asFunction.client, long(40))],
        broke: await refusal(say(broke.client)),
        cents: router.stats().cost,
        list: (await client.models.list()).data.map(({ id }) => id),
        wrong: await failure(Promise.resolve().then(() => routed({ policy: { rules: [{ use: ["c"] }] } }))),
        mistyped: await failure(Promise.resolve().then(() => routed({ polcy: {} }))),
      };
    });
    const { plain, task, middle, tooLong, quality, cost, named, unknown } = found;
    assert.deepEqual({ plain, task, middle, tooLong, quality, cost, named, unknown }, { plain: "device", task: "b", middle: "a", tooLong: "a", quality: "a", cost: "b", named: "b", unknown: "device" });
    assert.deepEqual(found.byFunction, ["device", "b"]);
    assert.deepEqual([found.broke.status, found.broke.code], [503, "no_model"]);
    assert.ok(found.cents > 0);
    assert.deepEqual(found.list, ["auto", "device", "a", "b"]);
    assert.deepEqual([found.wrong.code, found.mistyped.code], ["option/invalid", "option/invalid"]);
    // What is for the router does not leave.
    for (const { headers } of [...a.requests, ...b.requests]) assert.ok(!Object.keys(headers).some((name) => name.startsWith("x-")), Object.keys(headers).join());
  });

  test("without the network the device is asked alone", async () => {
    await page.context().setOffline(true);
    const found = await page.evaluate(async () => [typeof (await say(routed({ use: ["a", "device"] }).client, { max_tokens: 2 })), await refusal(say(routed({ use: ["a"] }).client))]);
    await page.context().setOffline(false);
    assert.equal(found[0], "string");
    assert.match(found[1].message, /the network is off/);
    nothingLeft();
  });

  test("what nobody can do is not sent around; what the device cannot do is", async () => {
    const found = await page.evaluate(async () => {
      const { client } = routed();
      return { invalid: await refusal(say(client, { temperature: 7 })), left: questions.length, beyond: await say(client, { logit_bias: { 5: 10 } }), long: await say(client, { messages: [{ role: "user", content: "x y ".repeat(600) }] }) };
    });
    assert.deepEqual([found.invalid.status, found.invalid.param, found.left], [400, "temperature", 0]);
    assert.deepEqual([found.beyond, found.long], [STORY, STORY]);
    assert.equal(a.bodies.length, 2);
  });

  test("embeddings are one model's: no other takes over", async () => {
    a.behave = () => ({ status: 500 });
    const found = await page.evaluate(async () => {
      const { client } = routed({ use: ["a", "b"], retries: 0 });
      return { error: await refusal(client.embeddings.create({ model: "auto", input: "x" })), named: (await client.embeddings.create({ model: "b", input: "x", encoding_format: "float" })).data[0].embedding };
    });
    assert.equal(found.error.status, 500);
    assert.deepEqual(found.named, [1, 0, 0]);
    assert.equal(b.bodies.length, 1);
  });
});
