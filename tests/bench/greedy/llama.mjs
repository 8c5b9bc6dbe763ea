// Greedy tokens of native llama.cpp (node-llama-cpp's binaries), with the largest logits of each step.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** Loads a model. `folder`: where node-llama-cpp is installed. */
export async function load(folder, modelPath, { contextSize = 2048 } = {}) {
  const entry = createRequire(pathToFileURL(`${folder}/`)).resolve("node-llama-cpp");
  const { getLlama } = await import(pathToFileURL(entry));
  const llama = await getLlama({ build: "never", gpu: false, logLevel: "error", maxThreads: 2 });
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const context = await model.createContext({ contextSize, batchSize: 512, threads: 2, flashAttention: false });
  const sequence = context.getSequence();
  return {
    template: model.fileInfo.metadata.tokenizer?.chat_template,
    /** The prompt's ids, `n` greedy ones or fewer, and for each step ids with logits less the largest one. */
    async write(text, n) {
      const prompt = model.tokenize(text, true);
      const [ids, best] = [[], []];
      await sequence.clearHistory();
      let unread = prompt;
      while (ids.length < n) {
        // Four of the vocabulary, at temperature 1: differences of logits are then logarithms of ratios.
        const options = { temperature: 1, topK: 5, topP: 1, minP: 0 };
        const ask = [unread.at(-1), { generateNext: { probabilities: true, options } }];
        const all = await sequence.controlledEvaluate([...unread.slice(0, -1), ask]);
        const told = [...all.at(-1).next.probabilities];
        best.push(told.map(([id, p]) => [Number(id), Math.log(p / told[0][1])]));
        const token = told[0][0];
        if (model.isEogToken(token)) break;
        ids.push(Number(token));
        unread = [token];
      }
      return { prompt: prompt.map(Number), ids, best, answer: model.detokenize(ids, false) };
    },
    dispose: () => llama.dispose(),
  };
}
