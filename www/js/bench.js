// The measurement behind bench.html and pkg-scripts/bench: `nanolmBench(options)` in any page that has loaded this module.
import { importPackage } from "./engine.js";

/** Tokens of the prompt for the first-token and decode figures. */
const SHORT = 16;

/**
 * Measures one model on the given devices, one after the other. A device that cannot be used gives a row with its
 * `error` and the others go on.
 *
 * @param {object} options
 *   devices: of `"cpu"`, `"gpu"` (default: both); runs: of each figure (default 5); promptTokens: prompt lengths for
 *   prefill (default [128, 512]); decodeTokens: tokens written in each run (default 64); source: what to load (default:
 *   the model of the package); text: where prompts are cut from (default: the long sample); onProgress({ done, total,
 *   device, figure }); signal
 * @returns {Promise<object>} `{ userAgent, crossOriginIsolated, runs, rows }`; a row is `{ device, info, ran, loadMs,
 *   firstTokenMs, prefill: [{ promptTokens, tokensPerSecond }], decode: { tokens, tokensPerSecond } }`, all of them
 *   medians, or `{ device, error: { code, message } }`. `promptTokens` is what was really read: less than asked for
 *   where the context is shorter.
 */
export async function nanolmBench({
  devices = ["cpu", "gpu"],
  runs = 5,
  promptTokens = [128, 512],
  decodeTokens = 64,
  source,
  text,
  onProgress = () => {},
  signal,
} = {}) {
  const { Model } = await importPackage();
  text ??= await fetchText(new URL("../samples/measures.txt", import.meta.url), signal);
  const figures = 3 + promptTokens.length;
  const rows = [];
  for (const [at, device] of devices.entries()) {
    let step = 0;
    const next = (figure) => {
      signal?.throwIfAborted();
      onProgress({ done: at * figures + step++, total: devices.length * figures, device, figure });
    };
    try {
      rows.push(await measure({ Model, device, runs, promptTokens, decodeTokens, source, text, next, signal }));
    } catch (error) {
      if (signal?.aborted) throw error;
      rows.push({ device, error: { code: error.code ?? "page", message: error.message } });
    }
  }
  onProgress({ done: 1, total: 1, device: "", figure: "done" });
  return { userAgent: navigator.userAgent, crossOriginIsolated, runs, rows };
}

async function measure({ Model, device, runs, promptTokens, decodeTokens, source, text, next, signal }) {
  const load = async () => {
    const started = performance.now();
    const model = await Model.load(source, { device, signal });
    return { model, ms: performance.now() - started };
  };

  next("load");
  const loads = [];
  let model = null;
  for (let run = 0; run <= runs; run += 1) {
    await model?.dispose();
    const loaded = await load();
    model = loaded.model;
    if (run > 0) loads.push(loaded.ms);
  }

  try {
    const prompts = new Prompts(model, await model.tokenize(text));
    const generate = (prompt, maxNewTokens) => model.generate(prompt, { maxNewTokens, temperature: 0, signal });

    next("first token");
    const firsts = await repeated(runs, async () => {
      const prompt = await prompts.next(SHORT);
      const started = performance.now();
      const stream = generate(prompt, 1);
      let first = NaN;
      for await (const _ of stream) first = Number.isNaN(first) ? performance.now() - started : first;
      return Number.isNaN(first) ? performance.now() - started : first;
    });

    const prefill = [];
    for (const length of promptTokens) {
      next(`prefill ${length}`);
      let read = 0;
      const rates = await repeated(runs, async () => {
        const { usage, timings } = await generate(await prompts.next(length), 1).result;
        read = usage.promptTokens;
        return (usage.promptTokens / timings.prefillMs) * 1000;
      });
      prefill.push({ asked: length, promptTokens: read, tokensPerSecond: median(rates) });
    }

    next("decode");
    let written = 0;
    const rates = await repeated(runs, async () => {
      // A model may end its text early: it is asked again, with another beginning, until enough tokens are written.
      let tokens = 0;
      let ms = 0;
      for (let call = 0; call < decodeTokens && tokens < decodeTokens; call += 1) {
        const { usage, timings } = await generate(await prompts.next(SHORT), decodeTokens + 1).result;
        tokens += Math.max(0, usage.completionTokens - 1);
        ms += timings.decodeMs;
      }
      written = tokens;
      return tokens > 0 && ms > 0 ? (tokens / ms) * 1000 : NaN;
    });

    const { device: ran, ...info } = { ...model.info, device: model.device };
    return {
      device,
      info,
      ran,
      loadMs: median(loads),
      firstTokenMs: median(firsts),
      prefill,
      decode: { tokens: written, tokensPerSecond: median(rates) },
    };
  } finally {
    await model.dispose();
  }
}

/** Prompts of a given length, each beginning at another place of the text, so that nothing read before can be reused. */
class Prompts {
  #model;
  #ids;
  #start = 0;

  constructor(model, ids) {
    this.#model = model;
    this.#ids = ids;
  }

  async next(length) {
    // Room for a first token of the model's own and for one answer.
    const count = Math.min(length, this.#model.info.contextLength - 4, this.#ids.length);
    this.#start = (this.#start + 37) % Math.max(1, this.#ids.length - count);
    return this.#model.detokenize(this.#ids.slice(this.#start, this.#start + count));
  }
}

/** The values of `runs` runs, after one that does not count. */
async function repeated(runs, run) {
  await run();
  const values = [];
  for (let at = 0; at < runs; at += 1) values.push(await run());
  return values;
}

export function median(values) {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function fetchText(url, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url.pathname}: the server answered ${response.status}`);
  return response.text();
}
