// How an index is saved: eight bytes that say what it is, the version, the length of a description in JSON, the description, its parts
// one behind the other, and a CRC-32 of all of it. Numbers have the lowest byte first.

import { NanolmError } from "../errors.js";

const MAGIC = "nanolmix";
const VERSION = 1;
/** Before the description: what it is, the version, two lengths. */
const HEAD = 24;
const CHECK = 4;

export type Kind = "vectors" | "texts";

export interface Saved<Description> {
  description: Description;
  parts: Uint8Array[];
}

export function invalid(where: string, expected: string, found: string): NanolmError {
  const facts = { where, expected, found };
  return new NanolmError("index/invalid", `saved index, ${where}: expected ${expected}, found ${found}. Build the index again`, facts);
}

/** The bytes of an index. */
export function pack(kind: Kind, description: object, parts: readonly Uint8Array[]): Uint8Array {
  const lengths = parts.map(({ length }) => length);
  const text = new TextEncoder().encode(JSON.stringify({ ...description, kind, lengths }));
  const length = HEAD + text.length + lengths.reduce((sum, each) => sum + each, 0) + CHECK;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, VERSION, true);
  view.setUint32(12, text.length, true);
  view.setBigUint64(16, BigInt(length), true);
  bytes.set(text, HEAD);
  let at = HEAD + text.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, crc(bytes.subarray(0, at)), true);
  return bytes;
}

/** What was packed. Throws `index/invalid` where the bytes are anything else. */
export function unpack<Description>(kind: Kind, bytes: Uint8Array): Saved<Description> {
  if (!(bytes instanceof Uint8Array)) throw invalid("its bytes", "a Uint8Array", typeof bytes);
  const begins = new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  if (begins !== MAGIC) throw invalid("bytes 0 to 7", `"${MAGIC}"`, bytes.length === 0 ? "nothing" : JSON.stringify(begins));
  if (bytes.length < HEAD + CHECK) throw invalid("its length", `at least ${HEAD + CHECK} bytes`, `${bytes.length}: it is cut off`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint32(8, true);
  if (version !== VERSION) throw invalid("bytes 8 to 11", `version ${VERSION} of the format, which this package reads`, `version ${version}`);
  const length = view.getBigUint64(16, true);
  if (length !== BigInt(bytes.length)) throw invalid("its length", `${length} bytes`, `${bytes.length}`);
  const end = bytes.length - CHECK;
  const sum = view.getUint32(end, true);
  const found = crc(bytes.subarray(0, end));
  if (sum !== found) throw invalid(`bytes ${end} to ${bytes.length - 1}`, `the CRC-32 ${found} of what stands before`, `${sum}: it is damaged`);
  // From here on it is what some program has written, this one or another.
  let at = HEAD + view.getUint32(12, true);
  let read: { kind?: unknown; lengths?: unknown };
  try {
    read = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(HEAD, at))) as typeof read;
  } catch (error) {
    throw invalid(`bytes ${HEAD} to ${at - 1}`, "a description in JSON", (error as Error).message);
  }
  if (read?.kind !== kind) throw invalid("kind", `"${kind}"`, JSON.stringify(read?.kind));
  const lengths: unknown[] = Array.isArray(read.lengths) ? read.lengths : [];
  const parts = lengths.map((each) => bytes.subarray(at, (at += Number(each))));
  if (at !== end) throw invalid("lengths", `parts up to byte ${end}`, `parts up to byte ${at}`);
  return { description: read as Description, parts };
}

let table: Uint32Array | undefined;

/** CRC-32 as zip and PNG have it. */
function crc(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  let value = -1;
  for (let i = 0; i < bytes.length; i++) value = (value >>> 8) ^ (table[(value ^ (bytes[i] as number)) & 255] as number);
  return ~value >>> 0;
}
