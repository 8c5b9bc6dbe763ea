// What Model.check says of families whose settings are their own: mixtures of experts, of which a token reads some, and Falcon, which
// leaves out what its first models had no choice of.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { ROOT } from "../web/support/browser.mjs";

const { Model } = await import(pathToFileURL(join(ROOT, "pkg-scripts/npm/dist/index.js")));
const golden = (folder, file) => join(ROOT, "tests/golden", folder, file);
const asFile = (folder) => (name) => new File([readFileSync(golden(folder, name))], name);
/** The folders have no tokenizers. */
const files = (folder) => ["config.json", "model.safetensors"].map(asFile(folder));

test("a token reads the experts that it takes, and all of them are in memory", async () => {
  for (const [folder, share] of [["tiny-granitemoe", 2 / 6], ["tiny-olmoe", 3 / 5], ["tiny-qwen3moe", 4 / 6]]) {
    // Gate, up and down of each in both layers, in 16 bits.
    const bytes = 2 * (folder === "tiny-olmoe" ? 5 : 6) * 3 * 32 * 32 * 2;
    for (const source of [files(folder), golden(folder, "model-f16.gguf")]) {
      const { fits, memory, devices, speed, types } = await Model.check(source);
      assert.equal(fits, true);
      assert.deepEqual([devices.gpu.usable, devices.gpu.reason], [false, "mixtures of experts run on the CPU"]);
      assert.equal(memory.weights, Object.values(types).reduce((a, b) => a + b, 0));
      // A head of its own leaves the table of tokens aside.
      const table = folder === "tiny-granitemoe" ? 0 : 320 * 32 * 2;
      assert.equal(speed.bytesPerToken, Math.round(memory.weights - table - (1 - share) * bytes), `${folder}: ${memory.weights}`);
    }
  }
});

test("states take the same of every text, and only layers of attention more of longer ones", async () => {
  for (const [folder, layers, state, perToken] of [
    // One layer of two heads: 8 numbers each in 16 bits and a scale, of a key and of a value.
    ["tiny-granitehybrid", 3, 24, 2 * 2 * (8 * 2 + 4)],
    ["tiny-granitehybrid-moe", 3, 24, 2 * 2 * (8 * 2 + 4)],
    ["tiny-mamba2", 3, 16, 0],
  ]) {
    // Of 64 columns in 2 groups: three rows of the convolution, and the states; now and at two earlier places.
    const states = 3 * layers * (3 * (64 + 4 * state) + 64 * state) * 4;
    for (const source of [files(folder), golden(folder, "model-f16.gguf")]) {
      const { fits, reason, memory, devices, contextLength } = await Model.check(source);
      assert.equal(fits, true, reason);
      assert.equal(devices.gpu.reason, folder.endsWith("moe") ? "mixtures of experts run on the CPU" : "state spaces run on the CPU");
      assert.equal(contextLength, perToken > 0 ? 128 : 2 ** 20);
      assert.equal(memory.perToken, perToken, folder);
      assert.equal(memory.atContext[contextLength], memory.weights + states + contextLength * perToken, folder);
    }
  }
});

test("a Falcon's cache is that of the heads that it shares", async () => {
  for (const [folder, kvHeads] of [["tiny-falcon", 1], ["tiny-falcon-grouped", 2], ["tiny-falcon-sequential", 4]]) {
    const gguf = folder === "tiny-falcon-sequential" ? [] : [golden(folder, "model-f16.gguf")];
    const checked = await Promise.all([files(folder), ...gguf].map((source) => Model.check(source)));
    for (const { fits, contextLength, memory } of checked) {
      assert.deepEqual([fits, contextLength], [true, 128]);
      assert.equal(memory.perToken, checked[0].memory.perToken);
    }
    // Two layers of keys and values, 16 numbers a head in 16 bits, with a scale each.
    assert.equal(checked[0].memory.perToken, 2 * 2 * kvHeads * (16 * 2 + 4), folder);
  }
});
