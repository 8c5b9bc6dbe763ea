// What the header of a GGUF or safetensors file says: settings, and each tensor's shape, type and bytes. The engine reads the same
// again, more strictly, when it loads (src/format); here it is read before there is an engine.

import { errorFrom } from "../errors.js";
import type { Beginning } from "./beginning.js";
import { OTHER_TYPES, TYPES } from "./types.js";

export interface Tensor {
  name: string;
  shape: number[];
  /** As `model.info.weightType` has it. */
  type: string;
  elements: number;
  /** Undefined where the engine does not know the type. */
  bytes: number | undefined;
}

export interface Header {
  /** Scalars and texts as they are; of a list, how long it is. */
  metadata: Map<string, unknown>;
  tensors: Tensor[];
}

/** A list in the metadata. */
export interface List {
  length: number;
}

/** The file is longer than what is there of it: so much is needed. */
class Short {
  constructor(readonly need: number) {}
}

/** So long a header, or more tensors and settings, no model has. */
const MOST_BYTES = 1 << 28;
const MOST_ITEMS = 1 << 24;
const MOST_DIMENSIONS = 4;
const MAGIC = 0x46554747;
const ALIGNMENT = 32;

/** Bytes of a value by its kind; of texts and lists there is no one number. */
const SCALARS: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];
const TEXT = 8;
const LIST = 9;

function invalid(file: string, what: string, expected: string, found: unknown): Error {
  const message = `${file}: ${what}: expected ${expected}, found ${String(found)}. Get another file`;
  return errorFrom({ code: "format/invalid", message, details: { file, what, expected, found: String(found) } });
}

function truncated(file: string, expected: number, found: number): Error {
  const message = `${file}: the file ends too early: expected ${expected} bytes, found ${found}. Download the file again`;
  return errorFrom({ code: "format/truncated", message, details: { file, expected, found } });
}

/** Reads so much of a file as its header is long. */
async function readWith<T>(file: Beginning, read: (bytes: Uint8Array) => T): Promise<T> {
  for (let want = 1 << 16; ; ) {
    const bytes = await file.read(want);
    try {
      return read(bytes);
    } catch (short) {
      if (!(short instanceof Short)) throw short;
      if (bytes.length < want || short.need > (file.size ?? MOST_BYTES)) throw truncated(file.name, short.need, file.size ?? bytes.length);
      if (short.need > MOST_BYTES) throw invalid(file.name, "the header", `at most ${MOST_BYTES} bytes`, short.need);
      want = Math.max(2 * bytes.length, short.need);
    }
  }
}

/** Whether it is GGUF, by its first bytes. */
export async function isGguf(file: Beginning): Promise<boolean> {
  const bytes = await file.read(4);
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === MAGIC;
}

export function readGguf(file: Beginning): Promise<Header> {
  return readWith(file, (bytes) => new Gguf(file, bytes).header());
}

class Gguf {
  private at = 0;
  private readonly view: DataView;
  private readonly decoder = new TextDecoder();

