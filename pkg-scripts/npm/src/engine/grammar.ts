// What structured output is written with: a wasm module of its own (grammar/ in the repository), fetched when something first asks
// for it. It gets the model's vocabulary once, and keeps the formats that it compiled.

import type { Engine, Guide } from "../engine.js";
import { optionError, WorkerError } from "../errors.js";

/** Texts go through its memory: in at `reserve`, out at `answer`. Numbers below 0 say that it failed. */
interface Grammar {
  memory: WebAssembly.Memory;
  reserve(length: number): number;
  answer(): number;
  answer_length(): number;
  vocabulary(): number;
  json(): number;
  regex(): number;
  begin(id: number): number;
  advance(id: number, token: number): number;
}

/** What `begin` and `advance` give where nothing may follow. */
const END = 1;

/** For the one model of this worker. */
let loading: Promise<Grammar> | undefined;

async function load(engine: Engine, fetched: () => Promise<WebAssembly.Module>): Promise<Grammar> {
  let module: WebAssembly.Module;
  try {
    module = await fetched();
  } catch (error) {
    const why = `grammar.wasm, which responseFormat needs, could not be started: ${(error as Error).message}`;
    throw new WorkerError("worker/wasm", `${why}. Serve it beside the package's other files`, { why });
  }
  const { exports } = await WebAssembly.instantiate(module, { env: { now: () => performance.now() } });
  const grammar = exports as unknown as Grammar;
  give(grammar, engine.vocabulary());
  if (grammar.vocabulary() < 0) throw optionError("responseFormat", "a model with a vocabulary of texts", refusal(grammar).found);
  return grammar;
}

function give({ memory, reserve }: Grammar, bytes: Uint8Array): void {
  const at = reserve(bytes.length);
  new Uint8Array(memory.buffer).set(bytes, at);
}

function answer({ memory, answer, answer_length }: Grammar): ArrayBuffer {
  const at = answer();
  return memory.buffer.slice(at, at + answer_length()) as ArrayBuffer;
}

const refusal = (grammar: Grammar): { place: string; expected: string; found: string } =>
  JSON.parse(new TextDecoder().decode(answer(grammar)));

/** What is compiled, and how errors name it. */
function read(format: unknown): { kind: "json" | "regex"; text: string; name: string } {
  const { type, schema, pattern } = (format ?? {}) as { type?: unknown; schema?: unknown; pattern?: unknown };
  // Without a schema: any object.
  if (type === "json") return { kind: type, text: JSON.stringify(schema ?? { type: "object" }), name: "responseFormat.schema" };
  if (type === "regex" && typeof pattern === "string") return { kind: type, text: pattern, name: "responseFormat.pattern" };
  throw optionError("responseFormat", '{ type: "json", schema } or { type: "regex", pattern } with the pattern as a string', JSON.stringify(format));
}

/** What holds a text to a format. Rejects where the format is none, or one that cannot be held. */
export async function guideFor(format: unknown, engine: Engine, fetched: () => Promise<WebAssembly.Module>): Promise<Guide> {
  const { kind, text, name } = read(format);
  loading ??= load(engine, fetched);
  // What could not be started is asked for again by the next call.
  loading.catch(() => (loading = undefined));
  const grammar = await loading;
  /** After a trap its memory cannot be trusted: the next call starts it anew. */
  const call = (work: () => number): number => {
    try {
      return work();
    } catch (error) {
      loading = undefined;
      throw optionError(name, "a format of moderate size", (error as Error).message);
    }
  };
  const id = call(() => {
    give(grammar, new TextEncoder().encode(text));
    return grammar[kind]();
  });
  if (id < 0) {
    const { place, expected, found } = refusal(grammar);
    throw optionError(`${name}${place}`, expected, found);
  }
  return (written) => {
    const state = call(() => (written === undefined ? grammar.begin(id) : grammar.advance(id, written)));
    if (state === END) return undefined;
    if (state < 0) throw new Error(refusal(grammar).found);
    return new Uint32Array(answer(grammar));
  };
}
