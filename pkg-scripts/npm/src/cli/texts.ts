// Commands that read a text and print what is found in it.

import process from "node:process";
import type { Model, Point, TextStream } from "../index.js";
import { type Command, type Given, LOADING, NothingFound, type Option, UsageError } from "./command.js";
import { readText } from "./input.js";
import { loadModel } from "./model.js";

const OPTIONS: Readonly<Record<string, Option>> = {
  model: { value: "MODEL", about: "a GGUF file, a folder, or the address of one; by default the model of this package" },
  ...LOADING,
  json: { about: "print JSON" },
};

function print(text: string): void {
  process.stdout.write(text);
}

function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}

/** Runs something with a model, and ends the model. */
async function withModel(given: Given, work: (model: Model) => Promise<void>): Promise<void> {
  const model = await loadModel(given.text("model"), given);
  try {
    await work(model);
  } finally {
    await model.dispose();
  }
}

/** A text of several lines on one. */
const line = (text: string): string => text.replace(/\s+/g, " ").trim();

export const summarize: Command = {
  usage: "summarize FILE|-  [--type key-points|tldr|headline] [--length short|medium|long] [--json]",
  about: "Summarises a text of any length. Key points are sentences of the text, with their places in the JSON.",
  options: {
    type: { value: "TYPE", about: "key-points (default), tldr or headline" },
    length: { value: "LENGTH", about: "short (default), medium or long: 3, 5 or 7 key points" },
    ...OPTIONS,
  },
  async run(given) {
    given.atMost(1);
    const type = given.oneOf("type", ["key-points", "tldr", "headline"]) ?? "key-points";
    const length = given.oneOf("length", ["short", "medium", "long"]);
    const text = await readText(given.positionals[0]);
    await withModel(given, async (model) => {
      const stream = model.summarize(text, { type, length });
      if (given.has("json")) return printJson({ type, ...(await stream.result) });
      for await (const piece of stream) print(type === "key-points" ? `- ${line((piece as Point).text)}\n` : piece.text);
      if (type !== "key-points") print("\n");
    });
  },
};

export const classify: Command = {
  usage: "classify FILE|-  --labels sport,politics,science | --set NAME  [--json]",
  about: "Says how likely each label fits a text, the likeliest first.",
  options: {
    labels: { value: "A,B,C", about: "labels of your own, compared with the text by meaning" },
    set: { value: "NAME", about: "a set of labels that the model was trained on" },
    ...OPTIONS,
  },
  async run(given) {
    given.atMost(1);
    const labels = given.list("labels") ?? given.text("set");
    if (labels === undefined) throw new UsageError("expected --labels or --set");
    const text = await readText(given.positionals[0]);
    await withModel(given, async (model) => {
      const found = await model.classify(text, labels);
      if (given.has("json")) printJson(found);
      else print(found.map(({ label, score }) => `${score.toFixed(3)}\t${label}\n`).join(""));
    });
  },
};

export const extract: Command = {
  usage: "extract entities|keywords FILE|-  [--types PER,DATE] [--limit N] [--json]",
  about: "Finds names, numbers and dates, or the phrases that say what a text is about.",
  options: {
    types: { value: "A,B", about: "entities of these types only: PER, LOC, ORG, MISC, NUMBER, DATE, TIME, MONEY, EMAIL, URL, PHONE" },
    limit: { value: "N", about: "at most so many keywords; 10 by default" },
    ...OPTIONS,
  },
  async run(given) {
    const [what, file] = given.positionals;
    if (what !== "entities" && what !== "keywords") throw new UsageError(`expected "entities" or "keywords", found ${what === undefined ? "nothing" : `"${what}"`}`);
    given.atMost(2);
    const text = await readText(file);
    await withModel(given, async (model) => {
      const found =
        what === "entities"
          ? await model.extractEntities(text, { types: given.list("types") })
          : await model.extractKeywords(text, { limit: given.number("limit") });
      if (given.has("json")) printJson(found);
      else for (const item of found) print(`${"type" in item ? item.type : item.score.toFixed(3)}\t${line(item.text)}\n`);
    });
  },
};

export const answer: Command = {
  usage: 'answer "QUESTION?" FILE|-  [--json]',
  about: "Prints the part of a text that answers a question. Where none seems to, it prints nothing and ends with the code 1.",
  options: OPTIONS,
  async run(given) {
    const [question, file] = given.positionals;
    if (question === undefined) throw new UsageError("expected a question");
    given.atMost(2);
    const text = await readText(file);
    await withModel(given, async (model) => {
      const found = await model.answer(question, text);
      if (given.has("json")) printJson(found);
      else if (found === null) throw new NothingFound("no answer found");
      else print(`${line(found.text)}\n`);
    });
  },
};

const CHAT_MODEL = { ...OPTIONS, model: { value: "MODEL", about: "a chat model: a GGUF file, a folder, or the address of one" } };

/** What a chat model writes of a text. */
async function written(given: Given, begin: (model: Model, text: string) => TextStream): Promise<void> {
  given.atMost(1);
  if (given.text("model") === undefined) throw new UsageError("expected --model with a chat model: the package's own cannot do this");
  const text = await readText(given.positionals[0]);
  await withModel(given, async (model) => {
    const stream = begin(model, text);
    if (given.has("json")) return printJson(await stream.result);
    for await (const piece of stream) print(piece.text);
    print("\n");
  });
}

export const rewrite: Command = {
  usage: 'rewrite FILE|-  --model MODEL [--tone more-formal|more-casual] [--length shorter|longer] [--instruction "..."] [--json]',
  about: "Writes a text anew, in another tone or length, or as you say. A chat model does it.",
  options: {
    tone: { value: "TONE", about: "as-is (default), more-formal or more-casual" },
    length: { value: "LENGTH", about: "as-is (default), shorter or longer" },
    instruction: { value: "TEXT", about: "what else to heed, in a sentence" },
    ...CHAT_MODEL,
  },
  run(given) {
    const tone = given.oneOf("tone", ["as-is", "more-formal", "more-casual"]);
    const length = given.oneOf("length", ["as-is", "shorter", "longer"]);
    return written(given, (model, text) => model.rewrite(text, { tone, length, instruction: given.text("instruction") }));
  },
};

export const translate: Command = {
  usage: "translate FILE|-  --model MODEL --to LANGUAGE [--from LANGUAGE] [--json]",
  about: "Translates a text. A chat model that knows both languages does it.",
  options: {
    to: { value: "LANGUAGE", about: "such as de or German" },
    from: { value: "LANGUAGE", about: "the language of the text; by default the model finds out" },
    ...CHAT_MODEL,
  },
  run(given) {
    const to = given.text("to");
    if (to === undefined) throw new UsageError("expected --to with a language, such as de");
    return written(given, (model, text) => model.translate(text, { to, from: given.text("from") }));
  },
};

export const embed: Command = {
  usage: "embed FILE|-  [--lines]",
  about: "Prints the vector of a text as a JSON array: the nearer two texts, the greater the product of their vectors.",
  options: { lines: { about: "a vector for every line that is not empty, each on a line" }, ...OPTIONS },
  async run(given) {
    given.atMost(1);
    const text = await readText(given.positionals[0]);
    const texts = given.has("lines") ? text.split(/\r?\n/).filter((line) => line.trim() !== "") : [text];
    await withModel(given, async (model) => {
      for (const vector of await model.embed(texts)) print(`${JSON.stringify([...vector])}\n`);
    });
  },
};
