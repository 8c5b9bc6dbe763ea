// wllama 2: llama.cpp in wasm, driven token by token through its completion call.
import { Wllama } from "/peers/wllama2/esm/index.js";

export async function load({ url, threads, context }) {
  const folder = "/peers/wllama2/esm";
  const wllama = new Wllama(
    {
      "single-thread/wllama.wasm": `${folder}/single-thread/wllama.wasm`,
      "multi-thread/wllama.wasm": `${folder}/multi-thread/wllama.wasm`,
    },
    { suppressNativeLog: true },
  );
  await wllama.loadModel([await (await fetch(url)).blob()], { n_ctx: context, n_threads: threads });
  const text = new TextDecoder();
  return {
    about: { libllama: Wllama.getLibllamaVersion(), threads: wllama.getNumThreads(), multithread: wllama.isMultithread() },
    generate: (prompt, n, onToken) =>
      wllama.createCompletion(prompt, {
        nPredict: n,
        useCache: false,
        sampling: { temp: 0, penalty_repeat: 1 },
        onNewToken: (_, piece) => onToken(text.decode(piece)),
      }),
    dispose: () => wllama.exit(),
  };
}
