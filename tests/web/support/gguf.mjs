// GGUF files of a few settings and tensors, for tests of what is in no fixture.

const ALIGNMENT = 32;

function u32(n) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
}

function u64(n) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
}

function text(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function setting(value) {
  if (typeof value === "string") return Buffer.concat([u32(8), text(value)]);
  if (Number.isInteger(value)) return Buffer.concat([u32(4), u32(value)]);
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([u32(6), bytes]);
}

/** A file of settings (texts, whole numbers, floats) and tensors (`{ name, shape, type }`, ggml's number of it; zeros). `bytes: false`: without the tensors' bytes. */
export function gguf(metadata, tensors, { bytes = true } = {}) {
  const pairs = Object.entries(metadata).map(([key, value]) => Buffer.concat([text(key), setting(value)]));
  let offset = 0;
  const described = tensors.map(({ name, shape, type }) => {
    const own = Buffer.concat([text(name), u32(shape.length), ...[...shape].reverse().map(u64), u32(type), u64(offset)]);
    // As many as any type takes.
    offset += Math.ceil((shape.reduce((n, size) => n * size) * 4) / ALIGNMENT) * ALIGNMENT;
    return own;
  });
  const header = Buffer.concat([Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(pairs.length), ...pairs, ...described]);
  const padding = Buffer.alloc((ALIGNMENT - (header.length % ALIGNMENT)) % ALIGNMENT);
  return Buffer.concat([header, padding, Buffer.alloc(bytes ? offset : 0)]);
}
