// One engine in one page. Node calls `bench.load` once and `bench.generate` for each figure; all clocks are the page's own, from
// the call to what the page receives, the same for every engine.
//
// An adapter is a module with `load({ url, threads, ...options })`, which gives an object with
//   generate(prompt, n, onToken)   continues the prompt greedily by n tokens, without anything kept from earlier prompts, and calls
//                                  onToken(text) as each arrives; `prompt` is text of which each character is one token
//   embed(texts)                   of encoders: a vector of length 1 of each
//   about                          what the engine says of itself: version, threads, build
//   dispose()

let engine;

globalThis.bench = {
  /** Gives `{ ms, about }`: from the call to an engine that is ready, files fetched from this server without a cache. */
  async load(adapter, options) {
    const { load } = await import(`./${adapter}.js`);
    await engine?.dispose();
    const start = performance.now();
    engine = await load(options);
    return { ms: performance.now() - start, about: engine.about ?? {} };
  },

  /** Gives `{ firstMs, laterMs, tokens, text, times }`: to the first token, from it to the last one, and when each came. */
  async generate(prompt, n) {
    let first;
    let last;
    const times = [];
    let text = "";
    const start = performance.now();
    await engine.generate(prompt, n, (piece) => {
      last = performance.now();
      first ??= last;
      times.push(last - start);
      text += piece;
    });
    if (first === undefined) throw new Error("no token came");
    return { firstMs: first - start, laterMs: last - first, tokens: times.length, text, times };
  },

  /** Vectors of lists of texts, one call after the other: `{ ms, first }`, the last being the first text's vector. */
  async embed(lists) {
    const start = performance.now();
    const all = [];
    for (const texts of lists) all.push(await engine.embed(texts));
    const [[first]] = all;
    return { ms: performance.now() - start, first: [...first] };
  },

  dispose: () => engine?.dispose(),
};
globalThis.ready = true;