  constructor(
    private readonly file: Beginning,
    private readonly bytes: Uint8Array,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  header(): Header {
    this.take(4);
    const version = this.u32();
    if (version !== 2 && version !== 3) throw invalid(this.file.name, "the GGUF version", "2 or 3, little-endian", version);
    const [nTensors, nPairs] = [this.count("tensors"), this.count("settings")];
    const metadata = new Map<string, unknown>();
    for (let i = 0; i < nPairs; i++) {
      const key = this.text();
      metadata.set(key, this.value(this.u32(), key));
    }
    const found: { tensor: Tensor; offset: number }[] = [];
    for (let i = 0; i < nTensors; i++) found.push(this.tensor());
    const step = Number(metadata.get("general.alignment") ?? ALIGNMENT);
    const start = Math.ceil(this.at / step) * step;
    const end = Math.max(0, ...found.map(({ tensor, offset }) => start + offset + (tensor.bytes ?? 0)));
    if (this.file.size !== undefined && end > this.file.size) throw truncated(this.file.name, end, this.file.size);
    return { metadata, tensors: found.map(({ tensor }) => tensor) };
  }

  private tensor(): { tensor: Tensor; offset: number } {
    const name = this.text();
    const n = this.u32();
    if (n < 1 || n > MOST_DIMENSIONS) throw invalid(this.file.name, `tensor ${name}`, `1 to ${MOST_DIMENSIONS} dimensions`, n);
    const shape = Array.from({ length: n }, () => this.u64()).reverse();
    const id = this.u32();
    const elements = shape.reduce((product, size) => product * size, 1);
    const known = TYPES.find((type) => type.id === id);
    const type = known?.name ?? OTHER_TYPES[id] ?? `type ${id}`;
    const bytes = known === undefined ? undefined : (elements / known.elements) * known.bytes;
    return { tensor: { name, shape, type, elements, bytes }, offset: this.u64() };
  }

  private value(kind: number, key: string): unknown {
    if (kind === TEXT) return this.text();
    if (kind === LIST) return this.list(key, 0);
    const size = SCALARS[kind];
    if (size === undefined) throw invalid(this.file.name, `the type of ${key}`, "0 to 12", kind);
    const at = this.take(size);
    switch (kind) {
      case 0:
        return this.view.getUint8(at);
      case 1:
        return this.view.getInt8(at);
      case 2:
        return this.view.getUint16(at, true);
      case 3:
        return this.view.getInt16(at, true);
      case 4:
        return this.view.getUint32(at, true);
      case 5:
        return this.view.getInt32(at, true);
      case 6:
        return this.view.getFloat32(at, true);
      case 7:
        return this.view.getUint8(at) !== 0;
      case 10:
        return Number(this.view.getBigUint64(at, true));
      case 11:
        return Number(this.view.getBigInt64(at, true));
      default:
        return this.view.getFloat64(at, true);
    }
  }

  /** Steps over it. */
  private list(key: string, depth: number): List {
    if (depth === MOST_DIMENSIONS) throw invalid(this.file.name, key, `lists at most ${MOST_DIMENSIONS} deep`, "deeper ones");
    const kind = this.u32();
    const length = this.count(key);
    const size = SCALARS[kind];
    if (size !== undefined) this.take(length * size);
    else if (kind === TEXT) for (let i = 0; i < length; i++) this.take(this.u64());
    else if (kind === LIST) for (let i = 0; i < length; i++) this.list(key, depth + 1);
    else throw invalid(this.file.name, `the element type of ${key}`, "0 to 12", kind);
    return { length };
  }

  private count(what: string): number {
    const n = this.u64();
    if (n > MOST_ITEMS) throw invalid(this.file.name, `the number of ${what}`, `at most ${MOST_ITEMS}`, n);
    return n;
  }

  private text(): string {
    const n = this.u64();
    const at = this.take(n);
    return this.decoder.decode(this.bytes.subarray(at, at + n));
  }

  private u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  private u64(): number {
    return Number(this.view.getBigUint64(this.take(8), true));
  }

  /** Steps over so many bytes; where they were. */
  private take(n: number): number {
    const at = this.at;
    if (at + n > this.bytes.length) throw new Short(at + n);
    this.at += n;
    return at;
  }
}

/** Tensors of a safetensors file. */
export async function readSafetensors(file: Beginning): Promise<Tensor[]> {
  const { header, end } = await readWith(file, (bytes) => {
    if (bytes.length < 8) throw new Short(8);
    const end = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    if (bytes.length < end) throw new Short(end);
    return { header: bytes.subarray(8, end), end };
  });
  const described = (parsed(file.name, header) ?? {}) as Record<string, { dtype?: unknown; shape?: unknown; data_offsets?: unknown }>;
  let last = end;
  const tensors = Object.entries(described).flatMap(([name, { dtype, shape, data_offsets }]): Tensor[] => {
    if (name === "__metadata__" || typeof dtype !== "string" || !Array.isArray(shape)) return [];
    const known = TYPES.find((type) => type.name === dtype);
    const elements = shape.reduce((product: number, size) => product * Number(size), 1);
    last = Math.max(last, end + Number((data_offsets as number[] | undefined)?.[1] ?? 0));
    return [{ name, shape: shape.map(Number), type: dtype, elements, bytes: known && elements * known.bytes }];
  });
  if (file.size !== undefined && last > file.size) throw truncated(file.name, last, file.size);
  return tensors;
}

/** A file that is JSON as a whole. */
export async function readJson(file: Beginning): Promise<unknown> {
  return parsed(file.name, await file.read(Number.POSITIVE_INFINITY));
}

function parsed(name: string, bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    // Python writes a word for infinity, which JSON does not know; the engine takes it for none.
    const known = text.replace(/"(?:[^"\\]|\\.)*"|\bInfinity\b/g, (part) => (part === "Infinity" ? "null" : part));
    if (known !== text) return parsed(name, new TextEncoder().encode(known));
    throw invalid(name, "the header", "JSON", (error as Error).message);
  }
}
