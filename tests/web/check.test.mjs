// Model.check: whether a model can run here, by the headers of its files.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp } from "./support/app.mjs";
import { launch, ROOT } from "./support/browser.mjs";
import { gguf } from "./support/gguf.mjs";

const TINY = "/golden/tiny-llama/model-q8_0.gguf";
/** The server gives parts of a file that is asked for in this way, and counts what it sends. */
const IN_PARTS = "?first=none&at=99999999";

let app;
let browser;
let page;
before(async () => {
  app = await serveApp();
  browser = await launch({ gpu: "none" });
  page = await openPage(browser, app);
  await page.evaluate(async () => {
    globalThis.nanolm = await import("/nanolm/index.js");
    globalThis.failure = (promise) => promise.then(() => "no error", (error) => ({ name: error.name, code: error.code, message: error.message }));
  });
});
after(async () => {
  await browser?.close();
  await app?.close();
});

const LLAMA = {
  "general.architecture": "llama",
  "general.name": "built for the test",
  "llama.block_count": 2,
  "llama.embedding_length": 64,
  "llama.attention.head_count": 4,
  "llama.attention.head_count_kv": 2,
  "llama.context_length": 4096,
};

/** Checks a file made of these parts, and loads it. */
async function both(metadata, tensors) {
  const bytes = [...gguf(metadata, tensors)];
  return page.evaluate(async (bytes) => {
    const checked = await nanolm.Model.check(Uint8Array.from(bytes));
    return { checked, loaded: await failure(nanolm.Model.load(Uint8Array.from(bytes), { device: "cpu" })) };
  }, bytes);
}

