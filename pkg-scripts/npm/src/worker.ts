// The worker of the builds without threads. They share one JavaScript side: their wasm files import and export the same.

import init, { Engine, ModelFiles } from "./engine.js";
import { compile } from "./engine/compile.js";
import { serve } from "./engine/serve.js";

serve({
  Engine,
  ModelFiles,
  grammar: () => compile(new URL("./grammar.wasm", import.meta.url)),
  async start(build) {
    // Bundlers find the wasm files by these very expressions.
    const url =
      build === "relaxed" ? new URL("./engine-relaxed.wasm", import.meta.url) : new URL("./engine-simd128.wasm", import.meta.url);
    await init({ module_or_path: await compile(url) });
  },
});
