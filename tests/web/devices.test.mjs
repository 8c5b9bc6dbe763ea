// Choosing the device: GPUs that are missing or fail in every way, and what `auto` makes of them.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { installTarball, openPage, serveApp } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";

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

/** Loads the package at an address with a device; gives the device chosen and a text, or the error. */
const load = (page, base, device) =>
  page.evaluate(
    async ([base, device]) => {
      const { Model } = await import(`${base}index.js`);
      try {
        const model = await Model.load("/golden/tiny-llama/", { device });
        const text = await model.generate("The keeper", { maxNewTokens: 8 }).text();
        return { device: { ...model.device }, text };
      } catch (error) {
        return { error: { name: error.name, code: error.code, message: error.message } };
      }
    },
    [base, device],
  );

test("auto says what it chose and why", async () => {
  const page = await openPage(browser, app);
  const { device, text } = await load(page, "/nanolm/", "auto");
  assert.ok(["cpu", "gpu"].includes(device.kind));
  assert.ok(device.reason.length > 10, device.reason);
  assert.ok(text.length > 0);
  await page.context().close();
});

for (const broken of ["noadapter", "nodevice", "noshaders", "nogpu"]) {
  describe(`a GPU with ${broken}`, () => {
    test("auto falls back to the CPU with a reason", async () => {
      const page = await openPage(browser, app);
      const good = await load(page, "/nanolm/", "cpu");
      const { device, text, error } = await load(page, `/broken/${broken}/`, "auto");
      assert.equal(error, undefined, JSON.stringify(error));
      assert.equal(device.kind, "cpu");
      assert.match(device.reason, /GPU|adapter|WebGPU/i);
      assert.equal(text, good.text);
      await page.context().close();
    });

    test("gpu gives an error that says what to do", async () => {
      const page = await openPage(browser, app);
      const { error } = await load(page, `/broken/${broken}/`, "gpu");
      assert.equal(error?.code, "gpu/failed", JSON.stringify(error));
      assert.equal(error.name, "GpuError");
      assert.match(error.message, /cpu/);
      await page.context().close();
    });
  });
}

test("a browser without WebGPU runs on the CPU", async () => {
  const plain = await launch({ gpu: "none" });
  try {
    const page = await openPage(plain, app);
    const { device, text } = await load(page, "/nanolm/", "auto");
    assert.equal(device.kind, "cpu");
    assert.ok(device.reason.length > 10, device.reason);
    assert.ok(text.length > 0);
  } finally {
    await plain.close();
  }
});

/** Streams 60 tokens on the GPU of the package at an address; gives the pieces, the device before and after, and what a next call says. */
const story = (page, base, device = "gpu") =>
  page.evaluate(
    async ([base, device]) => {
      const { Model } = await import(`${base}index.js`);
      const model = await Model.load("/golden/tiny-llama/", { device });
      const before = { ...model.device };
      const pieces = [];
      const stream = model.generate("Boats came in late", { maxNewTokens: 60 });
      for await (const piece of stream) pieces.push([piece.tokenId, piece.text]);
      const { usage, finishReason } = await stream.result;
      const after = { ...model.device };
      const again = await model.generate("Boats came in late", { maxNewTokens: 60 }).text();
      const end = { ...model.device };
      await model.dispose();
      return { pieces, usage, finishReason, before, after, again, end };
    },
    [base, device],
  );

/** A model that is worth measuring: one layer of 7 MB, with weights from a formula. */
const loadWide = (page, base, options = {}) =>
  page.evaluate(
    async ([base, options]) => {
      const { Model } = await import(`${base}index.js`);
      const [config, tokenizer] = await Promise.all(["config.json", "tokenizer.json"].map((name) => fetch(`/golden/tiny-llama/${name}`).then((r) => r.text())));
      const wide = { ...JSON.parse(config), hidden_size: 256, intermediate_size: 2048, num_hidden_layers: 1, num_attention_heads: 4, num_key_value_heads: 4, head_dim: 64, tie_word_embeddings: true };
      const [d, ff, layer] = [256, 2048, "model.layers.0."];
      const shapes = {
        "model.embed_tokens.weight": [wide.vocab_size, d],
        ...Object.fromEntries(["q", "k", "v", "o"].map((name) => [`${layer}self_attn.${name}_proj.weight`, [d, d]])),
        [`${layer}mlp.gate_proj.weight`]: [ff, d],
        [`${layer}mlp.up_proj.weight`]: [ff, d],
        [`${layer}mlp.down_proj.weight`]: [d, ff],
        [`${layer}input_layernorm.weight`]: [d],
        [`${layer}post_attention_layernorm.weight`]: [d],
        "model.norm.weight": [d],
      };
      const header = {};
      let end = 0;
      for (const [name, shape] of Object.entries(shapes)) {
        const start = end;
        end += 4 * shape.reduce((product, n) => product * n);
        header[name] = { dtype: "F32", shape, data_offsets: [start, end] };
      }
      const text = new TextEncoder().encode(JSON.stringify(header));
      const values = Float32Array.from({ length: end / 4 }, (_, i) => ((i * 7919) % 1000) / 1e4 - 0.05);
      const weights = new Blob([new BigUint64Array([BigInt(text.length)]), text, values]);
      const files = { "config.json": new Blob([JSON.stringify(wide)]), "tokenizer.json": new Blob([tokenizer]), "model.safetensors": weights };
      const model = await Model.load(files, options);
      const pieces = [];
      for await (const piece of model.generate("Boats", { maxNewTokens: 8 })) pieces.push(piece.tokenId);
      const device = { ...model.device };
      await model.dispose();
      return { device, pieces };
    },
    [base, options],
  );

