"""Writing and reading the GGUF v3 files of the default model: metadata, F32 norms, matrices in F16, Q8_0 or Q4_0.

Source: the GGUF specification of the ggml project. All numbers little-endian; tensor data 32-byte aligned; dimensions are
stored innermost first. Q8_0: blocks of 32 weights along a row, one f16 scale d = max|w| / 127 and 32 int8 q, w = d q.
Q4_0: one f16 scale d = (the weight of largest magnitude) / -8 and 16 bytes, element i < 16 in the low and i + 16 in the
high half of byte i, w = d (q - 8).
"""

import struct

import numpy as np

ALIGNMENT = 32
F32, F16, Q4_0, Q5_0, Q8_0, IQ4_NL = 0, 1, 2, 6, 8, 20
BYTES = {F32: (1, 4), F16: (1, 2), Q4_0: (32, 18), Q5_0: (32, 22), Q8_0: (32, 34), IQ4_NL: (32, 18)}  # elements and bytes of a block
U8, U32, I32, FLOAT, BOOL, STRING, ARRAY = 0, 4, 5, 6, 7, 8, 9


def quantize(weight, kind=Q8_0):
    """f32 [R, C] to the bytes of `kind`; C a multiple of 32 where that has blocks."""
    if kind in (F32, F16):
        return np.ascontiguousarray(weight, np.float32 if kind == F32 else np.float16).tobytes()
    blocks = np.ascontiguousarray(weight, np.float32).reshape(-1, 32)
    if kind == Q4_0:
        largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], 1)
        scale = (largest / -8.0).astype(np.float16)
        wide = scale.astype(np.float32)
        q = np.where(wide != 0, np.floor(blocks / np.where(wide != 0, wide, 1.0) + 8.5), 8.0).clip(0, 15).astype(np.uint8)
        return np.concatenate([scale.view(np.uint8).reshape(-1, 2), q[:, :16] | q[:, 16:] << 4], axis=1).tobytes()
    scale = (np.abs(blocks).max(axis=1) / 127.0).astype(np.float16)
    wide = scale.astype(np.float32)[:, None]
    q = np.where(wide > 0, np.rint(blocks / np.where(wide > 0, wide, 1.0)), 0.0).clip(-127, 127).astype(np.int8)
    return np.concatenate([scale[:, None].view(np.int8).reshape(-1, 2), q], axis=1).tobytes()


def dequantize(data, shape, kind=Q8_0):
    """The bytes of `kind` to f32 of `shape`."""
    if kind in (F32, F16):
        return np.frombuffer(data, np.float32 if kind == F32 else np.float16).astype(np.float32).reshape(shape)
    if kind == Q4_0:
        blocks = np.frombuffer(data, np.uint8).reshape(-1, 18)
        scale = np.ascontiguousarray(blocks[:, :2]).view(np.float16).astype(np.float32)
        q = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32) - 8.0
        return (scale * q).reshape(shape)
    blocks = np.frombuffer(data, np.int8).reshape(-1, 34)
    scale = np.ascontiguousarray(blocks[:, :2]).view(np.float16).astype(np.float32)
    return (scale * blocks[:, 2:].astype(np.float32)).reshape(shape)


def _string(text):
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _value(value):
    """(type, bytes) of a metadata value: bool, int (u32), float (f32), str, bytes (an array of u8), or a list of str or int (i32)."""
    if isinstance(value, bool):
        return BOOL, struct.pack("<?", value)
    if isinstance(value, int):
        return U32, struct.pack("<I", value)
    if isinstance(value, float):
        return FLOAT, struct.pack("<f", value)
    if isinstance(value, str):
        return STRING, _string(value)
    if isinstance(value, bytes):
        return ARRAY, struct.pack("<IQ", U8, len(value)) + value
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return ARRAY, struct.pack("<IQ", STRING, len(value)) + b"".join(map(_string, value))
    if isinstance(value, list) and all(isinstance(v, int) for v in value):
        return ARRAY, struct.pack("<IQ", I32, len(value)) + struct.pack(f"<{len(value)}i", *value)
    raise TypeError(f"gguf: no metadata type for {type(value).__name__}; use bool, int, float, str, bytes or a list of str or int")


def write(path, metadata, tensors, kind_of=lambda name: Q8_0, encode=lambda name, tensor, kind: quantize(tensor, kind)):
    """metadata: {key: value}; tensors: {name: f32 array}, 1-D written as F32, 2-D as `kind_of(name)` says, by `encode`."""
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    for key, value in metadata.items():
        kind, data = _value(value)
        head += [_string(key), struct.pack("<I", kind), data]
    payload, offset = [], 0
    for name, tensor in tensors.items():
        kind = F32 if tensor.ndim == 1 else kind_of(name)
        data = encode(name, tensor, kind)
        dims = tensor.shape[::-1]
        head += [_string(name), struct.pack("<I", len(dims)), struct.pack(f"<{len(dims)}Q", *dims), struct.pack("<IQ", kind, offset)]
        padding = -len(data) % ALIGNMENT
        payload += [data, b"\0" * padding]
        offset += len(data) + padding
    head = b"".join(head)
    with open(path, "wb") as out:
        out.write(head + b"\0" * (-len(head) % ALIGNMENT) + b"".join(payload))


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        size = struct.calcsize("<" + form)
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += size
        return values if len(values) > 1 else values[0]

    def string(self):
        size = self.take("Q")
        text = self.data[self.at : self.at + size].decode("utf-8")
        self.at += size
        return text

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            inner, count = self.take("IQ")
            if inner == U8:
                self.at += count
                return self.data[self.at - count : self.at]
            return [self.value(inner) for _ in range(count)]
        return self.take({U32: "I", I32: "i", FLOAT: "f", BOOL: "?"}[kind])


def described(path):
    """(metadata, [(name, shape, type, from, bytes)]) of a file that `write` made, and all its bytes."""
    with open(path, "rb") as file:
        reader = _Reader(file.read())
    if reader.data[:4] != b"GGUF":
        raise ValueError(f"{path}: not a GGUF file (expected the magic GGUF, found {reader.data[:4]!r})")
    reader.at = 4
    version, tensor_count, metadata_count = reader.take("IQQ")
    if version != 3:
        raise ValueError(f"{path}: expected GGUF version 3, found {version}")
    metadata = {}
    for _ in range(metadata_count):
        key = reader.string()
        metadata[key] = reader.value(reader.take("I"))
    infos = []
    for _ in range(tensor_count):
        name, rank = reader.string(), reader.take("I")
        dims = [reader.take("Q") for _ in range(rank)]
        infos.append((name, dims[::-1], *reader.take("IQ")))
    start = reader.at + (-reader.at % ALIGNMENT)
    found = []
    for name, shape, kind, offset in infos:
        elements, width = BYTES[kind]
        found.append((name, shape, kind, start + offset, int(np.prod(shape)) // elements * width))
    return metadata, found, reader.data


def read(path):
    """(metadata, {name: f32 array}, {name: type}) of a file that `write` made."""
    metadata, infos, data = described(path)
    tensors = {name: dequantize(data[at : at + size], shape, kind) for name, shape, kind, at, size in infos}
    return metadata, tensors, {name: kind for name, _, kind, _, _ in infos}
