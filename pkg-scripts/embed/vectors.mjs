// node pkg-scripts/embed/vectors.mjs MODEL [--threads N] < texts.jsonl > vectors: the vectors of texts, a JSON string a line, by the built
// package as anyone runs it: f32, little endian. MODEL is a file or a folder.
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { Model } from "../npm/dist/index.js";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { threads: { type: "string" } } });
const TOGETHER = 256;

const texts = (await text(process.stdin)).split("\n").filter(Boolean).map((line) => JSON.parse(line));
const threads = values.threads === undefined ? undefined : Number(values.threads);
const model = await Model.load(positionals[0], { device: "cpu", cache: false, threads });
const began = performance.now();
for (let at = 0; at < texts.length; at += TOGETHER) {
  for (const vector of await model.embed(texts.slice(at, at + TOGETHER))) {
    process.stdout.write(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
  }
}
const seconds = (performance.now() - began) / 1000;
console.error(`${texts.length} texts in ${seconds.toFixed(1)} s, ${model.device.build}`);
await model.dispose();
