// What a session keeps when it is stopped, text that looks like control tokens, workers that end, packages from elsewhere.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openApp, openPage, serveApp } from "./support/app.mjs";
import { SHORT } from "./support/texts.mjs";

const MODEL = "/golden/tiny-llama/";

let opened, browser, page;
before(async () => {
  opened = await openApp();
  ({ browser, page } = opened);
});
after(() => opened?.close());

describe("a session stopped by its signal", () => {
  for (const how of ["for await", "a reader that is slow", "nobody reads"]) {
    test(`has exactly what was given: ${how}`, async () => {
      const runs = await page.evaluate(
        async ([text, how]) => {
          const { Model } = await import("/nanolm/index.js");
          // The default model and many tokens: the calls last some times as long as the latest stop takes, on any machine.
          const model = await Model.load(undefined, { device: "cpu" });
          const runs = [];
          for (let n = 0; n < 12; n++) {
            const session = await model.session();
            const begun = await session.append(text);
            const stop = new AbortController();
            const stream = session.generate({ maxNewTokens: 400, signal: stop.signal, temperature: 1, seed: n });
            let given = 0;
            let error;
            if (how === "nobody reads") {
              await new Promise((resolve) => setTimeout(resolve, n));
              stop.abort();
              error = await stream.result.catch((error) => error);
            } else {
              try {
                for await (const _ of stream) {
                  given += 1;
                  if (how !== "for await") await new Promise((resolve) => setTimeout(resolve, 2));
                  if (given === 1 + n) stop.abort();
                }
              } catch (caught) {
                error = caught;
              }
            }
            const { usage } = await session.generate({ maxNewTokens: 1 }).result;
            runs.push({ begun, given, held: usage.promptTokens, aborted: error?.name });
            await session.dispose();
          }
          await model.dispose();
          return runs;
        },
        [SHORT, how],
      );
      // A slow reader's call may be over before it is stopped: then it goes on to read all of it.
      const slow = how === "a reader that is slow";
      const stopped = runs.filter(({ aborted }) => aborted === "AbortError");
      for (const { begun, given, held } of slow ? runs : stopped) assert.equal(held, begun + given, JSON.stringify(runs));
      assert.ok(slow || stopped.length >= 6, JSON.stringify(runs));
    });
  }
});

test("control tokens in a text are text where asked for, and in messages unless asked otherwise", async () => {
  const found = await page.evaluate(async () => {
    const { chatModel } = await import("/chat-model.js");
    const model = await chatModel();
    const TYPED = "Hi <|im_end|> there";
    const code = (call) => Promise.resolve().then(call).then(() => undefined, (error) => error.code);
    const session = async (controls) => {
      const session = await model.session();
      const n = await session.append(TYPED, controls === undefined ? {} : { controls });
      await session.dispose();
      return n;
    };
    const prompt = async (call) => (await call.result).usage.promptTokens;
    const chat = (controls) => model.chat([{ role: "user", content: TYPED }], { maxNewTokens: 1, controls });
    const generate = (controls) => model.generate(TYPED, { maxNewTokens: 1, controls });
    const options = ["parse", "literal", undefined];
    return {
      tokenize: await Promise.all(options.map(async (controls) => [...(await model.tokenize(TYPED, { controls }))].includes(319))),
      lengths: {
        tokens: await Promise.all(options.map(async (controls) => (await model.tokenize(TYPED, { controls, addSpecial: true })).length)),
        generate: await Promise.all(options.map((controls) => prompt(generate(controls)))),
        append: await Promise.all(options.map(session)),
      },
      chat: await Promise.all(options.map((controls) => prompt(chat(controls)))),
      refused: await Promise.all([
        code(() => model.tokenize(TYPED, { controls: "other" })),
        code(() => generate("other").result),
        code(() => chat("other").result),
        code(() => session("other")),
      ]),
    };
  });
  assert.deepEqual(found.tokenize, [true, false, true]);
  const { tokens, generate, append } = found.lengths;
  assert.ok(tokens[1] > tokens[0] && tokens[2] === tokens[0], JSON.stringify(found));
  assert.deepEqual(generate, tokens);
  assert.deepEqual(append, tokens);
  const [parse, literal, byDefault] = found.chat;
  assert.ok(literal > parse && byDefault === literal, JSON.stringify(found));
  assert.deepEqual(found.refused, Array(4).fill("option/invalid"));
});

/** What calls of a model at this address end with. */
const calls = (base, input) =>
  page.evaluate(
    async ([base, source, input]) => {
      const { Model } = await import(`${base}index.js`);
      const model = await Model.load(source, { device: "cpu" });
      const session = await model.session();
      await session.append("The keeper");
      const told = (call) => call.then(() => undefined, (error) => error.code);
      const open = [told(model.generate(input, { maxNewTokens: 200 }).text()), told(session.generate({ maxNewTokens: 200 }).text())];
      const settled = await Promise.all([...open, told(session.save())]);
      return [...settled, await told(session.save()), await told(model.tokenize("later"))];
    },
    [base, MODEL, input],
  );

test("a worker that ends itself settles every call", { timeout: 30_000 }, async () => {
  assert.deepEqual((await calls("/broken/ends/", "end yourself")).slice(-2), Array(2).fill("worker/ended"));
});

test("after a trap every call says so, session.save() too", { timeout: 30_000 }, async () => {
  assert.deepEqual(await calls("/broken/traps/", "trap"), Array(5).fill("worker/crashed"));
});

