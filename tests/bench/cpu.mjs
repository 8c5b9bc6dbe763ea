// Speed of the CPU backend alone, one thread, random weights of a fixed seed, in Node's wasm engine:
//
//   cargo build --release --no-default-features --features bench --example bench-cpu --target wasm32-unknown-unknown
//   node tests/bench/cpu.mjs <path of bench_cpu.wasm> [15m|135m] [f32,f16,q8_0,q4_0] [simd128|scalar] [--cpu-time]
//
// --cpu-time counts the processor's time instead of the clock's: on a busy machine, nearer to what a free one does.
// Prints medians of several runs with their range, as tokens per second.
import { readFile } from "node:fs/promises";

const [path, shape = "15m", dtypes = "q8_0,q4_0,f16,f32", level = "simd128"] = process.argv.slice(2).filter((a) => !a.startsWith("--"));
const cpuTime = process.argv.includes("--cpu-time");
if (!path) throw new Error("usage: node tests/bench/cpu.mjs <bench_cpu.wasm> [15m|135m] [dtypes] [level]");
const runs = shape === "15m" ? 7 : 3;

const module = await WebAssembly.compile(await readFile(path));
// The crate's JavaScript surface is linked in but never called here.
const imports = {};
for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
  if (kind !== "function") throw new Error(`unexpected import ${from}.${name}: ${kind}`);
  (imports[from] ??= {})[name] = () => {
    throw new Error(`${from}.${name} called`);
  };
}

const now = () => {
  if (!cpuTime) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const summary = (rates) => {
  rates.sort((a, b) => a - b);
  const show = (x) => x.toFixed(x < 100 ? 1 : 0);
  return `${show(rates[rates.length >> 1])} (${show(rates[0])}-${show(rates.at(-1))})`;
};

console.log("| weights | MB read per token | decode tok/s | prefill 128 tok/s | prefill 512 tok/s | 16-token prompt, ms |");
console.log("|---|---|---|---|---|---|");
for (const dtype of dtypes.split(",")) {
  const { exports } = await WebAssembly.instantiate(module, imports);
  const bytes = exports.bench_load(["15m", "135m"].indexOf(shape), ["f32", "f16", "q8_0", "q4_0"].indexOf(dtype), level === "scalar" ? 0 : 1);
  if (!bytes) throw new Error(`cannot run ${shape} ${dtype} ${level}`);
  const timed = (run) => {
    const start = now();
    if (Number.isNaN(run())) throw new Error("a forward pass failed");
    return now() - start;
  };
  const results = { decode: [], 128: [], 512: [], first: [] };
  // The first round only warms the engine's compiler up.
  for (let run = 0; run <= runs; run++) {
    const round = {};
    for (const n of [128, 512]) round[n] = (n * 1000) / timed(() => exports.bench_prefill(n));
    round.first = timed(() => exports.bench_prefill(16));
    round.decode = 64_000 / timed(() => exports.bench_decode(64));
    if (run > 0) for (const key of Object.keys(results)) results[key].push(round[key]);
  }
  const cells = [results.decode, results[128], results[512], results.first].map(summary);
  console.log(`| ${dtype} | ${(bytes / 1e6).toFixed(1)} | ${cells.join(" | ")} |`);
}
