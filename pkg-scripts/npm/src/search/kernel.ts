// The module that multiplies one vector with many (vectors/ in the repository), and the rows in its memory. It is small enough to lie in
// this file, where pkg-scripts/npm/assemble.mjs puts it: nothing is fetched, and nothing has to be waited for.

import { NanolmError, WorkerError } from "../errors.js";

const WASM: string = "base64:vectors";

interface Exports {
  memory: WebAssembly.Memory;
  base(): number;
  products_f32: Kernel;
  products_i8: Kernel;
  different_bits: Kernel;
}

type Kernel = (query: number, rows: number, out: number, count: number, stride: number) => void;

export type KernelName = "products_f32" | "products_i8" | "different_bits";

const STEP = 16;
const PAGE = 65536;
/** A memory of 32-bit addresses. */
const MOST_PAGES = 65536;
/** Rows that are scored at once: their scores stay in the nearest cache. */
export const SLICE = 2048;

let compiled: WebAssembly.Module | undefined;

function compile(): WebAssembly.Module {
  try {
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(WASM), (character) => character.charCodeAt(0)));
    return compiled;
  } catch (error) {
    const why = `the module of nanolm/search could not be started: ${(error as Error).message}`;
    throw new WorkerError("worker/wasm", `${why}. It needs WebAssembly with SIMD, and 'wasm-unsafe-eval' in a Content-Security-Policy`, { why });
  }
}

/** Rows of bytes, all of one length, in a memory of their own. */
export class Rows {
  readonly #exports: Exports;
  readonly #kernel: Kernel;
  /** Bytes from row to row. */
  readonly #stride: number;
  readonly #query: number;
  readonly #out: number;
  readonly #first: number;
  #count = 0;

  /** `length`: bytes of a row; `query`: those of a query. */
  constructor(
    kernel: KernelName,
    readonly length: number,
    query: number,
  ) {
    const padded = (bytes: number): number => Math.ceil(bytes / STEP) * STEP;
    this.#exports = new WebAssembly.Instance(compile()).exports as unknown as Exports;
    this.#kernel = this.#exports[kernel];
    this.#stride = padded(length);
    this.#query = padded(this.#exports.base());
    this.#out = this.#query + Math.max(padded(query), 2 * this.#stride);
    this.#first = this.#out + SLICE * 4;
    this.#reach(this.#first);
  }

  get count(): number {
    return this.#count;
  }

  /** Makes room for more rows, so that adding them cannot fail. */
  reserve(more: number): void {
    this.#reach(this.#at(this.#count + more));
  }

  push(row: Uint8Array): void {
    this.reserve(1);
    const bytes = new Uint8Array(this.#exports.memory.buffer);
    const at = this.#at(this.#count);
    bytes.set(row, at);
    // What was here before may have left something.
    bytes.fill(0, at + this.length, at + this.#stride);
    this.#count += 1;
  }

  /** Puts the last row in the place of one. */
  remove(row: number): void {
    this.#count -= 1;
    const last = this.#at(this.#count);
    new Uint8Array(this.#exports.memory.buffer).copyWithin(this.#at(row), last, last + this.#stride);
  }

  /** A copy of a row. */
  row(row: number): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer.slice(this.#at(row), this.#at(row) + this.length));
  }

  /** Whose scores are asked for next. */
  ask(query: Uint8Array): void {
    const bytes = new Uint8Array(this.#exports.memory.buffer);
    bytes.fill(0, this.#query, this.#out);
    bytes.set(query, this.#query);
  }

  /** What the kernel gives for some rows, at most `SLICE`. Holds until the next call. */
  scores(from: number, count: number): Float32Array {
    this.#kernel(this.#query, this.#at(from), this.#out, count, this.#stride);
    return new Float32Array(this.#exports.memory.buffer, this.#out, count);
  }

  #at(row: number): number {
    return this.#first + row * this.#stride;
  }

  #reach(end: number): void {
    const { memory } = this.#exports;
    const pages = memory.buffer.byteLength / PAGE;
    const needed = Math.ceil(end / PAGE);
    if (needed <= pages) return;
    // By a quarter, so that the next rows have room.
    const generous = Math.min(MOST_PAGES, Math.max(needed, Math.ceil(pages * 1.25)));
    for (const wanted of [generous, needed]) {
      try {
        memory.grow(wanted - pages);
        return;
      } catch {
        // Less, or not at all.
      }
    }
    const facts = { rows: this.#count, bytes: end };
    const what = `the index needs ${end} bytes of memory, which are not to be had`;
    throw new NanolmError("memory/exhausted", `${what}. Use the type int8 or binary, or an index of fewer vectors`, facts);
  }
}
