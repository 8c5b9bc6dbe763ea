// Saved indexes and conversations, changed at random from a seed: refused with an error that says so, or taken and used. As
// tests/fuzz does with what the engine reads; NANOLM_FUZZ_SECONDS and NANOLM_FUZZ_SEED are the same.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import { installTarball } from "../web/support/app.mjs";
import { ROOT } from "../web/support/browser.mjs";
import { randomOf } from "../web/support/schemas.mjs";

const SECONDS = Number(process.env.NANOLM_FUZZ_SECONDS ?? 3);
const SEED = Number(process.env.NANOLM_FUZZ_SEED ?? 1);
const LONGEST_MS = 2000;
const PER_BYTE = 16;
const FIXED = 4 << 20;
const WORDS = ["{", "}", "[", "]", ",", ":", '""', "null", "true", "-1", "1e999", "9007199254740993", "0", "0.5", '"ids":', '"lengths":', '"kind":"texts"', '"type":"binary"', '"__proto__":', "[[[[[[", "4294967296", "65536"];
const NUMBERS = [0, 1, 255, 65535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

let search;
let saved;
before(async () => {
  const installed = installTarball("node-app");
  const load = (path) => import(pathToFileURL(join(installed, "dist", path)));
  search = await load("search/index.js");
  saved = await load("model/chat/saved.js");
});

/** Bytes with some changes. */
function mutated(bytes, random) {
  const below = (n) => Math.floor(random() * n);
  let list = [...bytes];
  for (let changes = 1 + below(5); changes > 0; changes--) {
    const at = below(list.length + 1);
    const n = Math.min(1 + below(60), list.length - at);
    switch (below(8)) {
      case 0: if (n > 0) list[at] ^= 1 << below(8); break;
      case 1: if (n > 0) list[at] = below(256); break;
      case 2: [...new Uint8Array(Uint32Array.of(NUMBERS[below(NUMBERS.length)]).buffer)].forEach((byte, i) => { if (at + i < list.length) list[at + i] = byte; }); break;
      case 3: case 4: list.splice(at, below(2) * n, ...new TextEncoder().encode(WORDS[below(WORDS.length)])); break;
      case 5: list.splice(at, n); break;
      case 6: list.splice(below(list.length + 1), 0, ...list.slice(at, at + n)); break;
      default: if (below(8) === 0) list = list.slice(0, at);
    }
  }
  return Uint8Array.from(list);
}

/** The lengths and the checksum that such bytes would have had: without them hardly any damage gets past the first check. */
function sealed(bytes, random) {
  if (bytes.length < 28 || random() < 0.05) return bytes;
  const view = new DataView(bytes.buffer);
  if (random() < 0.9) {
    bytes.set(new TextEncoder().encode("nanolmix"));
    view.setUint32(8, 1, true);
  }
  view.setBigUint64(16, BigInt(bytes.length), true);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

/** Description and parts, of which the description is changed more often. */
function changedIndex(bytes, random) {
  const end = 24 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
  if (random() < 0.2) return sealed(mutated(bytes, random), random);
  const text = mutated(bytes.subarray(24, end), random);
  const rest = random() < 0.3 ? mutated(bytes.subarray(end, -4), random) : bytes.subarray(end, -4);
  const all = new Uint8Array(24 + text.length + rest.length + 4);
  all.set(bytes.subarray(0, 24));
  all.set(text, 24);
  all.set(rest, 24 + text.length);
  new DataView(all.buffer).setUint32(12, text.length, true);
  return sealed(all, random);
}

/** Runs inputs for so long. `use` throws what it refuses them with. */
async function fuzz(name, seeds, change, use, codes) {
  const random = randomOf(SEED);
  let [inputs, taken] = [0, 0];
  const faults = [];
  for (const end = Date.now() + SECONDS * 1000; Date.now() < end && faults.length < 10; inputs++) {
    const input = change(seeds[Math.floor(random() * seeds.length)], random);
    const copy = input.slice();
    const buffers = process.memoryUsage().arrayBuffers;
    const begun = performance.now();
    let fault;
    let result;
    try {
      result = await use(input);
      taken += 1;
    } catch (error) {
      if (!codes.includes(error.code)) fault = `${error.name} ${error.code} ${error.message}`;
      else if (error.message.length > 2048) fault = `a message of ${error.message.length} characters`;
    }
    const held = process.memoryUsage().arrayBuffers - buffers;
    if (performance.now() - begun > LONGEST_MS) fault = `${performance.now() - begun} ms`;
    if (held > PER_BYTE * input.length + FIXED) fault = `${held} bytes held for ${input.length}`;
    if (!Buffer.from(copy.buffer).equals(Buffer.from(input.buffer))) fault = "the input was changed";
    void result;
    if (fault === undefined) continue;
    const folder = join(ROOT, "build/fuzz", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `fault-${inputs}`), copy);
    faults.push(`build/fuzz/${name}/fault-${inputs}: ${fault}`);
  }
  console.log(`${name}: ${inputs} inputs in ${SECONDS} s, ${taken} taken, ${faults.length} faults`);
  assert.deepEqual(faults, []);
  assert.ok(taken > 0 && taken < inputs, "some are taken, and some refused");
}

const PATIENCE = { timeout: (SECONDS + 60) * 1000 };

describe("changed at random", () => {
  const vector = (n, at) => Float32Array.from({ length: n }, (_, i) => Math.sin(1 + i * (at + 2)));
  /** Vectors of texts, the same of the same. */
  const embedder = {
    info: { name: "for the test" },
    embed: async (texts) => texts.map((text) => vector(8, text.length)),
  };

  for (const type of ["float32", "int8", "binary"]) {
    test(`a saved VectorIndex of ${type}`, PATIENCE, async () => {
      const index = new search.VectorIndex({ dimensions: 8, type });
      ["a", 1, "b", 2.5].forEach((id, at) => index.add(id, vector(8, at)));
      const use = (bytes) => {
        const index = search.VectorIndex.load(bytes);
        const found = index.search(vector(index.dimensions, 1), { k: 3 });
        assert.ok(found.every(({ score }) => Number.isFinite(score)), "scores are numbers");
        for (const id of [...index.ids].slice(0, 2)) index.remove(id);
        search.VectorIndex.load(index.save());
        return index;
      };
      await fuzz(`index-${type}`, [index.save()], changedIndex, use, ["index/invalid"]);
    });
  }

  test("a saved TextIndex", PATIENCE, async () => {
    const index = await search.TextIndex.create(embedder);
    await index.add([{ id: "a", text: "The keeper lit the lamp. ".repeat(9), metadata: { x: 1 } }, { id: 2, text: "The sea." }]);
    const use = async (bytes) => {
      const index = await search.TextIndex.load(bytes, embedder);
      for (const { text, score } of await index.search("the lamp", { k: 3 })) assert.ok(typeof text === "string" && Number.isFinite(score));
      index.remove("a");
      return index;
    };
    await fuzz("index-texts", [index.save()], changedIndex, use, ["index/invalid", "index/model"]);
  });

  test("a saved session's conversation", PATIENCE, async () => {
    const bytes = saved.withMessages(new Uint8Array(40).fill(7), [{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello." }]);
    const change = (bytes, random) => {
      const json = mutated(bytes.subarray(40, -12), random);
      const all = new Uint8Array(40 + json.length + 12);
      all.set(bytes.subarray(0, 40));
      all.set(json, 40);
      all.set(bytes.subarray(-12), 40 + json.length);
      if (random() < 0.8) new DataView(all.buffer).setUint32(40 + json.length, json.length, true);
      return random() < 0.2 ? mutated(all, random) : all;
    };
    const use = (bytes) => {
      const { messages } = saved.parted(bytes);
      assert.ok(Array.isArray(messages));
      for (const message of messages) assert.equal(typeof message?.role, "string");
      return messages;
    };
    await fuzz("conversation", [bytes], change, use, ["session/invalid"]);
  });
});