describe("a kernel that is wrong", () => {
  test("is named and avoided, and the tokens are right", async () => {
    const page = await openPage(browser, app);
    const good = await load(page, "/nanolm/", "gpu");
    const { device, text, error } = await load(page, "/broken/wrongkernel/", "gpu");
    assert.equal(error, undefined, JSON.stringify(error));
    assert.equal(device.kind, "gpu");
    assert.match(device.reason, /without kernels that failed: linear\/matvec\+.* was off by \d/);
    assert.doesNotMatch(good.device.reason, /without kernels/);
    assert.equal(text, good.text);
    await page.context().close();
  });

  test("and has no other leaves the GPU, which says what failed", async () => {
    const page = await openPage(browser, app);
    const { error } = await load(page, "/broken/wrongkernels/", "gpu");
    assert.equal(error?.code, "gpu/failed", JSON.stringify(error));
    assert.match(error.message, /does not compute what the CPU computes: .*\/.* was off by/);
    await page.context().close();
  });
});

describe("auto measures", () => {
  test("a model that is worth it on both devices, once", async () => {
    const page = await openPage(browser, app);
    const first = await loadWide(page, "/broken/disguised/");
    const figures = /^CPU: \d+ tokens\/s written.*, GPU: \d+ tokens\/s written/;
    assert.match(first.device.reason, figures);
    assert.doesNotMatch(first.device.reason, /earlier load/);
    const second = await loadWide(page, "/broken/disguised/");
    assert.match(second.device.reason, /measured by an earlier load/);
    assert.equal(second.device.kind, first.device.kind);
    assert.deepEqual(second.pieces, first.pieces);
    // Not kept where nothing is to be kept, and not looked at.
    const uncached = await loadWide(page, "/broken/disguised/", { cache: false });
    assert.match(uncached.device.reason, figures);
    assert.doesNotMatch(uncached.device.reason, /earlier load/);
    await page.context().close();
  });

  test("no adapter that computes on the CPU, and opens none for a small model", async () => {
    const page = await openPage(browser, app);
    const { device } = await loadWide(page, "/nanolm/");
    assert.equal(device.kind, "cpu");
    assert.match(device.reason, /^no GPU: .*it computes on the CPU itself/);
    const small = await load(page, "/broken/noadapter/", "auto");
    assert.match(small.device.reason, /^the model is small: /);
    await page.context().close();
  });
});

