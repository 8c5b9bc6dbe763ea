// What is measured in the page. Each function is sent to it whole, so it uses nothing from outside.

/**
 * The first load and the first call of a fresh browser profile, then `rounds` of every task on the loaded model. Times in milliseconds.
 * Gives `{ cold: { name: ms }, warm: [{ name: ms }], device, threads, model }`.
 */
export async function measure({ module, article, labels, threads, rounds }) {
  const { Model } = await import(module);
  const now = () => performance.now();
  const keyPoints = async (model) => {
    const start = now();
    let first;
    const stream = model.summarize(article, { type: "key-points", fresh: true });
    for await (const _ of stream) first ??= now() - start;
    const { usage, timings } = await stream.result;
    return { firstPointMs: first, keyPointsMs: now() - start, tokensPerSecond: (usage.promptTokens * 1000) / timings.prefillMs };
  };
  const timed = async (call) => {
    const start = now();
    await call();
    return now() - start;
  };

  const start = now();
  const model = await Model.load(undefined, { device: "cpu", threads });
  const loadMs = now() - start;
  const { firstPointMs, keyPointsMs } = await keyPoints(model);
  const cold = { loadMs, coldFirstPointMs: firstPointMs, coldKeyPointsMs: keyPointsMs };

  const warm = [];
  for (let round = 0; round <= rounds; round++) {
    // Another beginning each time: nothing of the text has been read by the call before.
    const text = `Report ${round + 1}. ${article}`;
    const found = {
      ...(await keyPoints(model)),
      tldrMs: await timed(() => model.summarize(article, { type: "tldr", fresh: true }).result),
      classifyMs: await timed(() => model.classify(text)),
      ownLabelsMs: await timed(() => model.classify(text, labels)),
      entitiesMs: await timed(() => model.extractEntities(text)),
    };
    // The first round warms the other tasks up.
    if (round > 0) warm.push(found);
  }
  const { device, info } = model;
  await model.dispose();
  return { cold, warm, device: { build: device.build, threads: device.threads }, model: { name: info.name, parameters: info.parameters } };
}
