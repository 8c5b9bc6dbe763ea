// node summaries.mjs MODEL.gguf < cases.json: key points, tldr and headline of each case, by the built package on the CPU, as JSON. Run by
// `compare`. A process for each model: it is long work, and nothing of one is left for the other.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const { Model } = await import(new URL("../npm/dist/index.js", import.meta.url));
const model = await Model.load(resolve(process.argv[2]), { device: "cpu" });
const written = [];
for (const { text, whole } of JSON.parse(readFileSync(0, "utf8"))) {
  const { points } = await model.summarize(text, { type: "key-points", length: "short" }).result;
  const tldr = await model.summarize(text, { type: "tldr", length: "short" }).result;
  const headline = whole === undefined ? undefined : await model.summarize(whole, { type: "headline" }).result;
  written.push({ keyPoints: points.map(({ text }) => text).join(" "), tldr: tldr.text, headline: headline?.text });
}
await model.dispose();
console.log(JSON.stringify(written));
