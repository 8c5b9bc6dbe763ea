import { looksLike, RANDOM, setModel } from "./common.js";
import { writing } from "./writing.js";

const prepare = () => setModel(RANDOM);
const create = writing("Rewriter", {
  file: "rewriter/rewriter",
  call: "rewrite",
  stream: "rewriteStreaming",
  defaults: { tone: "as-is", format: "as-is", length: "as-is" },
  values: { tone: [undefined, "as-is", "more-formal", "more-casual"], format: [undefined, "as-is", "plain-text", "markdown"], length: [undefined, "as-is", "shorter", "longer"] },
  supported: { tone: "as-is", format: "as-is", length: "as-is" },
  unsupported: "zu",
  prepare,
});

const list = "object";
looksLike(
  "Rewriter",
  {
    methods: ["rewrite", "measureInputUsage"],
    streams: ["rewriteStreaming"],
    attributes: { tone: "string", format: "string", length: "string", sharedContext: "string", expectedInputLanguages: list, expectedContextLanguages: list, outputLanguage: list, inputQuota: "number" },
  },
  create,
);
