// wllama 3: llama.cpp's server in wasm, asked for a streamed completion.
import { Wllama } from "/peers/wllama3/esm/index.js";

export async function load({ url, threads, context }) {
  const wllama = new Wllama({ default: "/peers/wllama3/esm/wasm/wllama.wasm" }, { suppressNativeLog: true });
  await wllama.loadModel([await (await fetch(url)).blob()], { n_ctx: context, n_threads: threads, n_gpu_layers: 0, n_parallel: 1 });
  return {
    about: { libllama: Wllama.getLibllamaVersion(), threads: wllama.getNumThreads(), multithread: wllama.isMultithread() },
    generate: (prompt, n, onToken) =>
      wllama.createCompletion({
        prompt,
        max_tokens: n,
        temperature: 0,
        cache_prompt: false,
        stream: true,
        onData: ({ choices }) => {
          if (choices?.[0]?.text) onToken(choices[0].text);
        },
      }),
    dispose: () => wllama.exit(),
  };
}
