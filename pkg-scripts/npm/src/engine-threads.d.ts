// The engine with threads: the same surface, compiled over an imported, shared memory.

export { Engine, ModelFiles } from "./engine.js";

/** Instantiates the module over the memory. */
export default function init(options: { module_or_path: WebAssembly.Module; memory: WebAssembly.Memory }): Promise<unknown>;
