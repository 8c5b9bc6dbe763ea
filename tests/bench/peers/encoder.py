#!/usr/bin/env python3
"""A sentence encoder's folder as transformers.js takes it: ONNX in f32, and in 8 bits as onnxruntime quantises dynamically.

    encoder.py DIR/all-minilm-l6-v2 OUT

Needs torch, transformers, onnx and onnxruntime.
"""

import shutil
import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel


class Rows(torch.nn.Module):
    def __init__(self, folder):
        super().__init__()
        self.model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(folder / name, out / name)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    ids = torch.ones(2, 16, dtype=torch.long)
    whole, quantised = out / "onnx/model.onnx", out / "onnx/model_quantized.onnx"
    axes = {name: {0: "batch", 1: "sequence"} for name in (*names, "last_hidden_state")}
    torch.onnx.export(Rows(folder), (ids, ids, torch.zeros_like(ids)), str(whole), input_names=names, output_names=["last_hidden_state"],
                      dynamic_axes=axes, opset_version=17, dynamo=False)
    quantize_dynamic(str(whole), str(quantised), weight_type=QuantType.QInt8)
    print(f"{whole} {whole.stat().st_size}, {quantised} {quantised.stat().st_size}")


if __name__ == "__main__":
    main()
