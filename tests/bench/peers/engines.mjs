// What the side-by-side benchmark measures: the engines, and which of them meet in one slice.

/** The models' token counts and sizes, as in models.py. */
export const SHAPES = {
  "15m": { d_model: 288, n_layers: 6, n_heads: 6, n_kv_heads: 6, d_ff: 768, n_vocab: 32000 },
  "135m": { d_model: 576, n_layers: 30, n_heads: 9, n_kv_heads: 3, d_ff: 1536, n_vocab: 49152 },
};
export const TYPES = ["q8_0", "q4_0", "f16"];
export const THREADS = [1, 2];
/** Tokens of prompt and output together that every engine makes room for. */
export const CONTEXT = 2048;

const BYTES_PER_WEIGHT = { q8_0: 34 / 32, q4_0: 18 / 32, f16: 2 };

/** Weights that one token multiplies with: of all layers, and of the tied output. */
export function weightsRead({ d_model, n_layers, n_heads, n_kv_heads, d_ff, n_vocab }) {
  const kv = (d_model / n_heads) * n_kv_heads;
  return { layers: n_layers * d_model * (2 * d_model + 2 * kv + 3 * d_ff), output: d_model * n_vocab };
}

/** Bytes of matrices that one decoded token reads. */
export function bytesRead(shape, type) {
  const { layers, output } = weightsRead(SHAPES[shape]);
  return (layers + output) * BYTES_PER_WEIGHT[type];
}

/** The transformers.js names of the same weights; it has no type like Q4_0 that runs well on its wasm backend. */
const DTYPES = { q8_0: "q8", f16: "fp32" };

/**
 * Each engine: `runs(threads, type)` says whether it takes part; `options(shape, threads, type)` is what its adapter in page/
 * loads; `page` is what the adapter needs in place of index.html. `ours` marks the engines that the peers are compared with; `native` is no peer but a ceiling.
 */
export const ENGINES = {
  "nanolm-simd128": ours("nanolm, simd128", "simd128", (threads) => threads === 1),
  "nanolm-relaxed": ours("nanolm, relaxed SIMD", "relaxed", (threads) => threads === 1),
  "nanolm-threads": ours("nanolm, relaxed SIMD and threads", "threads", (threads) => threads > 1),
  wllama3: {
    title: "wllama 3",
    adapter: "wllama3",
    runs: () => true,
    options: (shape, threads, type) => ({ url: `/models/${shape}/${type}.gguf`, threads, context: CONTEXT }),
  },
  wllama2: {
    title: "wllama 2.3.7",
    adapter: "wllama2",
    runs: () => true,
    options: (shape, threads, type) => ({ url: `/models/${shape}/${type}.gguf`, threads, context: CONTEXT }),
  },
  transformers: transformers("transformers.js", false),
  "transformers-cpu": transformers("transformers.js, CPU-only runtime", true),
  "llama.cpp": {
    title: "llama.cpp, native",
    native: true,
    runs: () => true,
    options: (shape, threads, type) => ({ path: `${shape}/${type}.gguf`, threads, context: CONTEXT }),
  },
};

function transformers(title, cpuOnly) {
  return {
    title,
    adapter: "transformers",
    page: cpuOnly ? "cpu-only.html" : undefined,
    runs: (_, type) => type in DTYPES,
    typeNames: DTYPES,
    options: (shape, threads, type) => ({
      model: `${shape}/onnx`,
      dtype: DTYPES[type],
      threads,
      texts: `/models/${shape}/vocabulary.json`,
      cpuOnly,
    }),
  };
}

function ours(title, build, runs) {
  return {
    title,
    adapter: "nanolm",
    ours: true,
    runs,
    options: (shape, threads, type) => ({ url: `/models/${shape}/${type}.gguf`, build, threads }),
  };
}

/** Letters and spaces only: in the benchmark's vocabulary each is one token. The same number gives the same prompt. */
export function prompt(length, number) {
  let state = (number * 0x9e3779b9 + 0x7f4a7c15) >>> 0;
  const next = () => {
    // xorshift32 (Marsaglia 2003)
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  let text = "";
  for (let at = 0; at < length; at++) {
    const letter = next() % 26;
    // A text neither begins nor ends with a space, nor has two in a row.
    text += at % 6 === 5 && at < length - 1 ? " " : String.fromCharCode(97 + letter);
  }
  return text;
}
