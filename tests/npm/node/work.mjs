// The same calls for a page, Node, Bun and Deno: what comes of them must be the same everywhere, to the last bit.

export async function work({ Model }, text, options) {
  const started = await Model.load(undefined, options);
  const session = await started.session();
  await session.append("The keeper lights the lamp");
  const fork = await session.fork();
  const continued = await session.generate({ maxNewTokens: 6 }).text();
  const forked = await fork.generate({ maxNewTokens: 6 }).text();
  const pieces = [];
  for await (const piece of started.generate("The lamp", { maxNewTokens: 12, temperature: 0.8, seed: 7 })) pieces.push(piece);
  const results = {
    points: (await started.summarize(text, { type: "key-points" }).result).points,
    tldr: await started.summarize(text).text(),
    headline: await started.summarize(text, { type: "headline" }).text(),
    labels: await started.classify(text, ["harbours", "sport", "cooking"]),
    entities: await started.extractEntities(text),
    keywords: await started.extractKeywords(text),
    answer: await started.answer("Who has kept the log?", text),
    vector: [...(await started.embed(text))],
    near: await started.similarity("a lamp", "a light"),
    chat: await started.chat([{ role: "user", content: "Hello" }], { maxNewTokens: 8 }).text(),
    ids: [...(await started.tokenize(text))].length,
    pieces,
    continued,
    forked,
  };
  const saved = await session.save();
  results.continuedLater = await (await started.session(saved)).generate({ maxNewTokens: 6 }).text();
  const error = await started.summarize(text, { length: "huge" }).result.catch((error) => error);
  results.refused = [error.name, error.code];
  const { device } = started;
  await started.dispose();
  return { results, device };
}
