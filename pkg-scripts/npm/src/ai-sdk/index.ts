// A provider for the AI SDK (`ai`): its functions run on models on the device.

import { UnsupportedError } from "../index.js";
import { tokensIn } from "../openai/request.js";
import { Served, type ServedModels } from "../openai/served.js";
import { OnDevice } from "./language-model.js";
import type { EmbeddingModel, LanguageModel } from "./types.js";

export type { ServedModel, ServedModels } from "../openai/served.js";
export type * from "./types.js";

export interface NanolmProvider {
  /** A language model, by its name: the same as `languageModel`. */
  (modelId?: string): LanguageModel;
  readonly specificationVersion: "v4";
  languageModel(modelId?: string): LanguageModel;
  /** The vectors of `model.embed`, the same with every model. */
  embeddingModel(modelId?: string): EmbeddingModel;
  /** There are none: it throws. */
  imageModel(modelId: string): never;
}

/**
 * A provider of a model, of a function that loads it when it is first needed, or of models by name.
 *
 * ```js
 * const nanolm = createNanolm(() => Model.load(url));
 * const { textStream } = streamText({ model: nanolm(), prompt: "Why is the sky blue?" });
 * ```
 */
export function createNanolm(models: ServedModels): NanolmProvider {
  const served = new Served(models);
  const languageModel = (modelId = served.first): LanguageModel => new OnDevice(served, named(served, modelId));
  return Object.assign((modelId?: string) => languageModel(modelId), {
    specificationVersion: "v4" as const,
    languageModel,
    embeddingModel: (modelId = served.first): EmbeddingModel => embeddingModel(served, named(served, modelId)),
    imageModel(modelId: string): never {
      throw new UnsupportedError("task/unsupported", `there are no models of images, such as ${modelId}: the models here write text`);
    },
  });
}

/** A name that is not served is told at once, not at the first call. */
function named(served: Served, modelId: string): string {
  served.require(modelId);
  return modelId;
}

function embeddingModel(served: Served, modelId: string): EmbeddingModel {
  return {
    specificationVersion: "v4",
    provider: "nanolm",
    modelId,
    maxEmbeddingsPerCall: undefined,
    // Calls on one model queue.
    supportsParallelCalls: false,
    async doEmbed({ values, dimensions, abortSignal }) {
      abortSignal?.throwIfAborted();
      const model = await served.get(modelId, abortSignal);
      const vectors = await model.embed(values, { signal: abortSignal });
      const size = vectors[0]?.length ?? 0;
      const details = `The vectors have ${size} numbers.`;
      return {
        embeddings: vectors.map((vector) => [...vector]),
        usage: { tokens: await tokensIn(model, values) },
        warnings: dimensions === undefined || dimensions === size ? [] : [{ type: "unsupported", feature: "dimensions", details }],
      };
    },
  };
}
