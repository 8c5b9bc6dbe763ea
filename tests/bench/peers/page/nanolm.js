// Ours, by the public interface of the built package.
import { Model } from "/nanolm/index.js";

export async function load({ url, build, threads }) {
  const model = await Model.load(url, { device: "cpu", cache: false, build, threads }).catch((error) => {
    // A package of before there were several builds is this one.
    if (build !== "simd128" || error.code !== "option/invalid") throw error;
    return Model.load(url, { device: "cpu", cache: false });
  });
  return {
    about: { ...model.device },
    async generate(prompt, n, onToken) {
      for await (const { text } of model.generate(prompt, { maxNewTokens: n, temperature: 0, repetitionPenalty: 1 })) onToken(text);
    },
    dispose: () => model.dispose(),
  };
}
