// Greedy tokens of the built package, on the CPU, in Node.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../../web/support/browser.mjs";

/** Loads a model file. */
export async function engine(path) {
  const { Model } = await import(pathToFileURL(join(ROOT, "pkg-scripts/npm/dist/index.js")));
  const model = await Model.load(path, { device: "cpu" });
  return {
    /** The prompt's ids, `n` greedy ones or fewer, and how many of the prompt's were kept from the call before. */
    async write(text, n) {
      const prompt = [...(await model.tokenize(text, { addSpecial: true, controls: "parse" }))];
      const stream = model.generate(text, { maxNewTokens: n, temperature: 0 });
      const ids = [];
      for await (const { tokenId } of stream) ids.push(tokenId);
      const { usage } = await stream.result;
      return { prompt, ids, cached: usage.cachedTokens };
    },
    build: model.info.device.build,
    dispose: () => model.dispose(),
  };
}
