// transformers.js as an encoder on its wasm backend: the pipeline that its documentation names for this, tokenizer, pooling and length 1 included,
// as they are with ours. `cpuOnly`: see transformers.js.

export async function load({ model, dtype, threads, cpuOnly }) {
  const bundle = cpuOnly ? "transformers.web.min.js" : "transformers.min.js";
  const { env, pipeline } = await import(`/peers/@huggingface/transformers/dist/${bundle}`);
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = "/models/";
  env.useBrowserCache = false;
  const build = `/peers/onnxruntime-web/dist/ort-wasm-simd-threaded${cpuOnly ? "" : ".asyncify"}`;
  env.backends.onnx.wasm.wasmPaths = { mjs: `${build}.mjs`, wasm: `${build}.wasm` };
  env.backends.onnx.wasm.numThreads = threads;
  const extract = await pipeline("feature-extraction", model, { dtype, device: "wasm" });
  return {
    about: { version: env.version, dtype, threads: env.backends.onnx.wasm.numThreads },
    async embed(texts) {
      const { data, dims } = await extract(texts, { pooling: "mean", normalize: true });
      return texts.map((_, i) => data.slice(i * dims[1], (i + 1) * dims[1]));
    },
    dispose: () => extract.dispose(),
  };
}
