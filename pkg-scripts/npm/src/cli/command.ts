// What a command is: its options as data, from which its help is written and its arguments are read.

import { parseArgs } from "node:util";
import { NanolmError } from "../index.js";

/** Wrong arguments: they end with the code 2. */
export class UsageError extends Error {}

/** Nothing is wrong, and there is no result: the code 1, as of grep. */
export class NothingFound extends Error {}

export interface Option {
  /** What stands for its value in the help; without it, it has none. */
  value?: string;
  about: string;
  /** May be given several times. */
  many?: boolean;
}

export interface Command {
  usage: string;
  about: string;
  options: Readonly<Record<string, Option>>;
  run(given: Given): Promise<void>;
}

/** The arguments of a command. */
export class Given {
  constructor(
    readonly positionals: readonly string[],
    private readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>,
  ) {}

  has(name: string): boolean {
    return this.values[name] === true;
  }

  text(name: string): string | undefined {
    return this.values[name] as string | undefined;
  }

  all(name: string): readonly string[] {
    return (this.values[name] as readonly string[] | undefined) ?? [];
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = Number(text);
    if (text.trim() === "" || !Number.isFinite(number)) throw new UsageError(`--${name}: expected a number, found "${text}"`);
    return number;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined || allowed.includes(text as T)) return text as T | undefined;
    throw new UsageError(`--${name}: expected ${allowed.join(", ")}, found "${text}"`);
  }

  /** A list, separated by commas. */
  list(name: string): string[] | undefined {
    const items = this.text(name)?.split(",").map((item) => item.trim()).filter((item) => item !== "");
    if (items?.length === 0) throw new UsageError(`--${name}: expected a list separated by commas, found nothing`);
    return items;
  }

  /** Refuses more positional arguments than a command takes. */
  atMost(count: number): void {
    const more = this.positionals[count];
    if (more !== undefined) throw new UsageError(`expected no more arguments, found "${more}"`);
  }
}

/** Options of every command that loads a model. */
export const LOADING: Readonly<Record<string, Option>> = {
  hub: { value: "URL", about: 'where models are found by their id: --hub https://huggingface.co makes "owner/name" a model there' },
  threads: { value: "N", about: "how many threads compute; by default as many as make the model faster" },
};

const COMMON: Readonly<Record<string, Option>> = { help: { about: "show this" } };

/** Runs a command on its arguments, or shows its help. */
export async function runCommand(command: Command, args: readonly string[], print: (text: string) => void): Promise<void> {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...COMMON }).map(([name, { value, many }]) => [
      name,
      { type: value === undefined ? ("boolean" as const) : ("string" as const), multiple: many ?? false },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0] ?? "");
  }
  if (parsed.values["help"] === true) print(helpOf(command));
  else await command.run(new Given(parsed.positionals, parsed.values));
}

function helpOf({ usage, about, options }: Command): string {
  const rows = Object.entries({ ...options, ...COMMON }).map(([name, { value, about }]) => [`--${name}${value === undefined ? "" : ` ${value}`}`, about]);
  return `nanolm ${usage}\n\n${about}\n\n${columns(rows as [string, string][])}`;
}

/** Rows of two columns, the second one wrapped. */
export function columns(rows: readonly (readonly [string, string])[], width = 100): string {
  const first = Math.max(...rows.map(([left]) => left.length)) + 4;
  return rows
    .map(([left, right]) => {
      const lines = [""];
      for (const word of right.split(" ")) {
        const last = lines.length - 1;
        if (`${lines[last]} ${word}`.length > width - first) lines.push(word);
        else lines[last] = `${lines[last]} ${word}`.trimStart();
      }
      return `  ${left.padEnd(first - 2)}${lines.join(`\n${" ".repeat(first)}`)}`;
    })
    .join("\n");
}

/** The exit code of a failure, and what is said of it. */
export function failure(error: unknown, command: string): { code: number; text: string } {
  const { message } = error as Error;
  if (error instanceof NothingFound) return { code: 1, text: message };
  const wrongArgument = error instanceof NanolmError && error.code === "option/invalid";
  if (error instanceof UsageError || wrongArgument) return { code: 2, text: `${message}. See: nanolm ${command}${command === "" ? "" : " "}--help` };
  return { code: 1, text: error instanceof NanolmError ? `${message} [${error.code}]` : String(message ?? error) };
}
