// Streams of bytes, read into memory that is used again. Pieces in memory of their own are garbage, which browsers let lie until there are tens of
// megabytes of it, beside a model that takes much of the memory already.

type Bytes = Uint8Array<ArrayBuffer>;

/** Reads a stream piece by piece. What it gives may lie in the memory of what it gave before: whoever keeps it makes a copy. */
export interface PieceReader {
  /** Undefined at the end. */
  read(): Promise<Bytes | undefined>;
  cancel(): Promise<void>;
}

/** So much is read at once, at most. */
const ROOM = 1 << 18;

export function piecesOf(stream: ReadableStream<Bytes>): PieceReader {
  const reader = intoMemory(stream);
  if (reader === undefined) return plain(stream);
  let memory = new ArrayBuffer(ROOM);
  return {
    async read() {
      const { value } = await reader.read(new Uint8Array(memory));
      // The browser gives the memory back under another name.
      if (value !== undefined) memory = value.buffer;
      return value === undefined || value.length === 0 ? undefined : value;
    },
    cancel: () => reader.cancel(),
  };
}

/** Fills `memory` with a stream. Gives what is filled, in the memory as it is called now; undefined where the stream has more, or `memory.byteLength` fewer. */
export async function wholeOf(stream: ReadableStream<Bytes>, memory: ArrayBuffer): Promise<Bytes | undefined> {
  const length = memory.byteLength;
  const reader = intoMemory(stream);
  let filled = 0;
  if (reader === undefined) {
    const bytes = new Uint8Array(memory);
    const pieces = plain(stream);
    for (let piece = await pieces.read(); piece !== undefined; piece = await pieces.read()) {
      if (filled + piece.length > length) return undefined;
      bytes.set(piece, filled);
      filled += piece.length;
    }
    return filled === length ? bytes : undefined;
  }
  let rest = memory;
  while (filled < length) {
    const { value } = await reader.read(new Uint8Array(rest, filled));
    if (value === undefined || value.length === 0) return undefined;
    filled += value.length;
    rest = value.buffer;
  }
  const { done } = await reader.read(new Uint8Array(1));
  return done ? new Uint8Array(rest) : undefined;
}

/** Undefined where a stream has no such reader. */
function intoMemory(stream: ReadableStream<Bytes>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}

function plain(stream: ReadableStream<Bytes>): PieceReader {
  const reader = stream.getReader();
  return { read: async () => (await reader.read()).value, cancel: () => reader.cancel() };
}
