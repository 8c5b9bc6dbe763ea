// What structured output is written with: a wasm module of its own (grammar/ in the repository), fetched when something first asks
// for it. It gets the model's vocabulary once, and keeps the formats that it compiled.

import type { Engine, Guide } from "../engine.js";
import { optionError, saying, WorkerError } from "../errors.js";
import { type CallForm, callsGuide } from "./calls.js";

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
/** What its tokens write, as the engine gives it. */
let vocabulary: Uint8Array = new Uint8Array();
let texts: string[] | undefined;

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
  vocabulary = engine.vocabulary();
  texts = undefined;
  give(grammar, vocabulary);
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

/** What is compiled, how errors name it, and how the text begins already. */
function read(format: unknown): { kind: "json" | "regex"; text: string; name: string; prefix: string } {
  const { type, schema, pattern, prefix = "" } = (format ?? {}) as { type?: unknown; schema?: unknown; pattern?: unknown; prefix?: unknown };
  if (typeof prefix !== "string") throw optionError("responseFormat.prefix", "a string", prefix);
  // Without a schema: any object. White space between values says nothing, and is not written here.
  if (type === "json") {
    const begun = prefix.replace(/("(?:[^"\\]|\\.)*(?:"|\\?$))|\s+/gs, (_, text?: string) => text ?? "");
    return { kind: type, text: JSON.stringify(schema ?? { type: "object" }), name: "responseFormat.schema", prefix: begun };
  }
  if (type === "regex" && typeof pattern === "string") return { kind: type, text: pattern, name: "responseFormat.pattern", prefix };
  throw optionError("responseFormat", '{ type: "json", schema } or { type: "regex", pattern } with the pattern as a string', JSON.stringify(format));
}

const allows = (mask: Uint32Array, token: number): boolean => (((mask[token >> 5] ?? 0) >>> (token & 31)) & 1) === 1;

/** Tokens that write a text, the longest first. Which they are does not matter to a grammar. */
function tokensOf(text: string): number[] {
  texts ??= textsOf();
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  const tokens: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let best = -1;
    texts.forEach((text, token) => {
      if (text.length > (texts?.[best] ?? "").length && bytes.startsWith(text, at)) best = token;
    });
    if (best < 0) throw optionError("responseFormat.prefix", "a text that this model's tokens can write", JSON.stringify(text));
    tokens.push(best);
    at += (texts[best] as string).length;
  }
  return tokens;
}

/** What holds a text to a format. Rejects where the format is none, or one that cannot be held. */
export async function guideFor(format: unknown, engine: Engine, fetched: () => Promise<WebAssembly.Module>): Promise<Guide> {
  const calls = format as (CallForm & { type?: unknown; list: boolean; schemas: { exact: object; loose?: object }[] }) | null;
  const isCalls = calls?.type === "calls";
  const wanted = isCalls ? undefined : read(format);
  loading ??= load(engine, fetched);
  // What could not be started is asked for again by the next call.
  loading.catch(() => (loading = undefined));
  const grammar = await loading;
  if (wanted !== undefined) return formGuide(grammar, wanted);
  const { list, schemas } = calls as NonNullable<typeof calls>;
  const held = (schemas: unknown[]): Guide => {
    const schema = list ? { type: "array", items: { anyOf: schemas }, minItems: 1, maxItems: 8 } : { anyOf: schemas };
    return formGuide(grammar, { ...read({ type: "json", schema }), name: "tools" });
  };
  const exact = schemas.map(({ exact }) => exact);
  const canHold = (schemas: unknown[]): boolean => {
    try {
      return held(schemas) !== undefined;
    } catch {
      return false;
    }
  };
  const kept = canHold(exact)
    ? exact
    : schemas.map(({ exact, loose }, i) => (loose === undefined || canHold(schemas.map((each, k) => (k === i ? exact : (each.loose ?? each.exact)))) ? exact : loose));
  return callsGuide(calls as CallForm, held(kept), (texts ??= textsOf()));
}

/** What each token writes, a character a byte. */
function textsOf(): string[] {
  const view = new DataView(vocabulary.buffer, vocabulary.byteOffset);
  const count = view.getUint32(0, true);
  let start = 4 * (count + 1);
  return Array.from({ length: count }, (_, token) => {
    const end = 4 * (count + 1) + view.getUint32(4 * (token + 1), true);
    const text = String.fromCharCode(...vocabulary.subarray(start, end));
    start = end;
    return text;
  });
}

function formGuide(grammar: Grammar, { kind, text, name, prefix }: ReturnType<typeof read>): Guide {
  /** After a trap its memory cannot be trusted: the next call starts it anew. */
  const call = (work: () => number): number => {
    try {
      return work();
    } catch (error) {
      loading = undefined;
      throw optionError(name, "a format of moderate size", saying((error as Error).message));
    }
  };
  const id = call(() => {
    give(grammar, new TextEncoder().encode(text));
    return grammar[kind]();
  });
  if (id < 0) {
    const { place, expected, found } = refusal(grammar);
    const at = name === "tools" ? place.replace(/^(?:\/items)?\/anyOf\/(\d+)\/properties\/\w+/, "[$1].parameters") : place;
    throw optionError(`${name}${at}`, expected, saying(found));
  }
  const begun = prefix === "" ? [] : tokensOf(prefix);
  const misfit = (): Error => optionError("responseFormat.prefix", "the beginning of what the format allows, and not all of it", prefix);
  /** Whether the prefix fits is known before anything is written. */
  const begin = (): number => {
    let state = call(() => grammar.begin(id));
    for (const token of begun) {
      if (state !== 0 || !allows(new Uint32Array(answer(grammar)), token)) throw misfit();
      state = call(() => grammar.advance(id, token));
    }
    if (begun.length > 0 && state !== 0) throw misfit();
    return state;
  };
  if (begun.length > 0) begin();
  return (written) => {
    const state = written === undefined ? begin() : call(() => grammar.advance(id, written));
    if (state === END) return undefined;
    if (state < 0) throw new Error(refusal(grammar).found);
    return new Uint32Array(answer(grammar));
  };
}
