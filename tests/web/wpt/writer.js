import { looksLike, RANDOM, setModel } from "./common.js";
import { writing } from "./writing.js";

const prepare = () => setModel(RANDOM);
const create = writing("Writer", {
  file: "writer/writer",
  call: "write",
  stream: "writeStreaming",
  defaults: { tone: "neutral", format: "markdown", length: "short" },
  values: { tone: [undefined, "formal", "neutral", "casual"], format: [undefined, "plain-text", "markdown"], length: [undefined, "short", "medium", "long"] },
  supported: { tone: "neutral", format: "plain-text", length: "medium" },
  unsupported: "zu",
  prepare,
});

const list = "object";
looksLike(
  "Writer",
  {
    methods: ["write", "measureInputUsage"],
    streams: ["writeStreaming"],
    attributes: { tone: "string", format: "string", length: "string", sharedContext: "string", expectedInputLanguages: list, expectedContextLanguages: list, outputLanguage: list, inputQuota: "number" },
  },
  create,
);
