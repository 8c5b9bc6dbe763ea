// Labels of a caller's own: how often the likeliest is right, asked of a chat model and compared by the package's vectors. Run by
// `pkg-scripts/bench instruct MODEL.gguf --data FOLDER [--texts 60] [--out FILE]`; FOLDER has JSON lines of `text` and `label`,
// compressed by xz. What is taken is fixed: every n-th record.
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Model } from "../../pkg-scripts/npm/dist/index.js";

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    texts: { type: "string", default: "60" },
    out: { type: "string", default: new URL("results/instruct.md", import.meta.url).pathname },
  },
});
const [file] = positionals;
for (const [what, path] of [["the model", file], ["the folder of texts", given.data]]) {
  if (path !== undefined && existsSync(path)) continue;
  console.log(`SKIPPED instruct: ${what} is not here${path === undefined ? "" : `: ${path}`}`);
  process.exit(0);
}

/** Labels in words, as a caller would write them. */
const SETS = {
  sentiment: { negative: "negative", positive: "positive" },
  "intent-snips": {
    AddToPlaylist: "add to a playlist",
    BookRestaurant: "book a restaurant",
    GetWeather: "weather forecast",
    PlayMusic: "play music",
    RateBook: "rate a book",
    SearchCreativeWork: "find a film, song or book",
    SearchScreeningEvent: "cinema showtimes",
  },
};

const n = Number(given.texts);
const model = await Model.load(file, { device: "cpu" });
const rows = [];
for (const [name, words] of Object.entries(SETS)) {
  const packed = execFileSync("xz", ["-dc", join(given.data, `${name}.jsonl.xz`)], { maxBuffer: 2 ** 30 }).toString("utf8");
  const all = packed.trimEnd().split("\n");
  const texts = Array.from({ length: n }, (_, i) => JSON.parse(all[Math.floor((i * all.length) / n)]));
  const labels = Object.values(words);
  const right = { instruction: 0, package: 0 };
  for (const { text, label } of texts) {
    for (const method of Object.keys(right)) {
      const [best] = await model.classify(text, labels, { method });
      if (best.label === words[label]) right[method] += 1;
    }
  }
  const most = Math.max(...Object.keys(words).map((label) => texts.filter((text) => text.label === label).length));
  rows.push({ name, labels: labels.length, most, ...right });
  console.log(rows.at(-1));
}
await model.dispose();

const share = (count) => `${Math.round((100 * count) / n)} %`;
const table = rows.map((row) => `| ${row.name} | ${row.labels} | ${share(row.instruction)} | ${share(row.package)} | ${share(row.most)} |`);
writeFileSync(
  given.out,
  `# Labels of your own, by a chat model and by the package's vectors

How often the likeliest label is right, ${n} texts of each set, every label in words; written by \`pkg-scripts/bench instruct\`.
The model: ${model.info.name}, ${model.info.weightType}.

| set | labels | \`instruction\` | \`package\` | always the commonest |
| --- | ---: | ---: | ---: | ---: |
${table.join("\n")}
`,
);
console.log(`wrote ${given.out}`);
