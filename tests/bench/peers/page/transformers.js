// transformers.js on its wasm backend (onnxruntime-web). The model is called with token ids, so no tokenizer is measured.
//
// `cpuOnly`: with onnxruntime's wasm build for the CPU alone, which is smaller and quicker at writing. transformers.js takes the one for
// the CPU and WebGPU by itself; an application must redirect an import to get the other, as cpu-only.html does.

export async function load({ model, dtype, threads, texts, cpuOnly, device = "wasm" }) {
  const bundle = cpuOnly ? "transformers.web.min.js" : "transformers.min.js";
  const { AutoModelForCausalLM, env, Tensor } = await import(`/peers/@huggingface/transformers/dist/${bundle}`);
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = "/models/";
  env.useBrowserCache = false;
  const build = `/peers/onnxruntime-web/dist/ort-wasm-simd-threaded${cpuOnly ? "" : ".asyncify"}`;
  env.backends.onnx.wasm.wasmPaths = { mjs: `${build}.mjs`, wasm: `${build}.wasm` };
  env.backends.onnx.wasm.numThreads = threads;
  const vocabulary = await (await fetch(texts)).json();
  const loaded = await AutoModelForCausalLM.from_pretrained(model, { dtype, device });
  return {
    about: { version: env.version, dtype, threads: env.backends.onnx.wasm.numThreads },
    async generate(prompt, n, onToken) {
      const ids = [...prompt].map((letter) => BigInt(letter.charCodeAt(0)));
      const tensor = (values) => new Tensor("int64", BigInt64Array.from(values), [1, values.length]);
      let isPrompt = true;
      const streamer = {
        put([tokens]) {
          if (!isPrompt) for (const token of tokens) onToken(vocabulary[Number(token)]);
          isPrompt = false;
        },
        end() {},
      };
      await loaded.generate({
        input_ids: tensor(ids),
        attention_mask: tensor(ids.map(() => 1n)),
        max_new_tokens: n,
        do_sample: false,
        streamer,
      });
    },
    dispose: () => loaded.dispose(),
  };
}
