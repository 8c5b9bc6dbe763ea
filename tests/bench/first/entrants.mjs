// Who takes part in the benchmark of the first answer: groups whose rows are comparable work.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../web/support/browser.mjs";

const PEERS = join(ROOT, "tests/bench/peers");
const MODULES = join(PEERS, "node_modules");
const MODELS = join(ROOT, "build/bench-models");
const MINILM = join(ROOT, "build/embed/package/model.gguf");
const CONTEXT = 2048;

const ours = (title, task, url) => ({ title, adapter: "/nanolm.js", task, url, ours: true });
const gguf = { "/models/15m.gguf": join(MODELS, "15m/q8_0.gguf") };
const onnx = { "/models/minilm/": join(MODELS, "minilm") };
const transformers = (title, cpuOnly) => ({
  title,
  adapter: "/adapters/embed-transformers.js",
  page: cpuOnly ? "cpu-only.html" : "",
  task: "vector",
  options: { model: "minilm", dtype: "q8", cpuOnly },
});

/**
 * Each group: what its rows have in common, what it needs, which files are served, and its entrants. `text`: what is asked of all of them, or "article". The
 * adapters of the peers are those of `pkg-scripts/bench peers`.
 */
export const GROUPS = {
  default: {
    title: "The default model, out of the package",
    needs: {},
    mounts: {},
    text: "article",
    entrants: [ours("nanolm: first key point of an article", "point"), ours("nanolm: first token of its summary", "piece")],
  },
  gguf: {
    title: "A GGUF file with 15 million random weights, Q8_0: the first token after a prompt of 16",
    needs: { "the model (tests/bench/peers/models.py makes it)": gguf["/models/15m.gguf"], "wllama (pkg-scripts/bench peers installs it)": join(MODULES, "wllama3") },
    mounts: gguf,
    text: "abcde fghij klmn",
    entrants: [
      ours("nanolm", "token", "/models/15m.gguf"),
      { title: "wllama 3", adapter: "/adapters/wllama3.js", task: "token", url: "/models/15m.gguf", options: { context: CONTEXT } },
      { title: "wllama 2", adapter: "/adapters/wllama2.js", task: "token", url: "/models/15m.gguf", options: { context: CONTEXT } },
    ],
  },
  vector: {
    title: "all-MiniLM-L6-v2: the first vector",
    needs: {
      "the companion model (pkg-scripts/embed/pack makes it)": MINILM,
      "its ONNX files (tests/bench/peers/encoder.py makes them)": join(MODELS, "minilm/onnx/model_quantized.onnx"),
      "transformers.js (pkg-scripts/bench peers installs it)": join(MODULES, "@huggingface/transformers"),
    },
    mounts: { "/models/minilm.gguf": MINILM, ...onnx },
    text: "The keeper lights the lamp at dusk, and the ships find their way home.",
    entrants: [
      ours("nanolm, shipped file", "vector", "/models/minilm.gguf"),
      transformers("transformers.js, q8", false),
      transformers("transformers.js, q8, CPU-only runtime", true),
    ],
  },
};

/** What every group is served beside its models. */
export const COMMON = { "/": join(import.meta.dirname, "page"), "/adapters/": join(PEERS, "page"), "/peers/": MODULES };

/** What a group lacks here, in words; undefined if nothing. */
export const lacking = ({ needs }) => Object.entries(needs).find(([, path]) => !existsSync(path))?.[0];
