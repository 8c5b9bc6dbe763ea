// nanolm/router with the official client in Chromium, and real servers as remote models. What they were sent is the witness.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { bundled } from "./support/bundle.mjs";
import { piecesOf, STORY, startRemote } from "./support/remote.mjs";
import { POLICY } from "./support/server.mjs";

let browser;
let app;
let page;
let a;
let b;
before(async () => {
  const client = await bundled('import OpenAI from "openai"; globalThis.OpenAI = OpenAI;');
  app = await serveApp({ mounts: { "/client/": () => client }, policy: `${POLICY}; connect-src 'self' http://127.0.0.1:*` });
  a = await startRemote(undefined, { key: "right" });
  b = await startRemote();
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.evaluate(
    async ([a, b]) => {
      await import("/client/openai.js");
      const { createRouter } = await import("/nanolm/router/index.js");
      globalThis.tiny = await chatModel();
      globalThis.places = {
        device: tiny,
        a: { baseURL: a, apiKey: () => "right", model: "large-a" },
        b: { baseURL: b, model: "large-b" },
      };
      globalThis.questions = [];
      /** A router and the client that uses it, over the models of these names. Short pauses. */
      globalThis.routed = ({ use = ["device", "a", "b"], consent = true, traits = {}, ...options } = {}) => {
        const models = Object.fromEntries(use.map((name) => [name, name === "device" ? { local: tiny, ...traits.device } : { ...places[name], ...traits[name] }]));
        const hook = consent === null ? undefined : (question) => (questions.push(question), consent);
        const router = createRouter({ models, consent: hook, storage: kept(), backoffMs: 20, ...options });
        const client = new OpenAI({ apiKey: "the client's own", dangerouslyAllowBrowser: true, fetch: router.fetch });
        return { router, client };
      };
      globalThis.kept = () => {
        const items = new Map();
        return { getItem: async (key) => items.get(key) ?? null, setItem: async (key, value) => void items.set(key, value), removeItem: async (key) => void items.delete(key) };
      };
      globalThis.refusal = (promise) =>
        promise.then(
          (value) => ({ answered: value }),
          ({ constructor: { name }, status, message, code, param, headers }) => ({ name, status, message, code, param, retryAfter: headers?.get?.("retry-after") }),
        );
      globalThis.HELLO = [{ role: "user", content: "Tell me of the keeper" }];
      globalThis.say = async (client, more = {}, options = {}) => (await client.chat.completions.create({ model: "auto", messages: HELLO, ...more }, options)).choices[0].message.content;
      /** A stream: its text, its chunks, the error that ended it. */
      globalThis.streamed = async (client, more = {}) => {
        const chunks = [];
        let error;
        try {
          for await (const chunk of await client.chat.completions.create({ model: "auto", messages: HELLO, stream: true, ...more })) chunks.push(chunk);
        } catch (thrown) {
          error = thrown.message;
        }
        return { text: chunks.map(({ choices }) => choices[0]?.delta?.content ?? "").join(""), chunks, error };
      };
    },
    [a.baseURL, b.baseURL],
  );
});
beforeEach(async () => {
  a.reset();
  b.reset();
  page.foreign.length = 0;
  await page.evaluate(() => void (questions.length = 0));
});
after(async () => {
  await browser?.close();
  await Promise.all([app, a, b].map((server) => server?.close()));
});

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
        beyond: await refusal(say(client, { response_format: { type: "json_object" } })),
        named: await refusal(say(client, { model: "a" })),
        streamed: await refusal(client.chat.completions.create({ model: "b", messages: HELLO, stream: true })),
        ledger: router.ledger,
      };
    }, a.origin);
    assert.equal(found.text, found.own);
    assert.deepEqual([found.beyond.status, found.beyond.param], [400, "response_format"]);
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
      return { invalid: await refusal(say(client, { temperature: 7 })), left: questions.length, beyond: await say(client, { response_format: { type: "json_object" } }), long: await say(client, { messages: [{ role: "user", content: "x y ".repeat(600) }] }) };
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

