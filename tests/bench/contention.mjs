// Tokens a second with one and two threads, with a quiet second core and with one that another program keeps busy, in Node by the clock:
//
//   NANOLM_WASM_BUILD=threads bash -c '. pkg-scripts/toolchain.sh && cargo_wasm rustc --release --no-default-features --features bench \
//     --example bench-cpu -- -Clink-arg=--export=__stack_pointer'
//   taskset -c 0,1 node tests/bench/contention.mjs target/wasm-threads/wasm32-unknown-unknown/release/examples/bench_cpu.wasm [rounds] [shapes]
//
// `taskset` where there are more than two cores. Configurations take turns; each figure is the median of the rounds, with the range.
import { execFileSync, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";

const [path, rounds = "3", shapes = "default,15m,135m"] = process.argv.slice(2);
if (!path) throw new Error("usage: node tests/bench/contention.mjs <bench_cpu.wasm> [rounds] [default,15m,135m]");
const SHAPES = ["default", "15m", "135m"];
const Q8_0 = 2;
const RELAXED = 2;
// Node 20 hides relaxed SIMD, and there its baseline compiler lets a quarter of such runs end with "a thread died over its part of the work".
if (Number(process.versions.node.split(".")[0]) < 22) throw new Error(`expected Node 22 or later, found ${process.versions.node}`);
/** How long each configuration decodes for. */
const MS = 2500;

/** In a process of its own: how many tokens a second these many threads write. */
async function decode(shape, threads) {
  const module = await WebAssembly.compile(await readFile(path));
  const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: true });
  const imports = { bench: { now: () => performance.now() } };
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const refuse = () => {
      throw new Error(`${from}.${name} called`);
    };
    if (imports[from]?.[name] === undefined) (imports[from] ??= {})[name] = kind === "memory" ? memory : refuse;
  }
  const { exports } = await WebAssembly.instantiate(module, imports);
  const STACK = 1 << 20;
  const { value: align } = exports.__tls_align;
  for (let i = 1; i < threads; i++) {
    const stack = exports.bench_memory(STACK) + STACK;
    const local = Math.ceil(exports.bench_memory(exports.__tls_size.value + align) / align) * align;
    const worker = new Worker(new URL("cpu-thread.mjs", import.meta.url), { workerData: { module, memory, stack, local } });
    worker.unref();
    await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  }
  if (!exports.bench_load(SHAPES.indexOf(shape), Q8_0, RELAXED)) throw new Error(`cannot run ${shape}`);
  let tokens = 0;
  let begun = 0;
  // The first ones warm the engine's compiler up.
  for (const end = performance.now() + MS + 500; performance.now() < end; ) {
    exports.bench_prefill(16);
    if (begun === 0 && performance.now() > end - MS) begun = performance.now();
    const before = performance.now();
    if (Number.isNaN(exports.bench_decode(64))) throw new Error("a forward pass failed");
    if (begun > 0) {
      tokens += 64;
      spent += performance.now() - before;
    }
  }
  return (1000 * tokens) / spent;
}
let spent = 0;

if (process.env.CONTENTION !== undefined) {
  const { shape, threads } = JSON.parse(process.env.CONTENTION);
  console.log(await decode(shape, threads));
  process.exit();
}

const THREADS = [1, 2];
const show = (x) => x.toFixed(x < 100 ? 1 : 0);
console.log("| shape, Q8_0 | second core | 1 thread, tokens/s | 2 threads | of one |");
console.log("|---|---|---|---|---|");
for (const shape of shapes.split(",")) {
  for (const busy of [false, true]) {
    const rates = THREADS.map(() => []);
    for (let round = 0; round < Number(rounds); round++) {
      THREADS.forEach((threads, i) => {
        const other = busy ? spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }) : undefined;
        try {
          const env = { ...process.env, CONTENTION: JSON.stringify({ shape, threads }) };
          rates[i].push(Number(execFileSync(process.execPath, [import.meta.filename, path], { env, encoding: "utf8" })));
        } finally {
          other?.kill();
        }
      });
    }
    const [one, two] = rates.map((list) => list.sort((a, b) => a - b));
    const middle = (list) => list[list.length >> 1];
    const cell = (list) => `${show(middle(list))} (${show(list[0])}-${show(list.at(-1))})`;
    const part = (list) => (middle(list) / middle(one)).toFixed(2);
    console.log(`| ${shape} | ${busy ? "busy" : "quiet"} | ${cell(one)} | ${cell(two)} | ${part(two)} |`);
  }
}