test("145 MB in memory do not hold up the page", async () => {
  const { code, longest } = await page.evaluate(async () => {
    const { Model } = await import("/nanolm/index.js");
    const bytes = new Uint8Array(145e6).fill(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    let longest = 0;
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    });
    observer.observe({ type: "longtask" });
    const code = await Model.load(bytes, { device: "cpu" }).then(() => "loaded", (error) => error.code);
    await new Promise((resolve) => setTimeout(resolve, 200));
    observer.disconnect();
    return { code, longest };
  });
  assert.match(code, /^(format|model)\//);
  // A part takes some 5 ms; what else runs on the processor may come between.
  assert.ok(longest < 80, `a task of ${longest} ms`);
});

test("sessions that nobody holds are freed", { timeout: 60_000 }, async () => {
  const cdp = await page.context().newCDPSession(page);
  await page.evaluate(async (source) => {
    const { Model } = await import("/nanolm/index.js");
    const post = Worker.prototype.postMessage;
    globalThis.sessionsClosed = 0;
    Worker.prototype.postMessage = function (message, ...rest) {
      if (message.method === "close") globalThis.sessionsClosed += 1;
      return Reflect.apply(post, this, [message, ...rest]);
    };
    globalThis.freed = await Model.load(source, { device: "cpu" });
    globalThis.held = await globalThis.freed.session();
    for (let n = 0; n < 20; n++) await (await globalThis.freed.session()).append("The keeper");
  }, MODEL);
  for (let tries = 0; tries < 50 && (await page.evaluate(() => globalThis.sessionsClosed)) < 19; tries++) {
    await cdp.send("HeapProfiler.collectGarbage");
    await page.waitForTimeout(100);
  }
  const closed = await page.evaluate(() => globalThis.sessionsClosed);
  // The engine's stack may still name the last one.
  assert.ok(closed >= 19 && closed <= 20, `${closed} of 20 were freed`);
  assert.equal(await page.evaluate(() => globalThis.held.append("It is still there").then((n) => n > 0)), true);
});

test("what a file has too much of is not repeated in the error", async () => {
  const messages = await page.evaluate(async () => {
    const { Model } = await import("/nanolm/index.js");
    const LONG = "x".repeat(131_072);
    /** A GGUF file of one text, and of a tensor of this name. */
    const gguf = (architecture, tensor) => {
      const bytes = [];
      const number = (value, size) => {
        for (let at = 0; at < size; at++) bytes.push(at < 4 ? (value >>> (8 * at)) & 255 : 0);
      };
      const text = (value) => {
        number(value.length, 8);
        for (const byte of new TextEncoder().encode(value)) bytes.push(byte);
      };
      number(0x46554747, 4);
      number(3, 4);
      number(1, 8);
      number(1, 8);
      text("general.architecture");
      number(8, 4);
      text(architecture);
      text(tensor);
      number(1, 4);
      number(1 << 20, 8);
      number(0, 4);
      number(0, 8);
      return new Blob([new Uint8Array(bytes)]);
    };
    const config = (value) => [new File([JSON.stringify(value)], "config.json"), new File(["{}"], "tokenizer.json"), new File([new Uint8Array(16)], "model.safetensors")];
    const sources = {
      architecture: gguf(LONG, "token_embd.weight"),
      tensor: gguf("llama", LONG),
      config: config({ model_type: LONG, architectures: [LONG] }),
      json: config(LONG),
      name: new File(["no model"], `${LONG}.gguf`),
      names: [new File(["no model"], `${LONG}.gguf`), new File(["nor this"], `${LONG}.json`)],
      address: `/garbage/${"x".repeat(6000)}.gguf`,
    };
    const told = (call) => call.then(() => ({}), ({ code, message }) => ({ code, message }));
    const found = {};
    for (const [name, source] of Object.entries(sources)) found[name] = await told(Model.load(source, { device: "cpu" }));
    found.value = await told(Model.load("/garbage/text.gguf", { device: LONG }));
    found.option = await told(Model.load("/garbage/text.gguf", { [LONG]: 1 }));
    return found;
  });
  for (const [name, { code, message }] of Object.entries(messages)) {
    assert.match(code ?? "none", /^[a-z]+\/[a-z-]+$/, `${name}: ${message}`);
    assert.ok(message.length > 20 && new TextEncoder().encode(message).length <= 2048, `${name}: ${message.length} characters: ${message.slice(0, 200)}`);
  }
});

describe("the package from another origin", () => {
  test("loads where the page lets workers be made of blobs, and says what to do elsewhere", async () => {
    const elsewhere = await serveApp({ cors: true });
    const policy = `default-src 'self' ${elsewhere.origin}; script-src 'self' 'wasm-unsafe-eval' ${elsewhere.origin}`;
    const open = await serveApp({ policy: `${policy}; worker-src 'self' blob: ${elsewhere.origin}` });
    const closed = await serveApp({ policy });
    try {
      const load = async (site) => {
        const from = await openPage(browser, site);
        const found = await from.evaluate(
          async ([base, source]) => {
            const { Model } = await import(`${base}/nanolm/index.js`);
            try {
              const model = await Model.load(source, { device: "cpu" });
              return { ids: [...(await model.tokenize("The keeper"))].length, build: model.device.build };
            } catch (error) {
              return { code: error.code, message: error.message };
            }
          },
          [elsewhere.origin, MODEL],
        );
        await from.context().close();
        return found;
      };
      const loaded = await load(open);
      assert.ok(loaded.ids > 0, JSON.stringify(loaded));
      const refused = await load(closed);
      assert.equal(refused.code, "worker/start", JSON.stringify(refused));
      assert.match(refused.message, /another origin.*blob: and the other origin as worker-src/);
    } finally {
      await Promise.all([elsewhere, open, closed].map((site) => site.close()));
    }
  });
});
