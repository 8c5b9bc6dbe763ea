// nanolm/router with the official client in Chromium: models that fail, at once or in the middle of a stream.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { piecesOf, STORY, until } from "./support/remote.mjs";
import { a, b, page } from "./support/router.mjs";

describe("models that fail", () => {
  test("at once: the next one answers, and a breaker keeps requests away until a trial succeeds", async () => {
    a.behave = () => ({ status: 500 });
    const first = await page.evaluate(async () => {
      globalThis.broken = routed({ use: ["a", "b"], breakAfter: 3, breakMs: 600_000 });
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
    const healed = await page.evaluate(async () => {
      // The pause is over when the clock says so, and not before, however slow the machine is.
      const { now } = Date;
      Date.now = () => now() + 600_000;
      try {
        return { text: await say(broken.client), stats: broken.router.stats().models.a };
      } finally {
        Date.now = now;
      }
    });
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
    // It would be waited for without end.
    a.behave = () => ({ silent: true });
    const found = await page.evaluate(async () => {
      const { client, router } = routed({ use: ["a", "b"], traits: { a: { timeoutMs: 150 } } });
      return { text: await say(client), stream: (await streamed(client)).text, error: router.stats().models.a.lastError };
    });
    assert.deepEqual([found.text, found.stream], [STORY, STORY]);
    assert.match(found.error, /within 150 ms/);
    const asked = a.requests.filter(({ method }) => method === "POST");
    assert.equal(asked.length, 2);
    await until(() => asked.every(({ closed }) => closed), "both requests are closed");
  });

  test("limited: Retry-After is waited for, unless another model can answer or it is too long", async () => {
    a.behave = (_, number) => (number === 1 ? { status: 429, headers: { "retry-after": "1" } } : {});
    const alone = await page.evaluate(async () => {
      const began = performance.now();
      return { text: await say(routed({ use: ["a"] }).client), ms: performance.now() - began };
    });
    assert.equal(alone.text, STORY);
    assert.ok(alone.ms >= 1000, `${alone.ms} ms`);
    assert.equal(a.bodies.length, 2);
    a.reset(() => ({ status: 429, headers: { "retry-after": "30" } }));
    const found = await page.evaluate(async () => {
      const began = performance.now();
      const both = routed({ use: ["a", "b"] });
      const texts = [await say(both.client), await say(both.client)];
      return { texts, until: both.router.stats().models.a.until - Date.now(), refused: await refusal(say(routed({ use: ["a"] }).client)), ms: performance.now() - began };
    });
    assert.deepEqual(found.texts, [STORY, STORY]);
    assert.ok(found.until > 0 && found.until <= 30_000 && found.until > 30_000 - found.ms - 1000, `${found.until} after ${found.ms} ms`);
    assert.deepEqual([found.refused.name, found.refused.status, found.refused.retryAfter], ["RateLimitError", 429, "30"]);
    // Who waited for it would have taken longer than this.
    assert.ok(found.ms < 30_000, `${found.ms} ms`);
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
    // Neither ends by itself.
    a.behave = () => ({ stall: 9 });
    b.behave = () => ({ stall: 9 });
    const found = await page.evaluate(async () => {
      const { client, router } = routed({ use: ["a", "b"] });
      let text = "";
      for await (const { choices } of await client.chat.completions.create({ model: "auto", messages: HELLO, stream: true })) {
        text += choices[0].delta.content ?? "";
        if (text.length > 10) break;
      }
      const stop = new AbortController();
      globalThis.leaving = router;
      let aborted = "";
      // The client ends a stream that is aborted without an error.
      for await (const { choices } of await client.chat.completions.create({ model: "b", messages: HELLO, stream: true }, { signal: stop.signal })) {
        aborted += choices[0].delta.content ?? "";
        if (aborted.length > 10) stop.abort();
      }
      return { text, aborted };
    });
    for (const text of [found.text, found.aborted]) assert.ok(text.length > 10 && STORY.startsWith(text), text);
    for (const server of [a, b]) await until(() => server.requests.find(({ method }) => method === "POST").closed, "the request is closed");
    const stats = await page.evaluate(() => leaving.stats().models);
    assert.deepEqual([stats.a.failures, stats.b.failures], [0, 0]);
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
        const found = await page.evaluate(async (stallMs) => {
          const { client, router } = routed({ use: ["a", "b"], traits: { a: { stallMs } } });
          return { ...(await streamed(client, { max_tokens: 100, stream_options: { include_usage: true } })), stats: router.stats() };
          // Longer than a busy page takes from the first event to the last one that comes with it.
        }, fault === "stall" ? 1000 : 60_000);
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