describe("models that fail", () => {
  test("at once: the next one answers, and a breaker keeps requests away until a trial succeeds", async () => {
    a.behave = () => ({ status: 500 });
    const first = await page.evaluate(async () => {
      globalThis.broken = routed({ use: ["a", "b"], breakAfter: 3, breakMs: 400 });
      const texts = [];
      for (let i = 0; i < 5; i++) texts.push(await say(broken.client));
      return { texts, stats: broken.router.stats().models.a };
    });
    assert.deepEqual(new Set(first.texts), new Set([STORY]));
    assert.equal(a.bodies.length, 3);
    assert.equal(b.bodies.length, 5);
    assert.deepEqual([first.stats.state, first.stats.failures], ["open", 3]);
    assert.match(first.stats.lastError, /500/);
    a.reset();
    await page.waitForTimeout(450);
    const healed = await page.evaluate(async () => ({ text: await say(broken.client), stats: broken.router.stats().models.a }));
    assert.deepEqual([healed.text, healed.stats.state, a.bodies.length], [STORY, "closed", 1]);
  });

  test("once: it is asked again after a pause, and the client does not do so too", async () => {
    a.behave = (_, number) => (number < 3 ? { status: 503 } : {});
    assert.equal(await page.evaluate(() => say(routed({ use: ["a"], breakAfter: 9 }).client)), STORY);
    assert.equal(a.bodies.length, 3);
    a.reset(() => ({ status: 503 }));
    const refused = await page.evaluate(() => refusal(say(routed({ use: ["a"], retries: 1 }).client)));
    assert.deepEqual([refused.status, refused.name, a.bodies.length], [503, "InternalServerError", 2]);
  });

  test("slow: the next one answers, and the slow one is told to stop", async () => {
    a.behave = () => ({ delay: 5000 });
    const found = await page.evaluate(async () => {
      const began = performance.now();
      const { client, router } = routed({ use: ["a", "b"], traits: { a: { timeoutMs: 150 } } });
      return { text: await say(client), stream: (await streamed(client)).text, ms: performance.now() - began, error: router.stats().models.a.lastError };
    });
    assert.deepEqual([found.text, found.stream], [STORY, STORY]);
    assert.ok(found.ms < 3000, `${found.ms} ms`);
    assert.match(found.error, /within 150 ms/);
    assert.ok(a.requests.filter(({ method }) => method === "POST").every(({ closed }) => closed));
  });

  test("limited: Retry-After is waited for, unless another model can answer or it is too long", async () => {
    a.behave = (_, number) => (number === 1 ? { status: 429, headers: { "retry-after": "1" } } : {});
    const alone = await page.evaluate(async () => {
      const began = performance.now();
      return { text: await say(routed({ use: ["a"] }).client), ms: performance.now() - began };
    });
    assert.equal(alone.text, STORY);
    assert.ok(alone.ms >= 1000 && alone.ms < 3000, `${alone.ms} ms`);
    a.reset(() => ({ status: 429, headers: { "retry-after": "30" } }));
    const found = await page.evaluate(async () => {
      const began = performance.now();
      const both = routed({ use: ["a", "b"] });
      const texts = [await say(both.client), await say(both.client)];
      return { texts, until: both.router.stats().models.a.until - Date.now(), refused: await refusal(say(routed({ use: ["a"] }).client)), ms: performance.now() - began };
    });
    assert.deepEqual(found.texts, [STORY, STORY]);
    assert.ok(found.until > 25_000, `${found.until}`);
    assert.deepEqual([found.refused.name, found.refused.status, found.refused.retryAfter], ["RateLimitError", 429, "30"]);
    assert.ok(found.ms < 2000, `${found.ms} ms`);
    // One of each router: the second request of the first one kept away.
    assert.equal(a.bodies.length, 2);
  });

  test("a wrong key: the next one answers, and the server is left alone", async () => {
    const found = await page.evaluate(async () => {
      const traits = { a: { apiKey: "wrong" } };
      const { client, router } = routed({ use: ["a", "b"], traits });
      return { texts: [await say(client), await say(client)], state: router.stats().models.a.state, refused: await refusal(say(routed({ use: ["a"], traits }).client)) };
    });
    assert.deepEqual(found.texts, [STORY, STORY]);
    assert.equal(found.state, "open");
    assert.deepEqual([found.refused.name, found.refused.message], ["AuthenticationError", "401 Incorrect API key provided"]);
    assert.equal(a.bodies.length, 2);
  });

  test("an abort stops the server, and is no failure of it", async () => {
    a.behave = () => ({ pause: 50 });
    const found = await page.evaluate(async () => {
      const { client, router } = routed({ use: ["a", "b"] });
      let text = "";
      for await (const { choices } of await client.chat.completions.create({ model: "auto", messages: HELLO, stream: true })) {
        text += choices[0].delta.content ?? "";
        if (text.length > 10) break;
      }
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 60);
      const aborted = await refusal(client.chat.completions.create({ model: "b", messages: HELLO, stream: true }, { signal: stop.signal }).then(async (stream) => {
        for await (const _ of stream);
        return "ended";
      }));
      await new Promise((resolve) => setTimeout(resolve, 200));
      return { text, aborted, stats: router.stats().models };
    });
    assert.ok(STORY.startsWith(found.text));
    assert.deepEqual([found.stats.a.failures, found.stats.b.failures], [0, 0]);
    assert.equal(a.requests.find(({ method }) => method === "POST").closed, true);
  });
});

