// Ours, by the public interface of the built package.
import { Model } from "/nanolm/index.js";

export async function load({ url, build, threads, device = "cpu" }) {
  const model = await Model.load(url, { device, cache: false, build, threads });
  const plain = { temperature: 0, repetitionPenalty: 1, ...(await shortcutsOff(model)) };
  return {
    about: { ...model.device },
    async generate(prompt, n, onToken) {
      for await (const { text } of model.generate(prompt, { ...plain, maxNewTokens: n })) onToken(text);
    },
    dispose: () => model.dispose(),
  };
}

/**
 * Every engine computes each token: what earlier prompts left behind and drafts copied from the prompt say nothing of its speed. Gives
 * the options that turn them off, where the package has them.
 */
async function shortcutsOff(model) {
  const off = { speculate: false, fresh: true };
  try {
    await model.generate("a", { ...off, maxNewTokens: 1 }).result;
    return off;
  } catch (error) {
    if (error.code !== "option/invalid") throw error;
    return {};
  }
}
