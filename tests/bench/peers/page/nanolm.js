// Ours, by the public interface of the built package.
import { Model } from "/nanolm/index.js";

export async function load({ url, build, threads }) {
  const common = { device: "cpu", cache: false };
  const model = await Model.load(url, { ...common, build, threads }).catch((error) => {
    // A package from before there were several builds is this one.
    if (build !== "simd128" || error.code !== "option/invalid") throw error;
    return Model.load(url, common);
  });
  return {
    about: { ...model.device },
    async generate(prompt, n, onToken) {
      for await (const { text } of model.generate(prompt, { maxNewTokens: n, temperature: 0, repetitionPenalty: 1 })) onToken(text);
    },
    dispose: () => model.dispose(),
  };
}
