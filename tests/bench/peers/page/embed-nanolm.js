// Ours as an encoder, by the public interface of the built package.
import { Model } from "/nanolm/index.js";

export async function load({ url, build, threads }) {
  const model = await Model.load(url, { device: "cpu", cache: false, build, threads });
  return {
    about: { ...model.device },
    embed: (texts) => model.embed(texts),
    dispose: () => model.dispose(),
  };
}
