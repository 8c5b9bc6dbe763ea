"""Blocks of weights whose scales are searched: of some scales around the plain one, the one whose block comes nearest to the weights.

What counts as near can be told by `importance`: how much each input column matters, the mean square of what it is multiplied with
(as llama.cpp's importance matrices do). Each candidate is refitted by least squares once its codes are known. Layouts: `src/quant`.
Sums are taken in f64 in a fixed order, so that the same weights give the same bytes anywhere.
"""

import base64

import numpy as np

from gguf_file import F16, F32, Q4_0, Q5_0, Q8_0, IQ4_NL

# Codes of a block, from its lowest on, as numbers that the scale is multiplied with.
LEVELS = {
    Q4_0: np.arange(-8, 8, dtype=np.float64),
    Q5_0: np.arange(-16, 16, dtype=np.float64),
    Q8_0: np.arange(-127, 128, dtype=np.float64),
    IQ4_NL: np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float64),
}
NAMES = {F32: "F32", F16: "F16", Q4_0: "Q4_0", Q5_0: "Q5_0", Q8_0: "Q8_0", IQ4_NL: "IQ4_NL"}
BY_NAME = {name: kind for kind, name in NAMES.items()}
# Of the plain scale, by which the element of largest magnitude falls on the last code.
FACTORS = np.concatenate([s * np.linspace(0.72, 1.12, 17) for s in (1.0, -1.0)])
AT_ONCE = 1 << 15


def _codes(x, scale, levels):
    """Index of the level nearest to each element of `x: [n, 32]` in units of `scale: [n]`."""
    units = np.divide(x, scale[:, None], out=np.zeros_like(x), where=scale[:, None] != 0)
    if levels[1] - levels[0] == 1:
        return (np.rint(units).clip(levels[0], levels[-1]) - levels[0]).astype(np.int64)
    return np.searchsorted((levels[1:] + levels[:-1]) / 2, units)


def _search(x, weight, levels):
    """(scales in f16, codes) of blocks `x: [n, 32]`; `weight: [n, 32]`."""
    largest = np.take_along_axis(x, np.abs(x).argmax(1)[:, None], 1)[:, 0]
    best, scales, codes = np.full(len(x), np.inf), np.zeros(len(x), np.float16), np.zeros(x.shape, np.int64)
    factors = FACTORS if len(levels) <= 32 else [1.0]
    for factor in factors:
        scale = factor * largest / levels[0]
        q = levels[_codes(x, scale, levels)]
        below = (weight * q * q).sum(1)
        scale = np.divide((weight * x * q).sum(1), below, out=np.zeros(len(x)), where=below > 0).astype(np.float16)
        index = _codes(x, scale.astype(np.float64), levels)
        error = (weight * (x - scale.astype(np.float64)[:, None] * levels[index]) ** 2).sum(1)
        nearer = error < best
        best[nearer], scales[nearer], codes[nearer] = error[nearer], scale[nearer], index[nearer]
    return scales, codes


def quantize(tensor, kind, importance=None):
    """(bytes of `kind`, the f32 weights that they stand for) of `tensor: [rows, columns]`; `importance: [columns]`."""
    if kind not in LEVELS:
        held = np.ascontiguousarray(tensor, np.float32 if kind == F32 else np.float16)
        return held.tobytes(), held.astype(np.float32)
    rows, columns = tensor.shape
    blocks = np.ascontiguousarray(tensor, np.float64).reshape(-1, 32)
    weight = np.ones(columns) if importance is None else np.asarray(importance, np.float64)
    weight = weight.reshape(-1, 32)
    levels = LEVELS[kind]
    scales, codes = np.empty(len(blocks), np.float16), np.empty(blocks.shape, np.int64)
    for at in range(0, len(blocks), AT_ONCE):
        part = blocks[at : at + AT_ONCE]
        which = np.arange(at, at + len(part)) % len(weight)
        scales[at : at + AT_ONCE], codes[at : at + AT_ONCE] = _search(part, weight[which], levels)
    values = (scales.astype(np.float64)[:, None] * levels[codes]).astype(np.float32).reshape(rows, columns)
    head = scales.view(np.uint8).reshape(-1, 2)
    if kind == Q8_0:
        return np.concatenate([head, (codes - 127).astype(np.int8).view(np.uint8)], 1).tobytes(), values
    low = (codes & 15).astype(np.uint8)
    nibbles = low[:, :16] | low[:, 16:] << 4
    if kind != Q5_0:
        return np.concatenate([head, nibbles], 1).tobytes(), values
    fifth = ((codes >> 4) << np.arange(32)).sum(1).astype("<u4").view(np.uint8).reshape(-1, 4)
    return np.concatenate([head, fifth, nibbles], 1).tobytes(), values


def packed(importance):
    """An importance as text: the logarithm of each number, in 255 steps of a sixteenth, against the largest."""
    steps = np.rint(16 * np.log2(np.maximum(np.asarray(importance, np.float64), 1e-30) / np.max(importance))).clip(-255, 0)
    return base64.b64encode((-steps).astype(np.uint8).tobytes()).decode()


def unpacked(text):
    return np.exp2(-np.frombuffer(base64.b64decode(text), np.uint8).astype(np.float64) / 16)


class Choice:
    """A type for each tensor, as `sensitivity` has written it."""

    def __init__(self, written):
        self.types = {name: BY_NAME[kind] for name, kind in written["types"].items()}
        self.importance = {name: unpacked(text) for name, text in written["importance"].items()}

    def kind(self, name):
        return self.types.get(name, F32)

    def encode(self, name, tensor, kind):
        return quantize(tensor, kind, self.importance.get(name))[0]
