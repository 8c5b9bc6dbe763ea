// The text that a command works on: a file's, or what is piped in.

import { readFile } from "node:fs/promises";
import process from "node:process";
import { UsageError } from "./command.js";

/** Reads a file, or for "-" the standard input; without a name the latter, too, unless it is a terminal. */
export async function readText(name: string | undefined): Promise<string> {
  if (name === undefined && process.stdin.isTTY) throw new UsageError("expected a FILE, or - for the standard input");
  const piped = name === undefined || name === "-";
  return decoded(piped ? await standardInput() : await readNamed(name), piped ? "the standard input" : name);
}

async function readNamed(name: string): Promise<Uint8Array> {
  try {
    return await readFile(name);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const why = { ENOENT: "there is no such file", EISDIR: "it is a folder", EACCES: "it may not be read" }[code ?? ""];
    throw new Error(`${name} cannot be read: ${why ?? message}`);
  }
}

async function standardInput(): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of process.stdin) parts.push(part);
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function decoded(bytes: Uint8Array, name: string): string {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return new TextDecoder(first === 0xff ? "utf-16le" : "utf-16be").decode(bytes);
  }
  if (bytes.includes(0)) throw new Error(`${name} is no text: expected UTF-8, found bytes of value 0`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    process.stderr.write(`nanolm: ${name} is not UTF-8: it was read as windows-1252\n`);
    return new TextDecoder("windows-1252").decode(bytes);
  }
}