describe("a GPU that is lost", () => {
  let whole;
  let page;
  before(async () => {
    page = await openPage(browser, app);
    whole = await story(page, "/nanolm/");
    assert.equal(whole.pieces.length, 60);
    assert.equal(whole.after.kind, "gpu", whole.after.reason);
    assert.match(whole.after.kernels, /^kernels for (CPUs|graphics hardware).*keys and values in f(32|16)$/);
    // Two layers of at most 16 dispatches and five more, as on any adapter that computes on the CPU; at least a token a submit; the
    // prompt comes on top.
    const { perToken, ...all } = whole.usage.gpu;
    assert.ok(perToken.dispatches > 13 && perToken.dispatches <= 37, JSON.stringify(perToken));
    assert.ok(perToken.submits <= 1 && perToken.readbacks === perToken.submits, JSON.stringify(perToken));
    assert.ok(all.dispatches > 59 * perToken.dispatches && all.readbacks > 59 * perToken.readbacks, JSON.stringify(all));
  });
  after(() => page?.context().close());

  for (const [broken, kind, reason] of [
    ["lost", "gpu", /^opened anew after the GPU was lost \(.*agrees with the CPU/],
    ["lostidle", "gpu", /^opened anew after the GPU was lost/],
    ["lostprompt", "gpu", /^opened anew after the GPU was lost/],
    ["losttwice", "cpu", /^moved from the GPU, which was lost .*twice within 60 s/],
    ["lostforgood", "cpu", /^moved from the GPU, which was lost .*no new one/],
  ]) {
    test(`is survived without a gap: ${broken}`, async () => {
      const found = await story(page, `/broken/${broken}/`);
      assert.equal(found.before.kind, "gpu", found.before.reason);
      assert.deepEqual(found.pieces, whole.pieces);
      // What was done again counts for the GPU, not for the tokens.
      const { gpu, ...usage } = found.usage;
      assert.deepEqual({ ...usage, gpu: whole.usage.gpu }, whole.usage);
      assert.ok(gpu.dispatches > 0);
      assert.equal(found.finishReason, whole.finishReason);
      assert.notEqual(found.after.reason, found.before.reason);
      assert.equal(found.end.kind, kind, found.end.reason);
      assert.match(found.end.reason, reason);
      assert.equal(found.end.build, found.before.build);
      assert.equal(found.again, whole.again);
    });
  }

  test("what is read again can be stopped", async () => {
    const found = await page.evaluate(async () => {
      const { Model } = await import("/broken/lostlater/index.js");
      const model = await Model.load(undefined, { device: "gpu" });
      const text = "The keeper lights the lamp and boats come in late. ".repeat(50);
      const session = await model.session();
      await session.append(text);
      const stop = new AbortController();
      const replayed = [];
      const onProgress = ({ phase, loaded, total }) => {
        if (phase !== "replay") return;
        replayed.push([loaded, total]);
        if (loaded > 0) stop.abort();
      };
      const outcome = await session.generate({ maxNewTokens: 4, signal: stop.signal, onProgress }).result.catch((error) => ({ error: error.name }));
      const stopped = [...replayed];
      const ids = [];
      for await (const { tokenId } of session.generate({ maxNewTokens: 4 })) ids.push(tokenId);
      const device = { ...model.device };
      // The same without a loss.
      const whole = await import("/nanolm/index.js");
      const other = await whole.Model.load(undefined, { device: "cpu" });
      const expected = [];
      const like = await other.session();
      await like.append(text);
      for await (const { tokenId } of like.generate({ maxNewTokens: 4 })) expected.push(tokenId);
      await Promise.all([model.dispose(), other.dispose()]);
      return { outcome, stopped, ids, expected, device };
    });
    assert.ok(found.outcome.error === "AbortError" || found.outcome.finishReason === "abort", JSON.stringify(found.outcome));
    const [loaded, total] = found.stopped.at(-1) ?? [];
    assert.ok(total > 600 && loaded > 0 && loaded < total, `read again: ${JSON.stringify(found.stopped)}`);
    assert.equal(found.device.kind, "cpu", found.device.reason);
    assert.deepEqual(found.ids, found.expected);
  });

  const threadless = statSync(join(installTarball("web-app"), "dist/engine-threads.wasm")).size < 1000;
  if (threadless) console.log("SKIPPED threads after a loss: the package was built without them");
  test("threads start where the CPU takes over", { skip: threadless }, async () => {
    const isolated = await serveApp({ isolated: true });
    try {
      const own = await openPage(browser, isolated);
      const found = await own.evaluate(async () => {
        const { Model } = await import("/broken/lostforgood/index.js");
        const model = await Model.load("/golden/tiny-llama/", { device: "gpu", build: "threads", threads: 2 });
        const before = { ...model.device };
        const ids = [];
        for await (const { tokenId } of model.generate("Boats came in late", { maxNewTokens: 60 })) ids.push(tokenId);
        for (let wait = 0; wait < 100 && model.device.threads < 2; wait++) await new Promise((done) => setTimeout(done, 50));
        const device = { ...model.device };
        const again = await model.generate("Boats came in late", { maxNewTokens: 60 }).text();
        await model.dispose();
        return { before, ids, device, again };
      });
      assert.deepEqual([found.before.kind, found.before.threads, found.before.build], ["gpu", 1, "threads"], found.before.reason);
      assert.deepEqual(found.ids, whole.pieces.map(([id]) => id));
      assert.deepEqual([found.device.kind, found.device.threads], ["cpu", 2], found.device.reason);
      assert.match(found.device.reason, /^moved from the GPU, which was lost .*; 2 threads$/);
      assert.equal(found.again, whole.again);
      await own.context().close();
    } finally {
      await isolated.close();
    }
  });
});
