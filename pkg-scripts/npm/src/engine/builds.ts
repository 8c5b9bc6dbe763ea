// The engine is built three times, and a browser downloads one of them: which, is decided here, by features, never by the
// browser's name. A wrong guess costs a moment: whatever does not start, the next one in the list does (see launch.ts).

import { optionError } from "../errors.js";
import type { Build } from "../info.js";
import { isNode } from "../platform.js";

/** From the slowest to the fastest; each can do what those before it can, and more. */
const BUILDS: readonly Build[] = ["simd128", "relaxed", "threads"];

/** More would not share the work of a nano model any further. The pool in src/cpu/pool.rs has as many places. */
const MOST_THREADS = 16;

export interface BuildOptions {
  build?: Build | undefined;
  threads?: number | undefined;
  device: "auto" | "gpu" | "cpu";
}

export interface Choice {
  /** What to try, one after the other. */
  builds: Build[];
  /** Why the fastest is not among them; empty if it is. */
  lacking: string;
}

/** The builds to try for a load, the fastest first. */
export function choose({ build, threads, device }: BuildOptions): Choice {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) {
    throw optionError("threads", `a whole number from 1 to ${MOST_THREADS}`, threads);
  }
  if (build !== undefined) {
    if (!BUILDS.includes(build)) throw optionError("build", '"simd128", "relaxed" or "threads"', build);
    return { builds: [build], lacking: "" };
  }
  const unfit = relaxedSimdLacks();
  if (unfit !== "") return { builds: ["simd128"], lacking: unfit };
  const lacking = threads === 1 ? "one thread was asked for" : device === "gpu" ? "the GPU was asked for" : noThreads();
  return { builds: lacking === "" ? ["threads", "relaxed", "simd128"] : ["relaxed", "simd128"], lacking };
}

/**
 * Why relaxed SIMD cannot be used here, or "". It is tried on one product: the first engines that had the instruction (V8 of
 * early 2023, behind a flag) got it wrong, and wrong text is worse than slow text.
 */
function relaxedSimdLacks(): string {
  if (typeof WebAssembly === "undefined") return "there is no WebAssembly here";
  if (!WebAssembly.validate(RELAXED)) return "the browser has no relaxed SIMD";
  try {
    const { dot } = new WebAssembly.Instance(new WebAssembly.Module(RELAXED)).exports;
    return (dot as () => number)() === 4 * -5 * 100 ? "" : "the browser's relaxed SIMD multiplies wrongly";
  } catch {
    // A content security policy without WebAssembly: the engine's own error will say so.
    return "the browser does not let relaxed SIMD be tried";
  }
}

/** Why there can be no threads here, or "". */
function noThreads(): string {
  if (!isNode && !globalThis.crossOriginIsolated) return "the page is not cross-origin isolated";
  if (typeof SharedArrayBuffer === "undefined") return "the browser has no SharedArrayBuffer";
  // What waits for the GPU waits with it.
  if (!("waitAsync" in Atomics)) return "the browser has no Atomics.waitAsync";
  if (!WebAssembly.validate(ATOMICS)) return "the browser's WebAssembly has no threads";
  return "";
}

// Modules that hold the instructions in question and little else, written out section by section.

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]; // "\0asm", version 1
const TYPES = [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f]; // section 1: one type, of a function () -> i32
const FUNCTIONS = [0x03, 0x02, 0x01, 0x00]; // section 3: one function, of type 0
const SHARED_MEMORY = [0x05, 0x04, 0x01, 0x03, 0x01, 0x01]; // section 5: one memory, shared, of 1 page, at most 1
const EXPORTS = [0x07, 0x07, 0x01, 0x03, 0x64, 0x6f, 0x74, 0x00, 0x00]; // section 7: "dot" is function 0
const ZERO = [0x41, 0x00]; // i32.const 0
const SPLAT = [0xfd, 0x0f]; // i8x16.splat
const MINUS_FIVES = [0x41, 0x7b, ...SPLAT];
const HUNDREDS = [0x41, 0xe4, 0x00, ...SPLAT];
const ZEROS = [...ZERO, ...SPLAT];
const FIRST_LANE = [0xfd, 0x1b, 0x00]; // i32x4.extract_lane 0
const DROP = 0x1a;
const END = 0x0b;

/** Section 10: one function body without locals. All lengths here are below 128, one byte each. */
function code(instructions: number[]): number[] {
  const body = [0x00, ...instructions, END];
  return [0x0a, body.length + 2, 0x01, body.length, ...body];
}

const RELAXED = new Uint8Array([
  ...HEADER,
  ...TYPES,
  ...FUNCTIONS,
  ...EXPORTS,
  ...code([
    ...[...ZEROS, ...ZEROS, ...ZEROS, 0xfd, 0x85, 0x02, DROP], // f32x4.relaxed_madd
    ...[...MINUS_FIVES, ...HUNDREDS, ...ZEROS, 0xfd, 0x93, 0x02], // i32x4.relaxed_dot_i8x16_i7x16_add_s
    ...FIRST_LANE,
  ]),
]);

const ATOMICS = new Uint8Array([
  ...HEADER,
  ...TYPES,
  ...FUNCTIONS,
  ...SHARED_MEMORY,
  ...code([...ZERO, 0xfe, 0x10, 0x02, 0x00]), // i32.atomic.load of 4 aligned bytes at offset 0
]);
