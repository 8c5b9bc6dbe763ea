// One more thread for the engine: the same wasm module over the same memory, which takes its share of the work in
// src/cpu/pool.rs and sleeps when there is none. It ends with the worker that started it.

/** The first and only message to it. */
export interface ThreadStart {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
}

/** Its answers: that it runs, or why it does not. */
export interface ThreadMessage {
  failed?: string;
}

/** Bytes of its stack; kernels need a few kilobytes. A multiple of a page, 64 KiB. */
const STACK = 1024 * 1024;

interface Exports {
  /** Gives the thread a stack and its thread-local data. */
  __wbindgen_start(stackSize: number): void;
  /** Works until the pool ends, which it never does in a page. */
  thread_run(): void;
  thread_failed(): void;
}

interface Scope {
  postMessage(message: ThreadMessage): void;
  onmessage: ((event: MessageEvent<ThreadStart>) => void) | null;
}
const scope = globalThis as unknown as Scope;

scope.onmessage = async ({ data: { module, memory } }) => {
  try {
    const { exports } = await WebAssembly.instantiate(module, importsOf(module, memory));
    const { __wbindgen_start: start, thread_run, thread_failed } = exports as unknown as Exports;
    start(STACK);
    scope.postMessage({});
    try {
      thread_run();
    } catch (error) {
      // The engine's thread must not wait for this one any more.
      thread_failed();
      throw error;
    }
  } catch (error) {
    scope.postMessage({ failed: `a thread could not be started: ${String(error)}` });
  }
};

/** A thread computes and never calls JavaScript, so that it needs none of the engine's JavaScript side. */
function importsOf(module: WebAssembly.Module, memory: WebAssembly.Memory): WebAssembly.Imports {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const refuse = (): never => {
      throw new Error(`a thread called ${name}, which only the engine's own thread can`);
    };
    // The table of JavaScript values, which a thread has none of.
    const ignore = (): void => {};
    const given = kind === "memory" ? memory : name.includes("init_externref_table") ? ignore : refuse;
    imports[from] ??= {};
    imports[from][name] = given;
  }
  return imports;
}
