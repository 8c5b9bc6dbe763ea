// What a load takes beside the model's own bytes, in counts: the engine's memory, and what the browser is given besides, which it lets go only when
// it collects its garbage. `pkg-scripts/bench memory` measures the whole process.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPage, serveApp, workersEnd } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { gguf } from "./support/gguf.mjs";

const [WIDTH, INNER, LAYERS, TOKENS] = [512, 1536, 8, 16_384];
const Q8_0 = 8;
const matrix = (name, rows, columns) => ({ name: `${name}.weight`, shape: [rows, columns], type: Q8_0, length: (rows * columns * 34) / 32 });
const norm = (name) => ({ name: `${name}.weight`, shape: [WIDTH], type: 0 });
const MODEL = gguf(
  {
    "general.architecture": "llama",
    "llama.context_length": 256,
    "llama.embedding_length": WIDTH,
    "llama.block_count": LAYERS,
    "llama.feed_forward_length": INNER,
    "llama.attention.head_count": 8,
    "llama.attention.head_count_kv": 8,
    "llama.attention.layer_norm_rms_epsilon": 0.00001,
    "llama.vocab_size": TOKENS,
  },
  [
    matrix("token_embd", TOKENS, WIDTH),
    norm("output_norm"),
    ...Array.from({ length: LAYERS }, (_, i) => [
      norm(`blk.${i}.attn_norm`),
      norm(`blk.${i}.ffn_norm`),
      ...["q", "k", "v", "output"].map((name) => matrix(`blk.${i}.attn_${name}`, WIDTH, WIDTH)),
      matrix(`blk.${i}.ffn_gate`, INNER, WIDTH),
      matrix(`blk.${i}.ffn_up`, INNER, WIDTH),
      matrix(`blk.${i}.ffn_down`, WIDTH, INNER),
    ]).flat(),
  ],
);
const URL = "/models/large.gguf";
/** So much more than the file: the engine itself, and what the model computes in. */
const MOST_BESIDE = 0.25;

describe("a model takes its file's size, and little more", () => {
  let app;
  let browser;
  let page;
  before(async () => {
    app = await serveApp({ mounts: { "/models/": (rest) => (rest === "large.gguf" ? MODEL : undefined) } });
    browser = await launch({ gpu: "none" });
    page = await openPage(browser, app);
  });
  after(async () => {
    await browser?.close();
    await app?.close();
  });

  /** Bytes of the engine's memory, and of what the worker was given in memory of its own. */
  const loaded = async (from, options) => {
    await page.evaluate(
      async ([url, from, options]) => {
        const { Model } = await import("/broken/watched/index.js");
        const source = from === "file" ? new File([await (await fetch(url)).blob()], "large.gguf") : url;
        globalThis.held = await Model.load(source, { device: "cpu", ...options });
      },
      [URL, from, options],
    );
    const [worker] = page.workers();
    const found = await worker.evaluate(() => ({ memory: globalThis.wasmMemory.buffer.byteLength, own: globalThis.own }));
    await page.evaluate(() => globalThis.held.dispose());
    await workersEnd(page);
    return found;
  };

  for (const [name, from, options] of [
    ["from the network", "address", { cache: false }],
    ["from the network, and kept", "address", {}],
    ["from what is kept", "address", {}],
    ["from a file", "file", {}],
  ]) {
    test(name, async () => {
      const { memory, own } = await loaded(from, options);
      assert.ok(memory > MODEL.length, `${memory} bytes hold no ${MODEL.length}`);
      assert.ok(memory <= (1 + MOST_BESIDE) * MODEL.length, `${memory} bytes of memory for a file of ${MODEL.length}`);
      // The engine's own file is hashed as a whole.
      assert.ok(own <= MOST_BESIDE * MODEL.length, `${own} bytes of pieces in memory of their own, for a file of ${MODEL.length}`);
    });
  }
});
