// What is measured in the page. It is sent there whole, so it uses nothing from outside.

/** Loads a model, asks it for a token, and keeps it. `from`: "address" or "file". */
export async function load({ url, from, device, cache }) {
  const { Model } = await import("/nanolm/index.js");
  const source = from === "file" ? globalThis.chosen : url;
  globalThis.model = await Model.load(source, { device, cache, threads: 1 });
  for await (const _ of globalThis.model.generate("The keeper of the light", { maxNewTokens: 1 })) break;
  return { kind: globalThis.model.device.kind, reason: globalThis.model.device.reason };
}
