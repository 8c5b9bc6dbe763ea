// A further thread of cpu.mjs, in Node: the same wasm module over the same memory, with a stack and thread-local data of its own.
import { parentPort, workerData } from "node:worker_threads";

const { module, memory, stack, local } = workerData;
const imports = {};
for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
  const refuse = () => {
    throw new Error(`a thread called ${from}.${name}`);
  };
  (imports[from] ??= {})[name] = kind === "memory" ? memory : refuse;
}
const { exports } = await WebAssembly.instantiate(module, imports);
exports.__stack_pointer.value = stack;
exports.__wasm_init_tls(local);
parentPort.postMessage("started");
exports.bench_help();
