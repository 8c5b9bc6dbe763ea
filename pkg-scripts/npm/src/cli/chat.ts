// A conversation on the terminal; or one answer to what is piped in.

import process from "node:process";
import { createInterface } from "node:readline/promises";
import type { ChatMessage, Model } from "../index.js";
import { type Command, type Given, LOADING, UsageError } from "./command.js";
import { readText } from "./input.js";
import { loadModel } from "./model.js";

export const chat: Command = {
  usage: "chat MODEL  [--system TEXT] [--max-tokens N] [--temperature T] [--seed N] [--json]",
  about:
    "Talks with a model that was made for it. On a terminal: Ctrl-C stops an answer, Ctrl-D or /exit ends the conversation, /new begins another.\n" +
    "What is piped in is one message, and its answer is printed.",
  options: {
    system: { value: "TEXT", about: "what the model is told first" },
    "max-tokens": { value: "N", about: "the longest answer; 1024 unless the model's files say otherwise" },
    temperature: { value: "T", about: "0 always takes the likeliest token; by default as the model's files say" },
    seed: { value: "N", about: "the same seed gives the same answers" },
    ...LOADING,
    json: { about: "print the answer as JSON; for what is piped in" },
  },
  async run(given) {
    const [source] = given.positionals;
    if (source === undefined) throw new UsageError("expected a MODEL: the one of this package was not made for chats");
    given.atMost(1);
    const piped = process.stdin.isTTY ? undefined : await readText("-");
    const system = given.text("system");
    const start: ChatMessage[] = system === undefined ? [] : [{ role: "system", content: system }];
    const model = await loadModel(source, given);
    try {
      if (piped === undefined) await converse(model, start, given);
      else if (given.has("json")) process.stdout.write(`${JSON.stringify(await model.chat([...start, { role: "user", content: piped }], options(given)).result, null, 2)}\n`);
      else await say(model, [...start, { role: "user", content: piped }], given);
    } finally {
      await model.dispose();
    }
  },
};

function options(given: Given) {
  return { maxNewTokens: given.number("max-tokens"), temperature: given.number("temperature"), seed: given.number("seed") };
}

async function converse(model: Model, start: readonly ChatMessage[], given: Given): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const ended = new AbortController();
  let answering: AbortController | undefined;
  terminal.on("SIGINT", () => (answering === undefined ? terminal.close() : answering.abort()));
  terminal.on("close", () => ended.abort());
  let messages = [...start];
  try {
    for (;;) {
      const text = (await terminal.question("> ", { signal: ended.signal })).trim();
      if (text === "/exit") break;
      if (text === "/new") messages = [...start];
      if (text === "" || text === "/new") continue;
      messages.push({ role: "user", content: text });
      answering = new AbortController();
      messages.push({ role: "assistant", content: await say(model, messages, given, answering.signal) });
      answering = undefined;
    }
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    process.stdout.write("\n");
  } finally {
    terminal.close();
  }
}

/** Prints the answer while it is written, on a terminal with what the model thinks, dimmed. What was printed is given back. */
async function say(model: Model, messages: readonly ChatMessage[], given: Given, signal?: AbortSignal): Promise<string> {
  const { stdout } = process;
  let said = "";
  let thought = false;
  try {
    for await (const { text, reasoning } of model.chat(messages, { ...options(given), overflow: "drop-oldest", signal })) {
      if (stdout.isTTY && reasoning !== "") stdout.write(`\x1b[2m${reasoning}\x1b[0m`);
      if (text !== "" && thought && stdout.isTTY) stdout.write("\n");
      thought = text === "" && (thought || reasoning !== "");
      stdout.write(text);
      said += text;
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
  stdout.write("\n");
  return said;
}
