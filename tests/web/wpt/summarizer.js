import { Summarizer } from "/nanolm/built-in-ai/index.js";
import { looksLike, setModel, TEXT, textOf, USABLE } from "./common.js";
import { is, ok, oneOf, suite } from "./harness.js";
import { writing } from "./writing.js";

// The package's own model summarizes.
const prepare = () => setModel(undefined);
const create = writing("Summarizer", {
  file: "summarizer/summarizer",
  call: "summarize",
  stream: "summarizeStreaming",
  defaults: { type: "key-points", format: "markdown", length: "short" },
  values: { type: [undefined, "tldr", "teaser", "key-points", "headline"], format: [undefined, "plain-text", "markdown"], length: [undefined, "short", "medium", "long"] },
  supported: { type: "tldr", format: "plain-text", length: "medium" },
  unsupported: "es",
  prepare,
});

suite("Summarizer", "summarizer/speed/summarizer-*", {
  "availability() is usable for speed": async () => {
    oneOf(await Summarizer.availability({ preference: "speed", outputLanguage: "en" }), USABLE);
    oneOf(await Summarizer.availability({ preference: "speed", type: "tldr", format: "plain-text", length: "medium", expectedInputLanguages: ["en-GB"], outputLanguage: "en" }), USABLE);
  },
  "create() takes it": async () => ok((await Summarizer.create({ preference: "speed" })) instanceof Summarizer, "a Summarizer"),
  "it measures": async () => is(typeof (await (await Summarizer.create({ preference: "speed" })).measureInputUsage(TEXT)), "number"),
  "it summarizes, twice at once": async () => {
    const it = await Summarizer.create({ preference: "speed" });
    const texts = await Promise.all([it.summarize(TEXT), it.summarize(TEXT), textOf(it.summarizeStreaming(TEXT)), textOf(it.summarizeStreaming(TEXT))]);
    ok(texts.every((text) => text.length > 0), "texts");
  },
  "a wrong preference is a TypeError": async () => {
    const found = await Summarizer.availability({ preference: "soup" }).catch(({ name }) => name);
    is(found, "TypeError");
  },
});

const list = "object";
looksLike(
  "Summarizer",
  {
    methods: ["summarize", "measureInputUsage"],
    streams: ["summarizeStreaming"],
    attributes: { type: "string", format: "string", length: "string", sharedContext: "string", expectedInputLanguages: list, expectedContextLanguages: list, outputLanguage: list, inputQuota: "number" },
  },
  create,
);
