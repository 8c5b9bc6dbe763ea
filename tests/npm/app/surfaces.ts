// Compiled only: the surfaces that other code is written against.
import { Model } from "nanolm";
import { createNanolm, type StreamPart } from "nanolm/ai-sdk";
import { useChat, useModel, useSummary } from "nanolm/react";
import { type FoundText, list, type Match, TextIndex, VectorIndex } from "nanolm/search";
import { type Asked, createRouter, type Left, personalIn, type RouterStats } from "nanolm/router";

export async function use(): Promise<RouterStats> {
  const left: Left[] = [];
  const router = createRouter({
    models: { device: () => Model.load(), large: { baseURL: "https://api.example/v1", apiKey: async () => "key", price: { input: 1, output: 2 }, continues: { prefix: true } } },
    policy: ({ characters, models }: Asked) => (characters > 100 ? models.map(({ name }) => name) : undefined),
    consent: ({ origin, redacted }) => redacted && origin.startsWith("https:"),
    findPersonal: async (text) => (await (await Model.load()).extractEntities(text)).concat(),
    onLeave: (entry) => left.push(entry),
  });
  // @ts-expect-error there is no such choice
  createRouter({ models: {}, personal: "maybe" });
  await router.consent.forget("https://api.example");
  const response: Response = await router.fetch("/v1/models");
  console.log(response.ok, personalIn("x")[0]?.start);
  const { stream } = await createNanolm(Model.load())("nanolm").doStream({ prompt: [{ role: "user", content: [{ type: "text", text: "x" }] }] });
  const { value }: { value?: StreamPart } = await stream.getReader().read();
  console.log(value?.type);
  return router.stats();
}

export function Component(text: string): string {
  const { model, progress, retry } = useModel(undefined, { device: "cpu", enabled: text !== "" });
  const { points, running } = useSummary(model, text, { type: "key-points" });
  const { send, messages } = useChat(model, { maxNewTokens: 5 });
  if (!running) void send("x").then((result) => result?.text);
  retry();
  return `${progress?.loaded} ${points[0]?.start} ${messages.length}`;
}

export async function find(query: string): Promise<FoundText[]> {
  const model = await Model.load();
  const vectors = new VectorIndex({ dimensions: 3, type: "int8" });
  vectors.add("a", [1, 2, 3]);
  vectors.add(7, [new Float32Array(3), await model.embed("x")]);
  const found: Match[] = VectorIndex.load(vectors.save()).search([1, 2, 3], { k: 1, filter: (id) => id !== "a" });
  // @ts-expect-error there is no such type
  new VectorIndex({ dimensions: 3, type: "int4" });
  const texts = (await TextIndex.open("x", model)) ?? (await TextIndex.create(model, { passage: 400 }));
  await texts.add({ id: found.length, text: (await list()).join(), metadata: { any: true } }, { onProgress: ({ loaded }) => console.log(loaded) });
  return texts.search(query, { filter: ({ metadata }) => metadata !== undefined });
}
