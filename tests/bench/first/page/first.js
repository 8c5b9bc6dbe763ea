// One engine in one page, from nothing. The clock runs from the import of the engine's adapter on: what the page downloads of the engine counts.
// `adapter`: the address of a module as ../../peers/page/measure.js describes them; `task`: what is asked of it first.

const TASKS = {
  /** To the first token. */
  token: (engine, text) => new Promise((resolve, reject) => engine.generate(text, 1, resolve).then(resolve, reject)),
  /** To the first vector. */
  vector: (engine, text) => engine.embed([text]),
  /** To the first piece of a summary. */
  piece: (engine, text) => engine.summarize(text, "tldr"),
  /** To the first key point. */
  point: (engine, text) => engine.summarize(text, "key-points"),
};

/** Gives `{ readyMs, firstMs, start, about }`: until the engine can be asked, until it has answered; `start` in milliseconds since 1970. */
globalThis.first = async (adapter, options, task, text) => {
  const start = performance.now();
  const { load } = await import(adapter);
  const engine = await load(options);
  const readyMs = performance.now() - start;
  await TASKS[task](engine, text);
  return { readyMs, firstMs: performance.now() - start, start: performance.timeOrigin + start, about: engine.about };
};
globalThis.ready = true;
