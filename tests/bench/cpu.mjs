// Speed of the CPU backend alone, random weights of a fixed seed, in Chromium or in Node's wasm engine:
//
//   RUSTFLAGS="-C target-feature=+simd128,+relaxed-simd" cargo build --release --no-default-features --features bench \
//     --example bench-cpu --target wasm32-unknown-unknown
//   node tests/bench/cpu.mjs <path of bench_cpu.wasm> [default|15m|135m] [f32,f16,q8_0,q4_0] [relaxed|simd128|scalar] [--node] [--at=<position>]
//
// --node runs in Node instead of Chromium, and counts the processor's time instead of the clock's. --at decodes at that position
// of the context too. Prints medians of several runs with their range, as tokens per second.
//
// Several threads, in Node by the clock (relaxed SIMD takes Node 22 or later):
//
//   NANOLM_WASM_BUILD=threads bash -c '. pkg-scripts/toolchain.sh && cargo_wasm rustc --release --no-default-features --features bench \
//     --example bench-cpu -- -Clink-arg=--export=__stack_pointer'
//   node tests/bench/cpu.mjs target/wasm-threads/wasm32-unknown-unknown/release/examples/bench_cpu.wasm 135m q8_0 relaxed --threads=2
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";

const [path, shape = "default", dtypes = "q4_0,q8_0", level = "relaxed"] = process.argv.slice(2).filter((a) => !a.startsWith("--"));
const threads = Number(process.argv.find((a) => a.startsWith("--threads="))?.slice(10) ?? 1);
const inNode = process.argv.includes("--node") || threads > 1;
const at = Number(process.argv.find((a) => a.startsWith("--at="))?.slice(5) ?? 0);
if (!path) throw new Error("usage: node tests/bench/cpu.mjs <bench_cpu.wasm> [default|15m|135m] [dtypes] [level]");

/** Runs in Node or in a page: it uses nothing of this file. Gives rates of each run, and the bytes a token reads. */
async function measure({ module, shape, dtype, level, at, now, runs, memory, startThreads }) {
  if (typeof module === "string") module = await WebAssembly.compile(Uint8Array.from(atob(module), (c) => c.charCodeAt(0)));
  now ??= () => performance.now();
  // The crate's JavaScript surface is linked in but never called here.
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== "function" && !(kind === "memory" && memory)) throw new Error(`unexpected import ${from}.${name}: ${kind}`);
    const refuse = () => {
      throw new Error(`${from}.${name} called`);
    };
    (imports[from] ??= {})[name] = kind === "memory" ? memory : refuse;
  }
  // For `bench_profile` and `bench_profile_decode`; pages round the time, so that its sums are right only on average.
  imports.bench = { now: () => performance.now() };
  const { exports } = await WebAssembly.instantiate(module, imports);
  await startThreads?.(module, exports);
  const bytes = exports.bench_load(["default", "15m", "135m"].indexOf(shape), ["f32", "f16", "q8_0", "q4_0"].indexOf(dtype), ["scalar", "simd128", "relaxed"].indexOf(level));
  if (!bytes) throw new Error(`cannot run ${shape} ${dtype} ${level}`);
  const timed = (run) => {
    const start = now();
    if (Number.isNaN(run())) throw new Error("a forward pass failed");
    return now() - start;
  };
  const results = { decode: [], 128: [], 512: [], first: [], at: [] };
  // The first round only warms the engine's compiler up.
  for (let run = 0; run <= runs; run++) {
    const round = {};
    for (const n of [128, 512]) round[n] = (n * 1000) / timed(() => exports.bench_prefill(n));
    round.first = timed(() => exports.bench_prefill(16));
    round.decode = 64_000 / timed(() => exports.bench_decode(64));
    if (at) {
      exports.bench_prefill(at);
      round.at = 64_000 / timed(() => exports.bench_decode(64));
    }
    if (run > 0) for (const key of Object.keys(results)) if (key in round) results[key].push(round[key]);
  }
  const profile = [128, 512].map((n) => [0, 1, 2].map((kind) => exports.bench_profile(n, kind)));
  profile.push([0, 1, 2, 3, 4, 5].map((kind) => (exports.bench_prefill(128), exports.bench_profile_decode(64, kind))));
  return { bytes, results, profile };
}

/** Threads that share the work, on the same memory, until the process ends. */
async function startThreads(module, exports) {
  if (!exports.__tls_align) throw new Error("--threads: this module was built without threads, see the top of cpu.mjs");
  const STACK = 1 << 20;
  const { value: align } = exports.__tls_align;
  for (let i = 1; i < threads; i++) {
    const stack = exports.bench_memory(STACK) + STACK;
    const local = Math.ceil(exports.bench_memory(exports.__tls_size.value + align) / align) * align;
    const worker = new Worker(new URL("cpu-thread.mjs", import.meta.url), { workerData: { module, memory, stack, local } });
    worker.unref();
    await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  }
}

const summary = (rates) => {
  if (rates.length === 0) return "";
  rates.sort((a, b) => a - b);
  const show = (x) => x.toFixed(x < 100 ? 1 : 0);
  return `${show(rates[rates.length >> 1])} (${show(rates[0])}-${show(rates.at(-1))})`;
};

const cpuTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const wasm = await readFile(path);
const memory = threads > 1 ? new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: true }) : undefined;
const inThisProcess = threads > 1 ? { memory, startThreads } : { now: cpuTime };
const browser = inNode ? undefined : await (await import("../web/support/browser.mjs")).launch();
try {
  const page = await browser?.newPage();
  console.log(`| weights | MB read per token | decode tok/s | prefill 128 tok/s | prefill 512 tok/s | 16-token prompt, ms | decode at ${at} |`);
  console.log("|---|---|---|---|---|---|---|");
  const notes = [];
  for (const dtype of dtypes.split(",")) {
    const options = { shape, dtype, level, at, runs: shape === "135m" ? 3 : 7 };
    const { bytes, results, profile } = page
      ? await page.evaluate(measure, { ...options, module: wasm.toString("base64") })
      : await measure({ ...options, ...inThisProcess, module: await WebAssembly.compile(wasm) });
    const cells = [results.decode, results[128], results[512], results.first, results.at].map(summary);
    console.log(`| ${dtype} | ${(bytes / 1e6).toFixed(1)} | ${cells.join(" | ")} |`);
    for (const [i, [linear, attention, others, ...choosing]] of profile.entries()) {
      notes.push(`${dtype}, ${["prompt of 128", "prompt of 512", "64 tokens after 128"][i]}: linear ${linear.toFixed(0)} ms, attention ${attention.toFixed(0)} ms, others ${others.toFixed(0)} ms${choosing.length ? `; choosing greedily, drawing, from few ${choosing.map((ms) => ms.toFixed(1)).join(", ")} ms` : ""}`);
    }
  }
  console.log(`\n${notes.join("\n")}`);
} finally {
  await browser?.close();
}
