// What the tests of nanolm/router share: a page with the official client, a tiny chat model on the device, and two real servers as
// remote models. What those were sent is the witness.
import { after, before, beforeEach } from "node:test";
import { openPage, serveApp } from "./app.mjs";
import { launch } from "./browser.mjs";
import { bundled } from "./bundle.mjs";
import { startRemote } from "./remote.mjs";
import { POLICY } from "./server.mjs";

let browser;
let app;
export let page;
export let a;
export let b;
before(async () => {
  const client = await bundled('import OpenAI from "openai"; globalThis.OpenAI = OpenAI;');
  app = await serveApp({ mounts: { "/client/": () => client }, policy: `${POLICY}; connect-src 'self' http://127.0.0.1:*` });
  a = await startRemote(undefined, { key: "right" });
  b = await startRemote();
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.exposeFunction("tellRead", (origin, stream, bytes) => [a, b].find((server) => server.origin === origin)?.read(stream, bytes));
  await page.evaluate(
    async ([a, b]) => {
      // Streams of the servers are passed on when they are asked for, piece by piece, and each server hears what its reader has taken.
      const { fetch } = globalThis;
      globalThis.fetch = async (...request) => {
        const response = await fetch(...request);
        const stream = Number(response.headers.get("x-stream"));
        if (stream === 0) return response;
        const { body, url } = response;
        let reader;
        let bytes = 0;
        const pull = async (controller) => {
          reader ??= body.getReader();
          // Nothing waits in between: who asks again has taken the piece before.
          void tellRead(new URL(url).origin, stream, bytes);
          const { done, value } = await reader.read();
          if (done) return controller.close();
          bytes += value.length;
          controller.enqueue(value);
        };
        const passed = new ReadableStream({ pull, cancel: (reason) => (reader ?? body).cancel(reason) }, { highWaterMark: 0 });
        return Object.defineProperty(response, "body", { value: passed });
      };
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
