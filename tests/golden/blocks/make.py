#!/usr/bin/env python3
"""Blocks of each storage type as the Python package `gguf` (0.19.0) decodes and encodes them, for tests/formats/blocks.rs.

Run where `pip install gguf==0.19.0` has been: python3 tests/golden/blocks/make.py > tests/golden/blocks/blocks.txt

One case a line: the type, `decode` (any bytes) or `encode`, the block's bytes and its elements as binary32, both little endian in hex.
The package encodes no K-quants and none of the IQ types.
"""

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

BLOCKS = 4
# By type, the bytes of a block that are binary16 scales.
SCALES = {
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q6_K": [208],
    "Q5_K": [0, 2], "Q3_K": [108], "Q2_K": [80, 82], "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": [], "TQ2_0": [64], "TQ1_0": [52],
}


def show(name, what, block, elements):
    print(name, what, block.tobytes().hex(), elements.astype("<f4").tobytes().hex())


def main():
    random = np.random.default_rng(19)
    for name, scales in SCALES.items():
        kind = GGMLQuantizationType[name]
        length, size = GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
        for at in scales:
            numbers = (random.standard_normal(BLOCKS) * 0.01).astype("<f2")
            blocks[:, at : at + 2] = numbers.view(np.uint8).reshape(BLOCKS, 2)
        if name == "MXFP4":
            # Exponents of weights, and the smallest ones.
            blocks[:, 0] = [0, 1, 117, 124]
        for block, elements in zip(blocks, quants.dequantize(blocks, kind)):
            show(name, "decode", block, elements)
        elements = (random.standard_normal((BLOCKS, length)) * 0.05).astype(np.float32)
        elements[0] = 0
        try:
            encoded = quants.quantize(elements, kind)
        except NotImplementedError:
            continue
        for block, x in zip(encoded, elements):
            show(name, "encode", block, x)


main()
