// node tests/bench/masks.mjs: what a mask costs, in microseconds a token: a small vocabulary, and those of ../shared/weights. Texts are
// written by taking any token that may come. Needs pkg-scripts/npm/dist/grammar.wasm (pkg-scripts/build).
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { randomOf, randomSchema } from "../web/support/schemas.mjs";

const ROOT = join(import.meta.dirname, "../..");
const SHARED = join(ROOT, "../shared/weights/gguf-vocabularies");
const SCHEMAS = 60;
const TEXTS = 3;
const LONGEST = 150;

const SUPPORT_TICKET = {
  type: "object",
  properties: {
    title: { type: "string" },
    priority: { enum: ["low", "medium", "high"] },
    due: { type: "string", format: "date" },
    tags: { type: "array", items: { type: "string" }, maxItems: 5 },
    owner: { anyOf: [{ type: "object", properties: { name: { type: "string" }, mail: { type: "string" } }, required: ["name", "mail"], additionalProperties: false }, { type: "null" }] },
  },
  required: ["title", "priority", "due", "tags", "owner"],
  additionalProperties: false,
};

/** The bytes that GPT-2's way of writing bytes as characters stands for. */
function byteLevel() {
  const shown = [[33, 126], [161, 172], [174, 255]].flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
  const hidden = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !shown.includes(byte));
  return new Map([...shown.map((byte) => [byte, byte]), ...hidden.map((byte, i) => [256 + i, byte])]);
}

/** The tokens of a GGUF file with a byte-level vocabulary; nothing of another kind. */
function tokensOf(file) {
  const bytes = readFileSync(file);
  let at = 24;
  const u32 = () => bytes.readUInt32LE((at += 4) - 4);
  const u64 = () => Number(bytes.readBigUInt64LE((at += 8) - 8));
  const text = () => bytes.toString("utf8", at + 8, (at += 8 + Number(bytes.readBigUInt64LE(at))));
  const SIZES = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
  const value = (type) => {
    if (type === 8) return text();
    if (type !== 9) return bytes.subarray(at, (at += SIZES[type]));
    const each = u32();
    return Array.from({ length: u64() }, () => value(each));
  };
  const found = {};
  for (let n = Number(bytes.readBigUInt64LE(16)); n > 0; n--) {
    const key = text();
    found[key] = value(u32());
  }
  if (found["tokenizer.ggml.model"] !== "gpt2") return undefined;
  const level = byteLevel();
  const kinds = found["tokenizer.ggml.token_type"].map((kind) => kind.readInt32LE());
  return found["tokenizer.ggml.tokens"].map((token, id) => (kinds[id] === 1 ? Buffer.from([...token].map((c) => level.get(c.codePointAt(0)) ?? 0)) : Buffer.alloc(0)));
}

async function measure(name, tokens) {
  const { instance } = await WebAssembly.instantiate(readFileSync(join(ROOT, "pkg-scripts/npm/dist/grammar.wasm")), { env: { now: () => performance.now() } });
  const grammar = instance.exports;
  const give = (bytes) => {
    const place = grammar.reserve(bytes.length);
    new Uint8Array(grammar.memory.buffer).set(bytes, place);
  };
  const said = () => Buffer.from(grammar.memory.buffer.slice(grammar.answer(), grammar.answer() + grammar.answer_length()));
  const head = Buffer.alloc(4 + 4 * tokens.length);
  head.writeUInt32LE(tokens.length, 0);
  let end = 0;
  tokens.forEach((token, i) => head.writeUInt32LE((end += token.length), 4 + 4 * i));
  give(Buffer.concat([head, ...tokens]));
  const started = performance.now();
  if (grammar.vocabulary() < 0) throw new Error(String(said()));
  const vocabulary = performance.now() - started;
  const compiled = [];
  const masks = [];
  for (const [i, schema] of [SUPPORT_TICKET, ...Array.from({ length: SCHEMAS }, (_, seed) => randomSchema(seed))].entries()) {
    give(Buffer.from(JSON.stringify(schema)));
    const before = performance.now();
    const id = grammar.json();
    compiled.push(performance.now() - before);
    if (id < 0) throw new Error(String(said()));
    for (let text = 0; text < TEXTS; text++) {
      const random = randomOf(100 * i + text);
      let token;
      for (let n = 0; n < LONGEST; n++) {
        const from = performance.now();
        const state = token === undefined ? grammar.begin(id) : grammar.advance(id, token);
        masks.push(1000 * (performance.now() - from));
        if (state < 0) throw new Error(String(said()));
        if (state === 1) break;
        const bits = said();
        const allowed = [];
        for (let t = 0; t <= tokens.length; t++) if ((bits[t >> 3] >> (t & 7)) & 1) allowed.push(t);
        token = allowed[Math.floor(random() * allowed.length)];
        if (token === tokens.length) break;
      }
    }
  }
  const at = (list, share) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * share)];
  const cells = [name, tokens.length, vocabulary.toFixed(0), at(compiled, 0.5).toFixed(1), masks.length, at(masks, 0.5).toFixed(0), (masks.reduce((a, b) => a + b) / masks.length).toFixed(0), at(masks, 0.95).toFixed(0), at(masks, 1).toFixed(0)];
  console.log(`| ${cells.join(" | ")} |`);
}

console.log("| vocabulary | tokens | taken in, ms | a schema, ms (median) | masks | µs (median) | µs (mean) | µs (95 %) | µs (most) |");
console.log("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
const { model } = JSON.parse(readFileSync(join(ROOT, "tests/golden/tiny-llama/tokenizer.json"), "utf8"));
const ids = Object.entries(model.vocab).sort(([, a], [, b]) => a - b);
const level = byteLevel();
await measure("tiny", ids.map(([token]) => Buffer.from([...token].flatMap((c) => level.get(c.codePointAt(0)) ?? [...Buffer.from(c)]))));
if (!existsSync(SHARED)) console.log("SKIPPED: large vocabularies: ../shared/weights/gguf-vocabularies is not there");
else {
  for (const name of readdirSync(SHARED).filter((name) => /(gpt-2|falcon|deepseek-llm)\.gguf$/.test(name))) {
    const tokens = tokensOf(join(SHARED, name));
    if (tokens !== undefined) await measure(name.replace(/^ggml-vocab-|\.gguf$/g, ""), tokens);
  }
}
