// Streams, queues, aborts and results, on each device, through the packed package.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp, STORIES, workersEnd } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";
import { ARTICLE, LONG, LONGISH, SHORT } from "./support/texts.mjs";

let app;
let browser;
before(async () => {
  app = await serveApp();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await app?.close();
});

for (const device of ["cpu", "gpu"]) {
  describe(`on ${device}`, () => {
    let page;
    before(async () => {
      page = await openPage(browser, app);
      await page.evaluate((device) => modelOn(device), device);
    });
    after(async () => {
      assert.deepEqual(page.foreign, [], "no request to another origin");
      assert.deepEqual(await page.evaluate(() => globalThis.unhandled), [], "no unhandled error");
      await page.context().close();
    });

    test("tells what it loaded and where it runs", async () => {
      const info = await page.evaluate(async (device) => (await modelOn(device)).info, device);
      assert.equal(info.device.kind, device);
      assert.ok(info.device.reason.length > 10, `a reason in words: ${info.device.reason}`);
      if (device === "gpu") assert.ok(info.device.adapter, "names the adapter");
      assert.ok(info.parameters > 1e6 && info.contextLength >= 512 && info.vocabSize >= 1000, JSON.stringify(info));
      for (const task of ["generate", "tldr", "key-points", "headline"]) assert.ok(info.tasks.includes(task), `${task} in ${info.tasks}`);
    });

    for (const folder of ["tiny-llama", "tiny-gpt2"]) {
      const expected = JSON.parse(readFileSync(join(ROOT, `tests/golden/${folder}/expected.json`)));
      const sources = { "model.safetensors": `/golden/${folder}/` };
      for (const file of Object.keys(expected.runs)) sources[file] ??= `/golden/${folder}/${file}`;
      for (const [file, source] of Object.entries(sources)) {
        test(`${folder}, ${file}: the same greedy tokens as transformers`, async () => {
          for (const [index, run] of expected.runs[file].entries()) {
            const { ids, pieces, result } = await page.evaluate(
              async ([device, source, prompt, maxNewTokens]) => {
                const model = await modelOn(device, source);
                return { ids: [...(await model.tokenize(prompt))], ...(await readAll(model.generate(prompt, { maxNewTokens }))) };
              },
              [device, source, expected.prompts[index], run.greedy.length],
            );
            assert.deepEqual(ids, run.tokens, `tokens of ${expected.prompts[index]}`);
            const found = pieces.map((piece) => piece.tokenId);
            // A special token that ends the text is no piece.
            const end = result.finishReason === "stop" ? found.length : run.greedy.length;
            assert.deepEqual(found, run.greedy.slice(0, end));
            assert.equal(result.usage.promptTokens, run.tokens.length);
          }
        });
      }
    }

    test("as a stream of strings, and of bytes for a Response, which can be left half-way", async () => {
      const { text, joined, body, reason } = await page.evaluate(async (device) => {
        const model = await modelOn(device);
        const options = { maxNewTokens: 6 };
        const text = await model.generate("The water was", options).text();
        let joined = "";
        const write = (part) => (joined += part);
        await model.generate("The water was", options).textStream().pipeTo(new WritableStream({ write }));
        const body = await new Response(model.generate("The water was", options).byteStream()).text();
        const left = model.generate("The water was", { maxNewTokens: model.info.contextLength - 20 });
        const reader = left.textStream().getReader();
        await reader.read();
        await reader.cancel();
        return { text, joined, body, reason: (await left.result).finishReason };
      }, device);
      assert.equal(joined, text);
      assert.equal(body, text);
      assert.equal(reason, "abort");
    });

    test("the story model writes the same story as transformers", { skip: !existsSync(STORIES) && "../shared/weights is not here" }, async () => {
      const golden = JSON.parse(readFileSync(join(STORIES, "golden_greedy.json")));
      const length = device === "gpu" ? 48 : golden.greedy_ids.length - 1;
      const { pieces } = await page.evaluate(
        async ([device, maxNewTokens]) =>
          readAll((await modelOn(device, "/stories/stories260K-f32.gguf")).generate("", { maxNewTokens })),
        [device, length],
      );
      assert.deepEqual(pieces.map((piece) => piece.tokenId), golden.greedy_ids.slice(1, length + 1));
    });

    test("streams pieces that make up the text", async () => {
      const { pieces, result, text } = await page.evaluate(
        async ([device, prompt]) => {
          const stream = (await modelOn(device)).generate(prompt, { maxNewTokens: 24 });
          const text = stream.text();
          return { ...(await readAll(stream)), text: await text };
        },
        [device, SHORT],
      );
      assert.equal(pieces.map((piece) => piece.text).join(""), result.text);
      assert.equal(text, result.text);
      assert.ok(["stop", "length"].includes(result.finishReason), result.finishReason);
      assert.equal(result.usage.completionTokens >= pieces.length, true);
      assert.ok(result.usage.promptTokens > 0);
      for (const piece of pieces) {
        assert.ok(Number.isInteger(piece.tokenId), JSON.stringify(piece));
        assert.ok(piece.logprob <= 0 && Number.isFinite(piece.logprob), JSON.stringify(piece));
      }
      const { prefillMs, firstTokenMs, decodeMs, tokensPerSecond } = result.timings;
      assert.ok(prefillMs > 0 && firstTokenMs >= prefillMs && decodeMs > 0 && tokensPerSecond > 0, JSON.stringify(result.timings));
    });

    test("is a ReadableStream too", async () => {
      const { isStream, texts, result } = await page.evaluate(
        async ([device, prompt]) => {
          const stream = (await modelOn(device)).generate(prompt, { maxNewTokens: 8 });
          const texts = [];
          const collect = new WritableStream({ write: (piece) => void texts.push(piece.text) });
          await stream.pipeTo(collect);
          return { isStream: stream instanceof ReadableStream, texts, result: await stream.result };
        },
        [device, SHORT],
      );
      assert.ok(isStream);
      assert.equal(texts.join(""), result.text);
    });

    test("sampling: the same seed gives the same text, another seed another", async () => {
      const texts = await page.evaluate(
        async ([device, prompt]) => {
          const model = await modelOn(device);
          const run = (seed) => model.generate(prompt, { maxNewTokens: 24, temperature: 1.5, topK: 0, seed }).text();
          return [await run(7), await run(7), await run(8)];
        },
        [device, SHORT],
      );
      assert.equal(texts[0], texts[1]);
      assert.notEqual(texts[0], texts[2]);
    });

    test("a stop text ends the output and is no part of it", async () => {
      const { whole, stopped, stop } = await page.evaluate(
        async ([device, prompt]) => {
          const model = await modelOn(device);
          const whole = await model.generate(prompt, { maxNewTokens: 16 }).text();
          const stop = whole.slice(5, 9);
          return { whole, stop, stopped: await model.generate(prompt, { maxNewTokens: 16, stop }).result };
        },
        [device, SHORT],
      );
      assert.equal(stopped.finishReason, "stop");
      assert.equal(stopped.text, whole.slice(0, whole.indexOf(stop)));
    });

    test("tokens and back", async () => {
      const { ids, text } = await page.evaluate(
        async ([device, text]) => {
          const model = await modelOn(device);
          const ids = await model.tokenize(text);
          return { ids: [...ids], text: await model.detokenize(ids) };
        },
        [device, "Ships, naïve 42 鳥 💡!"],
      );
      assert.ok(ids.length > 3);
      assert.equal(text.trim(), "Ships, naïve 42 鳥 💡!");
    });

    for (const type of ["tldr", "headline"]) {
      test(`summarizes: ${type}`, async () => {
        const { pieces, result } = await page.evaluate(
          async ([device, text, type]) => readAll((await modelOn(device)).summarize(text, { type })),
          [device, ARTICLE, type],
        );
        assert.ok(result.text.trim().length > 10, `a text: ${JSON.stringify(result.text)}`);
        assert.ok(result.text.length < ARTICLE.length);
        assert.equal(pieces.map((piece) => piece.text).join(""), result.text);
      });
    }

    for (const [length, text] of [["short", ARTICLE], ["long", ARTICLE], ["medium", device === "gpu" ? LONGISH : LONG]]) {
      test(`summarizes: ${length} key points of ${text.length} characters`, async () => {
        const { pieces, result, phases } = await page.evaluate(
          async ([device, text, length]) => {
            const phases = [];
            const onProgress = ({ phase, loaded, total }) => phases.push([phase, loaded, total]);
            const all = await readAll((await modelOn(device)).summarize(text, { type: "key-points", length, onProgress }));
            return { ...all, phases };
          },
          [device, text, length],
        );
        assert.ok(pieces.length >= 1, "at least one sentence");
        assert.deepEqual(result.points, pieces);
        for (const { text: sentence, start, end, score } of pieces) {
          assert.equal(text.slice(start, end), sentence, "offsets are UTF-16 code units of the text");
          assert.ok(Number.isFinite(score));
        }
        const starts = pieces.map((point) => point.start);
        assert.deepEqual(starts, [...starts].sort((a, b) => a - b), "in the order of the text");
        assert.ok(phases.length > 0, "tells progress");
        for (const [phase, loaded, total] of phases) assert.ok(loaded >= 0 && loaded <= total, `${phase} ${loaded} of ${total}`);
      });
    }

    test("calls made at once run in order and never mix", async () => {
      const { together, alone, order } = await page.evaluate(
        async ([device, prompts]) => {
          const model = await modelOn(device);
          const order = [];
          const run = async (prompt, index) => {
            const stream = model.generate(prompt, { maxNewTokens: 12 });
            for await (const _ of stream) if (order.at(-1) !== index) order.push(index);
            return (await stream.result).text;
          };
          const together = await Promise.all(prompts.map(run));
          const alone = [];
          for (const prompt of prompts) alone.push(await model.generate(prompt, { maxNewTokens: 12 }).text());
          return { together, alone, order };
        },
        [device, ["The ship sailed to", "In winter the town", "A new museum for"]],
      );
      assert.deepEqual(order, [0, 1, 2]);
      assert.deepEqual(together, alone);
    });

    test("leaving the loop stops the work, and the next call runs", async () => {
      const { result, seen, most, next } = await page.evaluate(
        async ([device, prompt]) => {
          const model = await modelOn(device);
          // Hot and without an end of its own, as far as may be.
          const stream = model.generate(prompt, { maxNewTokens: model.info.contextLength - 20, temperature: 3, seed: 1 });
          let seen = 0;
          for await (const _ of stream) if (++seen === 3) break;
          return { result: await stream.result, seen, most: model.info.contextLength - 20, next: await model.generate(prompt, { maxNewTokens: 4 }).result };
        },
        [device, SHORT],
      );
      assert.equal(seen, 3);
      assert.equal(result.finishReason, "abort");
      assert.ok(result.usage.completionTokens < most, `stopped after ${result.usage.completionTokens}`);
      assert.equal(next.finishReason === "abort", false);
    });

    for (const phase of ["prefill", "score", "decode"]) {
      test(`abort during ${phase} rejects with AbortError, and the next call is right`, async () => {
        const { errors, before, after } = await page.evaluate(
          async ([device, phase, short, long]) => {
            const model = await modelOn(device);
            const before = await model.generate(short, { maxNewTokens: 6 }).text();
            const controller = new AbortController();
            const abortAt = ({ phase: now }) => now === phase && controller.abort();
            const options = { signal: controller.signal, onProgress: abortAt };
            const stream =
              phase === "score"
                ? model.summarize(long, { ...options, type: "key-points" })
                : model.generate(short.repeat(phase === "prefill" ? 30 : 1), { ...options, maxNewTokens: phase === "prefill" ? 200 : model.info.contextLength - 20, temperature: 3, seed: 1 });
            const reading = (async () => {
              for await (const _ of stream) if (phase === "decode") controller.abort();
            })();
            const errors = await Promise.all([failure(reading), failure(stream.result), failure(stream.text())]);
            return { errors, before, after: await model.generate(short, { maxNewTokens: 6 }).text() };
          },
          [device, phase, SHORT, LONG],
        );
        for (const error of errors) {
          assert.equal(error?.name, "AbortError", JSON.stringify(error));
          assert.ok(error.isDOMException);
        }
        assert.equal(after, before);
      });
    }

    test("aborting a queued call rejects at once and leaves the running one alone", async () => {
      const { error, first, running } = await page.evaluate(
        async ([device, prompt]) => {
          const model = await modelOn(device);
          const controller = new AbortController();
          const first = model.generate(prompt, { maxNewTokens: 40 });
          let done = false;
          void first.result.then(() => (done = true));
          const queued = model.generate(prompt, { signal: controller.signal });
          controller.abort();
          const error = await failure(queued.result);
          const running = !done;
          return { error, running, first: await first.result };
        },
        [device, SHORT],
      );
      assert.equal(error?.name, "AbortError");
      assert.ok(running, "the queued call rejected while the first was running");
      assert.notEqual(first.finishReason, "abort");
    });

    test("an aborted signal never starts", async () => {
      const error = await page.evaluate(
        async ([device, prompt]) =>
          failure((await modelOn(device)).generate(prompt, { signal: AbortSignal.abort(new Error("mine")) }).result),
        [device, SHORT],
      );
      assert.equal(error?.message, "mine", "the signal's own reason");
    });

    test("options that make no sense", async () => {
      const errors = await page.evaluate(
        async ([device, prompt]) => {
          const model = await modelOn(device);
          const wrong = [
            { temperature: -1 }, { temperature: NaN }, { topP: 0 }, { minP: 2 }, { repetitionPenalty: 0 }, { maxNewTokens: -1 },
            { maxNewTokens: "many" }, { stop: 7 }, { topK: 1.5 },
          ];
          const errors = [];
          for (const options of wrong) errors.push([JSON.stringify(options), await failure((async () => model.generate(prompt, options).result)())]);
          errors.push(["type", await failure((async () => model.summarize(prompt, { type: "poem" }).result)())]);
          errors.push(["length", await failure((async () => model.summarize(prompt, { length: "huge" }).result)())]);
          errors.push(["maxTokens", await failure((async () => model.generate(prompt, { maxTokens: 4 }).result)())]);
          errors.push(["prompt", await failure((async () => model.generate(42).result)())]);
          return errors;
        },
        [device, SHORT],
      );
      for (const [what, error] of errors) {
        assert.equal(error?.code, "option/invalid", `${what}: ${JSON.stringify(error)}`);
        assert.equal(error.className, "OptionError");
        assert.match(error.message, /expected .*found/);
      }
    });

    test("a prompt longer than the context", async () => {
      const error = await page.evaluate(
        async ([device, prompt]) => failure((await modelOn(device)).generate(prompt, { maxNewTokens: 1 }).result),
        [device, LONG],
      );
      assert.equal(error?.code, "session/context-full", JSON.stringify(error));
      assert.equal(error.className, "ContextError");
    });

    test("empty texts", async () => {
      const results = await page.evaluate(
        async ([device]) => {
          const model = await modelOn(device);
          return {
            generate: await model.generate("", { maxNewTokens: 3 }).result.then((r) => r.finishReason, shown),
            points: await model.summarize("", { type: "key-points" }).result.then((r) => r.points, shown),
            ids: [...(await model.tokenize(""))],
          };
        },
        [device],
      );
      // Either answer is right, so long as it is one: an empty result, or an error that says so.
      assert.ok(["stop", "length"].includes(results.generate) || results.generate.isNanolmError, JSON.stringify(results));
      assert.ok(Array.isArray(results.points) ? results.points.length === 0 : results.points.isNanolmError, JSON.stringify(results));
      assert.deepEqual(results.ids, []);
    });

    test("dispose rejects what is open, ends the worker, and can be said twice", async () => {
      const own = await openPage(browser, app);
      const { open, later, workers } = await own.evaluate(
        async ([device, prompt]) => {
          const model = await nanolm.Model.load(undefined, { device });
          const stream = model.generate(prompt, { maxNewTokens: model.info.contextLength - 20, temperature: 3, seed: 1 });
          const queued = model.generate(prompt);
          await stream.getReader().read();
          await model.dispose();
          await model[Symbol.asyncDispose]();
          const open = [await failure(stream.result), await failure(queued.result)];
          return { open, later: await failure(model.generate(prompt).result), workers: await failure(model.tokenize("a")) };
        },
        [device, SHORT],
      );
      for (const error of [...open, later, workers]) {
        assert.equal(error?.code, "model/disposed", JSON.stringify(error));
        assert.equal(error.className, "DisposedError");
      }
      await workersEnd(own);
      assert.deepEqual(await own.evaluate(() => globalThis.unhandled), []);
      await own.context().close();
    });
  });
}

test("CPU and GPU summarize the same", async () => {
  const page = await openPage(browser, app);
  const [cpu, gpu] = await page.evaluate(async (text) => {
    const run = async (device) => {
      const model = await modelOn(device);
      const points = (await model.summarize(text, { type: "key-points" }).result).points.map((point) => point.start);
      return { points, headline: await model.summarize(text, { type: "headline" }).text() };
    };
    return [await run("cpu"), await run("gpu")];
  }, ARTICLE);
  assert.deepEqual(cpu, gpu);
  await page.context().close();
});
