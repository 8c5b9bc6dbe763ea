#!/usr/bin/env node
// npx nanolm: the package's tasks on files, a conversation, and an endpoint for other programs.

import { readFileSync } from "node:fs";
import process from "node:process";
import { chat } from "./chat.js";
import { type Command, columns, failure, runCommand, UsageError } from "./command.js";
import { serve } from "./serve.js";
import { answer, classify, embed, extract, rewrite, summarize, translate } from "./texts.js";

const COMMANDS: Readonly<Record<string, Command>> = { serve, chat, summarize, classify, extract, answer, embed, rewrite, translate };

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

function help(): string {
  // Of what a command does, what comes first.
  const rows = Object.entries(COMMANDS).map(([name, { about }]) => [name, (about.split(/[.:] |\.\n/)[0] ?? "").replace(/\.$/, "")] as const);
  return `nanolm COMMAND ...\n\nNano language models on this machine: nothing that they read leaves it.\n\n${columns(rows)}\n\nnanolm COMMAND --help says more. Failures end with the code 1, wrong arguments with 2.`;
}

function version(): string {
  return (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version;
}

async function main([name = "--help", ...args]: readonly string[]): Promise<void> {
  if (name === "--help" || name === "-h" || name === "help") return print(help());
  if (name === "--version") return print(version());
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`there is no command "${name}"`);
  await runCommand(command, args, print);
}

// Who reads may have seen enough, such as `head`.
process.stdout.on("error", (error: Error & { code?: string }) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const given = process.argv.slice(2);
main(given).catch((error: unknown) => {
  const { code, text } = failure(error, Object.hasOwn(COMMANDS, given[0] ?? "") ? (given[0] ?? "") : "");
  process.stderr.write(`nanolm: ${text}\n`);
  process.exitCode = code;
});