describe("Model.check", () => {
  const models = ["tiny-llama", "tiny-gpt2", "split", "tiny-bert", "tiny-bert-labels", "tiny-bert-pairs", "tiny-distilbert", "tiny-roberta", "tiny-modernbert", "tiny-nomic", "tiny-bert-masked", "tiny-qwen3embed"].map((name) => `/golden/${name}/`);
  const files = ["tiny-llama/model-q4_0", "tiny-gemma3/model-f16", "tiny-phi3/model-f16", "tiny-granite/model-f16", "split/model-00001-of-00003", "tiny-bert/model-f16", "tiny-modernbert/model-f16", "tiny-nomic/model-f16"];
  for (const source of [undefined, ...models, ...files.map((name) => `/golden/${name}.gguf`)]) {
    test(`says what loading says: ${source ?? "the default model"}`, async () => {
      const { checked, info } = await page.evaluate(async (source) => {
        const checked = await nanolm.Model.check(source ?? undefined);
        const model = await nanolm.Model.load(source ?? undefined, { device: "cpu" });
        await model.dispose();
        return { checked, info: model.info };
      }, source);
      assert.deepEqual([checked.fits, checked.reason, checked.code], [true, undefined, undefined]);
      for (const key of ["name", "architecture", "contextLength", "weightType", "methods"]) assert.deepEqual(checked[key], info[key], key);
      assert.deepEqual([...checked.tasks].sort(), [...info.tasks].sort());
      assert.equal(checked.devices.cpu.build, info.device.build);
      // Of most encoders' files some weights are of no use for a vector.
      const isEncoder = !info.tasks.includes("generate");
      const hasUnused = isEncoder && !/modernbert|qwen3/.test(source);
      assert.ok(hasUnused ? checked.parameters > info.parameters : checked.parameters === info.parameters, `${checked.parameters} and ${info.parameters}`);
      assert.equal(checked.speed === undefined, isEncoder);
      assert.equal(Object.values(checked.types).reduce((sum, bytes) => sum + bytes), checked.memory.weights);
    });
  }

  test("the default model: bytes, memory, devices, speed", async () => {
    const found = await page.evaluate(() => nanolm.Model.check(undefined, { cache: false, build: "simd128" }));
    assert.equal(found.bytes, statSync(join(ROOT, "pkg-scripts/npm/model/nanolm-default.gguf")).size);
    // 4 layers, 2 heads of 32 for keys and values: 16 bits an element, and two scales in f32.
    const perToken = 4 * 2 * (32 * 2 + 32 * 2 + 8);
    const { weights } = found.memory;
    assert.deepEqual(found.memory, { weights, perToken, atContext: { 512: weights + 512 * perToken, 1024: weights + 1024 * perToken } });
    assert.deepEqual([found.cached, found.devices.cpu.usable, found.devices.cpu.build, found.devices.cpu.threads], [0, true, "simd128", 1]);
    assert.equal(found.devices.gpu.usable, false);
    assert.match(found.devices.gpu.reason, /WebGPU|adapter/);
    // Its output is its embedding: all of it is read for each token.
    assert.equal(found.speed.bytesPerToken, weights);
    assert.ok(found.speed.tokensPerSecond > 0 && found.speed.bytesPerSecond > 0);
    assert.ok(["fast", "usable", "slow"].includes(found.speed.class));
  });

  test("fetches the header and no engine, and starts no worker", async () => {
    const url = `/nanolm/model/nanolm-default.gguf${IN_PARTS}`;
    const before = app.requests.length;
    const workers = page.workers().length;
    const found = await page.evaluate((url) => nanolm.Model.check(url, { cache: false }), url);
    const requests = app.requests.slice(before);
    assert.equal(page.workers().length, workers);
    assert.deepEqual(requests.filter(({ path }) => path.endsWith(".wasm") || path.includes("worker")), []);
    const parts = requests.filter(({ of }) => of === url);
    assert.ok(parts.every(({ method, range }) => method === "GET" && range !== undefined), JSON.stringify(parts));
    const sent = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    const header = found.bytes - found.memory.weights;
    assert.ok(sent >= header / 2 && sent < 2 * header + 65_536, `${sent} of ${found.bytes} bytes, ${header} are no weights`);
  });

  test("a server without parts, one without a length, and one that compresses", async () => {
    const found = await page.evaluate(async (url) => {
      const of = async (query) => {
        const { fits, bytes, parameters } = await nanolm.Model.check(`${url}${query}`, { cache: false });
        return [fits, bytes, parameters > 0];
      };
      return Promise.all(["", "?nolength", "?gzip"].map(of));
    }, TINY);
    const size = statSync(join(ROOT, "tests", TINY)).size;
    assert.ok(found.every(([fits, , hasWeights]) => fits && hasWeights));
    assert.deepEqual(found.map(([, bytes]) => bytes ?? null), [size, null, null]);
  });

  test("the same model as bytes, Blob, Response, list of Files and by name", async () => {
    const found = await page.evaluate(async (url) => {
      const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
      const folder = async (name) => new File([await (await fetch(`/golden/tiny-llama/${name}`)).blob()], name);
      const names = ["config.json", "tokenizer.json", "model.safetensors"];
      const sources = [url, bytes, bytes.buffer, new Blob([bytes]), new File([bytes], "own.gguf"), await fetch(url), { "model.gguf": bytes }];
      const one = await Promise.all(sources.map((source) => nanolm.Model.check(source)));
      const chosen = await nanolm.Model.check(await Promise.all(names.map(folder)));
      const address = await nanolm.Model.check("/golden/tiny-llama/");
      const same = ({ fits, name, architecture, parameters, types, contextLength, memory, tasks }) => JSON.stringify({ fits, name, architecture, parameters, types, contextLength, memory, tasks });
      return { one: one.map(same), folder: [chosen, address].map(same), cached: chosen.cached };
    }, TINY);
    assert.equal(new Set(found.one).size, 1);
    assert.equal(new Set(found.folder).size, 1);
    assert.equal(found.cached, 0);
    assert.match(found.one[0], /^\{"fits":true/);
  });

  test("what cannot run is an answer, with the code that loading ends with", async () => {
    const tensors = [{ name: "token_embd.weight", shape: [32, 64], type: 0 }];
    const cases = [
      [{ ...LLAMA, "general.architecture": "mamba" }, tensors, /architecture "mamba" is not supported; supported: llama, /],
      [{ ...LLAMA, "llama.expert_count": 8 }, tensors, /llama\.expert_count of 8 is not supported/],
      [{ ...LLAMA, "tokenizer.ggml.model": "rwkv" }, tensors, /tokenizer "rwkv" is not supported/],
      [{ ...LLAMA, "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "viking" }, tensors, /pre-tokenizer "viking" is not supported/],
    ];
    for (const [metadata, tensors, reason] of cases) {
      const { checked, loaded } = await both({ ...metadata, "llama.feed_forward_length": 128, "llama.attention.layer_norm_rms_epsilon": 1e-5 }, tensors);
      assert.deepEqual([checked.fits, checked.code, checked.tasks, checked.speed], [false, "model/unsupported", [], undefined]);
      assert.match(checked.reason, reason);
      assert.equal(loaded.code, "model/unsupported", loaded.message);
      assert.equal(checked.parameters, 32 * 64);
    }
    // Of a type that is known by name alone the size is not known.
    const { checked } = await both(LLAMA, [...tensors, { name: "blk.0.attn_q.weight", shape: [256, 256], type: 18 }]);
    assert.deepEqual([checked.fits, checked.code], [false, "model/unsupported"]);
    assert.match(checked.reason, /blk\.0\.attn_q\.weight is stored as IQ3_XXS/);
  });

  test("a folder of another class, and a model too large for the engine's addresses", async () => {
    const size = 5_000_000_000;
    const header = [...gguf(LLAMA, [{ name: "token_embd.weight", shape: [1_000_000, 1024], type: 0 }], { bytes: false })];
    const found = await page.evaluate(
      async ([header, size]) => {
        const config = new File([JSON.stringify({ architectures: ["MambaForCausalLM"] })], "config.json");
        const weights = new File([new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0]), "{}"], "model.safetensors");
        const { fetch } = globalThis;
        const part = new Uint8Array(65536);
        part.set(header);
        globalThis.fetch = async () => new Response(part, { status: 206, headers: { "content-range": `bytes 0-65535/${size}` } });
        try {
          return [await nanolm.Model.check([config, weights]), await nanolm.Model.check("/large.gguf", { cache: false })];
        } finally {
          globalThis.fetch = fetch;
        }
      },
      [header, size],
    );
    const [other, large] = found;
    assert.deepEqual([other.fits, other.code, other.architecture], [false, "model/unsupported", "MambaForCausalLM"]);
    assert.deepEqual([large.fits, large.code, large.bytes, large.contextLength], [false, "memory/exhausted", size, 4096]);
    assert.match(large.reason, /5000000000 bytes.*at most 3221225472/);
    // 1 layer more or less is to be seen: 2 layers, 2 heads of 16.
    assert.equal(large.memory.perToken, 2 * 2 * (16 * 2 + 16 * 2 + 8));
    assert.deepEqual(Object.keys(large.memory.atContext), ["512", "2048", "4096"]);
  });

  test("what cannot be read is an error, as for loading", async () => {
    const whole = readFileSync(join(ROOT, "tests", TINY));
    const found = await page.evaluate(
      async ([url, whole]) => {
        const bytes = Uint8Array.from(whole);
        const { check } = nanolm.Model;
        const stopped = AbortSignal.abort(new Error("enough"));
        const sources = ["/none.gguf", `${url}?page`, bytes.slice(0, 1000), bytes.slice(0, -100), new TextEncoder().encode("no model at all"), new Uint8Array()];
        const damaged = bytes.slice();
        damaged.fill(255, 24, 32);
        return [
          ...(await Promise.all([...sources, damaged].map((source) => failure(check(source))))).map(({ code }) => code),
          await failure(check(url, { signal: stopped })),
          await failure(check(url, { device: "cpu" })),
          await failure(check(url, { signal: {} })),
          await failure(check(url, { threads: 0 })),
        ];
      },
      [TINY, [...whole]],
    );
    const codes = ["download/status", "download/not-a-file", "format/truncated", "format/truncated", "model/missing-file", "model/missing-file", "format/truncated"];
    assert.deepEqual(found.slice(0, 7), codes);
    assert.equal(found[7].message, "enough");
    assert.deepEqual(found.slice(8).map(({ code }) => code), ["option/invalid", "option/invalid", "option/invalid"]);
    assert.match(found[8].message, /option device: expected one of hub, assetsUrl, cache/);
  });

  test("counts what is kept, and needs no network for it", async () => {
    const own = await openPage(browser, app);
    const found = await own.evaluate(async (sources) => {
      const { Model } = await import("/nanolm/index.js");
      const before = await Promise.all(sources.map((source) => Model.check(source)));
      for (const source of sources) await (await Model.load(source, { device: "cpu" })).dispose();
      const { fetch } = globalThis;
      const asked = [];
      globalThis.fetch = (...request) => {
        asked.push(String(request[0]));
        return fetch(...request);
      };
      const kept = await Promise.all(sources.map((source) => Model.check(source)));
      return { before, kept, unkept: await Model.check(sources[0], { cache: false }), asked };
    }, [TINY, "/golden/tiny-gpt2/"]);
    for (const [i, { cached, bytes, ...other }] of found.kept.entries()) {
      assert.ok(bytes > 0 && cached === bytes, `${cached} of ${bytes}`);
      assert.equal(found.before[i].cached, 0);
      assert.deepEqual(other.memory, found.before[i].memory);
    }
    assert.equal(found.unkept.cached, 0);
    // Besides what is asked for without a look into the store: files of the folder that are not there cannot be kept.
    const missing = ["tokenizer_config.json", "chat_template.jinja", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json"];
    const rest = found.asked.map((url) => new URL(url).pathname).filter((path) => !missing.some((name) => path.endsWith(name)));
    assert.deepEqual(rest, [TINY]);
    await own.close();
  });
});