describe("a stream that breaks off", () => {
  const all = piecesOf(STORY).length;

  for (const [how, fault] of [["the connection", "cut"], ["with an error event", "error"], ["by standing still", "stall"]]) {
    test(`${how}: another model goes on, and nothing is lost or repeated`, async () => {
      for (const at of how === "the connection" ? [0, 1, 2, 7, 15, all - 1] : [0, 5]) {
        a.reset(() => ({ [fault]: at }));
        // Says everything again.
        b.reset();
        const found = await page.evaluate(async () => {
          const { client, router } = routed({ use: ["a", "b"], traits: { a: { stallMs: 200 } } });
          return { ...(await streamed(client, { max_tokens: 100, stream_options: { include_usage: true } })), stats: router.stats() };
        });
        assert.equal(found.error, undefined);
        assert.equal(found.text, STORY, `after ${at} pieces`);
        const reasons = found.chunks.flatMap(({ choices }) => choices.map(({ finish_reason }) => finish_reason)).filter(Boolean);
        assert.deepEqual(reasons, ["stop"]);
        assert.equal(found.chunks.filter(({ choices }) => choices[0]?.delta?.role).length, 1);
        assert.equal(new Set(found.chunks.map(({ id }) => id)).size, 1);
        assert.ok(found.chunks.at(-1).usage.completion_tokens > 0);
        const [body] = b.bodies;
        const partial = piecesOf(STORY).slice(0, at).join("");
        assert.deepEqual(body.messages.slice(1), at === 0 ? [] : [{ role: "assistant", content: partial }]);
        assert.equal(body.max_tokens, 100 - at);
        assert.equal(found.stats.continued, at === 0 ? 0 : 1);
      }
    });
  }

  test("a server that goes on by itself is taken at its word", async () => {
    a.behave = () => ({ cut: 9 });
    b.behave = () => ({ continues: true });
    const found = await page.evaluate(() => streamed(routed({ use: ["a", "b"], traits: { b: { continues: { continue_final_message: true } } } }).client));
    assert.deepEqual([found.text, found.error], [STORY, undefined]);
    assert.equal(b.bodies[0].continue_final_message, true);
    // And without being announced: what it says is no repetition.
    a.reset(() => ({ cut: 9 }));
    assert.equal((await page.evaluate(() => streamed(routed({ use: ["a", "b"] }).client))).text, STORY);
  });

  test("the same server goes on, where it is the only one", async () => {
    a.behave = (_, number) => (number <= 2 ? { cut: 6 } : {});
    const found = await page.evaluate(() => streamed(routed({ use: ["a"], breakAfter: 9 }).client));
    assert.deepEqual([found.text, found.error, a.bodies.length], [STORY, undefined, 3]);
  });

  test("the device goes on from the exact place", async () => {
    a.behave = () => ({ cut: 3 });
    const partial = piecesOf(STORY).slice(0, 3).join("");
    const found = await page.evaluate(async (partial) => {
      const { text } = await streamed(routed({ use: ["a", "device"] }).client, { max_tokens: 11 });
      return { text, own: (await tiny.chat([...HELLO, { role: "assistant", content: partial }], { maxNewTokens: 8 }).result).text };
    }, partial);
    assert.equal(found.text, partial + found.own);
    assert.ok(found.own.length > 0);
  });

  test("a model that answers anew is not mixed in: the stream ends with an error", async () => {
    a.behave = () => ({ cut: 20 });
    b.behave = () => ({ text: `${STORY.slice(0, 40)}something else altogether.` });
    const found = await page.evaluate(() => streamed(routed({ use: ["a", "b"], retries: 0 }).client));
    assert.equal(found.text, piecesOf(STORY).slice(0, 20).join(""));
    assert.match(found.error, /began anew/);
  });

  test("completions go on by their prompt", async () => {
    const found = await page.evaluate(async () => {
      const { Seam, Joint } = await import("/nanolm/router/seam.js");
      const { Redaction } = await import("/nanolm/router/personal.js");
      const seam = new Seam("completions", { prompt: "Once", max_tokens: 10 }, new Redaction());
      seam.start({ continues: undefined });
      seam.take({ id: "1", choices: [{ index: 0, text: " upon", finish_reason: null }] });
      const body = seam.start({ continues: undefined });
      const chunk = seam.take({ id: "2", choices: [{ index: 0, text: " a time", finish_reason: "stop" }] });
      const joined = (before, pieces) => {
        const joint = new Joint(before);
        return pieces.map((piece) => joint.push(piece)).join("") + joint.finish();
      };
      return { body, chunk, complete: seam.complete, joined: [joined("The lamp", ["The", " lamp", " is lit"]), joined("The lamp", ["The lamp is"]), joined("The lamp", [" is"]), joined("The lamp", ["The lamp"]), joined("The lamp", ["The", "n"]), joined("The lamp", ["Th"]), joined("", ["The"])] };
    });
    assert.deepEqual(found.body, { prompt: "Once upon", max_tokens: 9 });
    assert.deepEqual([found.chunk.id, found.chunk.choices[0].text, found.complete], ["1", " a time", true]);
    assert.deepEqual(found.joined, [" is lit", " is", " is", "", "Then", "Th", "The"]);
  });
});

test("responses go on with the model that gave the first one", async () => {
  const found = await page.evaluate(async () => {
    const { client } = routed({ use: ["device", "a"] });
    const first = await client.responses.create({ model: "a", input: "x" });
    const second = await client.responses.create({ model: "auto", input: "y", previous_response_id: first.id });
    const events = [];
    for await (const event of await client.responses.create({ model: "device", input: "The keeper", max_output_tokens: 4, stream: true })) events.push(event.type);
    return { texts: [first.output_text, second.output_text], events };
  });
  assert.deepEqual(found.texts, [STORY, STORY]);
  assert.equal(a.bodies.length, 2);
  assert.deepEqual([found.events[0], found.events.at(-1)], ["response.created", "response.incomplete"]);
  assert.deepEqual(await page.evaluate(() => unhandled), []);
});
