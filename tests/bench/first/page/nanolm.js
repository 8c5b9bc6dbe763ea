// Ours, by the public interface of the built package, as it is by default: what it downloads is kept on the device, too.
import { Model } from "/nanolm/index.js";

export async function load({ url, threads }) {
  const model = await Model.load(url ?? undefined, { threads });
  return {
    about: { ...model.device },
    async generate(prompt, n, onToken) {
      for await (const { text } of model.generate(prompt, { temperature: 0, maxNewTokens: n })) onToken(text);
    },
    async summarize(text, type) {
      for await (const _ of model.summarize(text, { type })) return;
    },
    embed: (texts) => model.embed(texts),
  };
}
