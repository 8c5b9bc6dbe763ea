// Greedy tokens of a real model in the built package, beside llama.cpp's: where they first differ, and by how much
// llama.cpp preferred its token there. Run by `pkg-scripts/bench greedy`, which says what the options are.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { Template } from "@huggingface/jinja";
import { engine } from "./engine.mjs";
import { load } from "./llama.mjs";
import { compare, table } from "./report.mjs";

const root = new URL("../../..", import.meta.url).pathname;
const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    llama: { type: "string" },
    tokens: { type: "string", default: "24" },
    only: { type: "string", default: "" },
    out: { type: "string", default: `${root}tests/bench/results` },
  },
});
const [model] = positionals;
for (const [what, path] of [["the model", model], ["node-llama-cpp", given.llama]]) {
  if (path !== undefined && existsSync(path)) continue;
  console.log(`SKIPPED greedy: ${what} is not here${path === undefined ? "" : `: ${path}`}`);
  process.exit(0);
}
const n = Number(given.tokens);
const prompts = JSON.parse(readFileSync(new URL("prompts.json", import.meta.url), "utf8")).filter(({ name }) => name.includes(given.only));
const llama = await load(given.llama, model);

// llama.cpp first: a conversation goes on from what it answered, so that both read the same.
const asked = [];
for (const { name, text, file, characters, before = "", turns, system } of prompts) {
  const read = file === undefined ? "" : readFileSync(root + file, "utf8").slice(0, characters);
  if (turns === undefined) {
    const whole = text ?? before + read;
    asked.push({ name, text: whole, llama: await llama.write(whole, n) });
    continue;
  }
  const messages = system === undefined ? [] : [{ role: "system", content: system }];
  for (const [i, turn] of turns.entries()) {
    messages.push({ role: "user", content: i === 0 ? turn + read : turn });
    const whole = new Template(llama.template).render({ messages, add_generation_prompt: true, tools: null });
    const wrote = await llama.write(whole, n);
    asked.push({ name: turns.length > 1 ? `${name}, turn ${i + 1}` : name, text: whole, llama: wrote });
    messages.push({ role: "assistant", content: wrote.answer });
  }
}
await llama.dispose();

const ours = await engine(model);
const rows = [];
for (const { name, text, llama } of asked) {
  const wrote = await ours.write(text, n);
  rows.push({ name, ...compare(wrote, llama) });
  process.stderr.write(`${name}\n`);
}
await ours.dispose();
const text = table(rows, { model: basename(model), tokens: n, build: ours.build });
console.log(text);
writeFileSync(`${given.out}/greedy.md`, text);
process.exit(rows.some((row) => row.fault) ? 1 : 0);
