// How vectors become rows, by the type of an index, and what a kernel's numbers mean. Vectors are of length 1 here: a product is a cosine.

import { optionError, saying } from "../errors.js";
import type { KernelName } from "./kernel.js";

/** `float32`: 4 bytes a number. `int8`: one, with a scale for each vector. `binary`: one bit, the sign. */
export type VectorType = "float32" | "int8" | "binary";

/** A vector: of `model.embed`, or of anything else. */
export type VectorLike = Float32Array | Float64Array | readonly number[];

interface Row {
  bytes: Uint8Array;
  scale: number;
}

export interface Encoding {
  kernel: KernelName;
  /** Bytes of a row, and of a query. */
  row(dimensions: number): number;
  query(dimensions: number): number;
  encode(vector: Float64Array): Row;
  ask(vector: Float64Array): Row;
  /** What is the greater, the nearer: out of what the kernel gives, and the scales of the row and the query together. */
  score(raw: number, scale: number): number;
  /** The cosine that such a score stands for. */
  cosine(score: number, dimensions: number): number;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

const largest = (vector: Float64Array): number => vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * The vector turned in space, so that no few numbers hold most of it: each by a sign, then a Walsh-Hadamard transform of every block as
 * large as the number of dimensions allows. Products stay as they were, and rounding costs half as much order, signs tell more.
 * After Ailon and Chazelle, "Approximate nearest neighbors and the fast Johnson-Lindenstrauss transform" (2006).
 */
function spread(vector: Float64Array): Float64Array {
  const { length } = vector;
  const block = length & -length;
  // Signs without a pattern, the same ones for ever: they are part of what is saved.
  const out = vector.map((value, i) => (isTurned(i) ? -value : value) / Math.sqrt(block));
  for (let half = 1; half < block; half *= 2) {
    for (let from = 0; from < length; from += 2 * half) {
      for (let i = from; i < from + half; i++) {
        const [a, b] = [out[i] as number, out[i + half] as number];
        out[i] = a + b;
        out[i + half] = a - b;
      }
    }
  }
  return out;
}

/** Half of all places, as if by chance: a sequence that is merely even would add up in some number of the transform. */
function isTurned(place: number): boolean {
  const first = Math.imul(place + 1, 0x9e3779b1);
  const second = Math.imul(first ^ (first >>> 15), 0x85ebca6b);
  return ((second ^ (second >>> 13)) & 1) === 1;
}

/** Whole numbers up to `most`, and the scale with which they come nearest to the vector. */
function rounded(vector: Float64Array, numbers: Int8Array | Int16Array, most: number): Row {
  const top = largest(vector);
  let product = 0;
  let square = 0;
  if (top > 0) {
    for (let i = 0; i < vector.length; i++) {
      const value = vector[i] as number;
      const whole = Math.round((value / top) * most);
      numbers[i] = whole;
      product += value * whole;
      square += whole * whole;
    }
  }
  return { bytes: bytesOf(numbers), scale: square === 0 ? 0 : product / square };
}

function signs(vector: Float64Array): Row {
  const bytes = new Uint8Array(Math.ceil(vector.length / 8));
  vector.forEach((value, i) => {
    if (value > 0) bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7));
  });
  return { bytes, scale: 1 };
}

const floats = (vector: Float64Array): Row => ({ bytes: bytesOf(Float32Array.from(vector)), scale: 1 });

/** Rounding may leave the range. */
const cosine = (score: number): number => Math.max(-1, Math.min(1, score));

/** So that a fourth of the products, which the kernel sums in 32 bits, stays below them whatever the numbers are. */
const finest = (dimensions: number): number => Math.min(32767, Math.floor((2 ** 31 - 1) / (127 * Math.ceil(dimensions / 4 + 4))));

export const ENCODINGS: Readonly<Record<VectorType, Encoding>> = {
  float32: {
    kernel: "products_f32",
    row: (dimensions) => 4 * dimensions,
    query: (dimensions) => 4 * dimensions,
    encode: floats,
    ask: floats,
    score: (raw) => raw,
    cosine,
  },
  int8: {
    kernel: "products_i8",
    row: (dimensions) => dimensions,
    query: (dimensions) => 2 * dimensions,
    encode: (vector) => rounded(spread(vector), new Int8Array(vector.length), 127),
    ask: (vector) => rounded(spread(vector), new Int16Array(vector.length), finest(vector.length)),
    score: (raw, scale) => raw * scale,
    cosine,
  },
  binary: {
    kernel: "different_bits",
    row: (dimensions) => Math.ceil(dimensions / 8),
    query: (dimensions) => Math.ceil(dimensions / 8),
    encode: (vector) => signs(spread(vector)),
    ask: (vector) => signs(spread(vector)),
    score: (raw) => -raw,
    // Of random planes through the origin, the part angle / pi lies between two vectors.
    cosine: (score, dimensions) => Math.cos((Math.PI * score) / dimensions),
  },
};

/** A vector of length 1 in its direction; of one that is all zero, zeros. */
export function unit(name: string, vector: VectorLike, dimensions: number): Float64Array {
  const isVector = Array.isArray(vector) || vector instanceof Float32Array || vector instanceof Float64Array;
  if (!isVector) throw optionError(name, `a vector of ${dimensions} numbers`, vector);
  if (vector.length !== dimensions) throw optionError(name, `a vector of ${dimensions} numbers`, saying(`one of ${vector.length}`));
  const numbers = Float64Array.from(vector as ArrayLike<number>);
  const wrong = numbers.findIndex((value, i) => !Number.isFinite(value) || typeof vector[i] !== "number");
  if (wrong >= 0) throw optionError(`${name}[${wrong}]`, "a finite number", vector[wrong]);
  // First by the largest, so that no square leaves the range.
  const top = largest(numbers);
  if (top === 0) return numbers;
  const length = Math.sqrt(numbers.reduce((sum, value) => sum + (value / top) ** 2, 0));
  return numbers.map((value) => value / top / length);
}
