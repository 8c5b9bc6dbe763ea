// The worker of the builds without threads. They share one JavaScript side: their wasm files import and export the same.

import init, { Engine, ModelFiles } from "./engine.js";
import { compile } from "./engine/compile.js";
import { serve } from "./engine/serve.js";

// Bundlers find the wasm files by these very expressions; pkg-scripts/npm/assemble.mjs fills in their hashes.
const FILES = {
  grammar: () => ({ name: "grammar.wasm", url: new URL("./grammar.wasm", import.meta.url), integrity: "sha256:grammar.wasm" }),
  relaxed: () => ({
    name: "engine-relaxed.wasm",
    url: new URL("./engine-relaxed.wasm", import.meta.url),
    integrity: "sha256:engine-relaxed.wasm",
  }),
  simd128: () => ({
    name: "engine-simd128.wasm",
    url: new URL("./engine-simd128.wasm", import.meta.url),
    integrity: "sha256:engine-simd128.wasm",
  }),
};

serve({
  Engine,
  ModelFiles,
  grammar: (assets) => compile(FILES.grammar(), assets),
  async start(build, assets) {
    const file = build === "relaxed" ? FILES.relaxed() : FILES.simd128();
    await init({ module_or_path: await compile(file, assets) });
  },
});
