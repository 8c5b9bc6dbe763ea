// Greedy tokens of a real model natively, beside llama.cpp's: where they first differ, and how near the two best logits were there.
//
//   node tests/bench/greedy/run.mjs MODEL.gguf --llama FOLDER [--ours FILE] [--exact] [--tokens 24] [--only TEXT] [--out FOLDER]
//
// Our native kernels are scalar: expect seconds a token for a model of 0.5B. FOLDER has node-llama-cpp installed: npm i -E node-llama-cpp@3.21.1 --ignore-scripts. `--ours` is the example bench-greedy, where cargo
// shall not build it. `--exact` holds both against the same weights computed in f32, which takes a while.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { Template } from "@huggingface/jinja";
import { load } from "./llama.mjs";
import { compare, table } from "./report.mjs";

const root = new URL("../../..", import.meta.url).pathname;
const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    llama: { type: "string" },
    ours: { type: "string" },
    exact: { type: "boolean" },
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

const lines = asked.map(({ text }) => JSON.stringify({ text, tokens: n })).join("\n");
const cargo = ["cargo", "run", "--quiet", "--release", "--features", "bench", "--example", "bench-greedy", "--"];
const run = (...more) => {
  const [command, ...args] = [...(given.ours === undefined ? cargo : [given.ours]), model, ...more];
  const { status, stdout, error } = spawnSync(command, args, { cwd: root, input: lines, stdio: ["pipe", "pipe", "inherit"], maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} ended with ${error?.message ?? status}`);
  return stdout.toString().trim().split("\n").map((line) => JSON.parse(line));
};
const ours = run();
const exact = given.exact ? run("--exact") : undefined;
const rows = asked.map((one, i) => ({ name: one.name, ...compare(ours[i], one.llama, exact?.[i]) }));
const text = table(rows, { model: basename(model), tokens: n, exact: given.exact === true });
console.log(text);
writeFileSync(`${given.out}/greedy.md`, text);
const raw = asked.map(({ name, llama }, i) => ({ name, llama, ours: ours[i], exact: exact?.[i] }));
if (process.env.NANOLM_GREEDY_RAW) writeFileSync(process.env.NANOLM_GREEDY_RAW, JSON.stringify(raw));
process.exit(rows.some((row) => row.fault) ? 1 : 0);
