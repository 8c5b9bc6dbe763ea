#!/usr/bin/env python3
"""Writes the models of the side-by-side benchmark: random weights of a fixed seed, the same in every format.

    models.py OUT [--shapes 15m,135m] [--types q8_0: these GGUF files alone]

OUT/<shape>/f16.gguf, q8_0.gguf, q4_0.gguf (every matrix in that type, norms in F32), and OUT/<shape>/onnx/: config.json,
onnx/model.onnx (f32) and onnx/model_quantized.onnx (int8, by onnxruntime's own quantiser), as transformers.js wants them. What is
there already with the version of this script is kept.

The weights are numbers that f16 holds exactly, so the F16 file and the f32 graph are the same model, and every engine must write
the same tokens with them.
"""

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

import vocabulary

# Raise it when the files change: those there are written anew.
VERSION = 2
SEED = 20
CONTEXT = 2048
EPS = 1e-5
ROPE_BASE = 10000.0


@dataclass(frozen=True)
class Shape:
    name: str
    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_ff: int
    n_vocab: int

    @property
    def head_dim(self) -> int:
        return self.d_model // self.n_heads


SHAPES = {
    "15m": Shape("15m", 288, 6, 6, 6, 768, 32000),
    "135m": Shape("135m", 576, 30, 9, 3, 1536, 49152),
}


def weights(shape: Shape) -> dict[str, np.ndarray]:
    """All matrices as [out, in], by GGUF's names; queries and keys in the half-split order of Hugging Face's files.

    Embeddings are small beside what the layers add, so that the tied output does not repeat its input for ever. Tokens that must
    never be written (the end of text, bytes that are no text) have rows of zeros: the likeliest of thousands of tokens is above 0.
    """
    rng = np.random.default_rng(SEED)

    def matrix(rows: int, columns: int, std: float) -> np.ndarray:
        return (rng.standard_normal((rows, columns), dtype=np.float32) * std).astype(np.float16).astype(np.float32)

    def norm() -> np.ndarray:
        return (1 + 0.1 * rng.standard_normal(d, dtype=np.float32)).astype(np.float16).astype(np.float32)

    d, kv = shape.d_model, shape.n_kv_heads * shape.head_dim
    table = matrix(shape.n_vocab, d, 0.02)
    table[vocabulary.never_written(shape.n_vocab)] = 0
    found = {"token_embd.weight": table, "output_norm.weight": norm()}
    for layer in range(shape.n_layers):
        found |= {
            f"blk.{layer}.attn_norm.weight": norm(),
            f"blk.{layer}.attn_q.weight": matrix(d, d, d**-0.5),
            f"blk.{layer}.attn_k.weight": matrix(kv, d, d**-0.5),
            f"blk.{layer}.attn_v.weight": matrix(kv, d, d**-0.5),
            f"blk.{layer}.attn_output.weight": matrix(d, d, d**-0.5),
            f"blk.{layer}.ffn_norm.weight": norm(),
            f"blk.{layer}.ffn_gate.weight": matrix(shape.d_ff, d, d**-0.5),
            f"blk.{layer}.ffn_up.weight": matrix(shape.d_ff, d, d**-0.5),
            f"blk.{layer}.ffn_down.weight": matrix(d, shape.d_ff, shape.d_ff**-0.5),
        }
    return found


def interleaved(matrix: np.ndarray, n_heads: int) -> np.ndarray:
    """Rows of queries or keys as llama.cpp orders them: the two halves of each head alternating."""
    rows, columns = matrix.shape
    return matrix.reshape(n_heads, 2, rows // n_heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def write_gguf(path: Path, shape: Shape, tensors: dict[str, np.ndarray], kind: gguf.GGMLQuantizationType) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"benchmark {shape.name}")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.d_model)
    writer.add_block_count(shape.n_layers)
    writer.add_feed_forward_length(shape.d_ff)
    writer.add_head_count(shape.n_heads)
    writer.add_head_count_kv(shape.n_kv_heads)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_vocab_size(shape.n_vocab)
    tokens = vocabulary.tokens(shape.n_vocab)
    end = shape.n_vocab - 1
    kinds = [gguf.TokenType.NORMAL] * shape.n_vocab
    kinds[end] = gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(vocabulary.MERGES)
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)
    for name, tensor in tensors.items():
        if name.endswith(("attn_q.weight", "attn_k.weight")):
            tensor = interleaved(tensor, shape.n_heads if "attn_q" in name else shape.n_kv_heads)
        if tensor.ndim == 1:
            writer.add_tensor(name, tensor)
        else:
            writer.add_tensor(name, gguf.quants.quantize(tensor, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_some(out: Path, shape: Shape, types: list[str]) -> None:
    """GGUF files of these types: without onnx, and without being taken for all files later."""
    out.mkdir(parents=True, exist_ok=True)
    tensors = weights(shape)
    for name in types:
        write_gguf(out / f"{name}.gguf", shape, tensors, gguf.GGMLQuantizationType[name.upper()])


def write_all(out: Path, shape: Shape) -> None:
    from graph import write_onnx

    stamp = out / "version"
    if stamp.exists() and stamp.read_text() == str(VERSION):
        print(f"models: {shape.name} is there")
        return
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    tensors = weights(shape)
    count = sum(t.size for t in tensors.values())
    print(f"models: {shape.name}, {count / 1e6:.1f} million weights, seed {SEED}", flush=True)
    for kind in (gguf.GGMLQuantizationType.F16, gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0):
        write_gguf(out / f"{kind.name.lower()}.gguf", shape, tensors, kind)
    write_onnx(out / "onnx", shape, tensors, CONTEXT, EPS, ROPE_BASE)
    (out / "vocabulary.json").write_text(json.dumps(vocabulary.texts(shape.n_vocab)))
    stamp.write_text(str(VERSION))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--types")
    options = parser.parse_args()
    for name in options.shapes.split(","):
        if name not in SHAPES:
            parser.error(f"unknown shape {name}; known: {', '.join(SHAPES)}")
        if options.types:
            write_some(options.out / name, SHAPES[name], options.types.split(","))
        else:
            write_all(options.out / name, SHAPES[name])


if __name__ == "__main__":
    main()
