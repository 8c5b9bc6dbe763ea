#!/usr/bin/env python3
"""tests/golden/tiny-llama/model-q4_0.gguf in three parts, and its folder with the weights in two and an index.

Run where `pip install gguf==0.19.0 safetensors==0.8.0` has been: python3 tests/golden/split/make.py
"""

import json
import shutil
from pathlib import Path

import numpy as np
from gguf import GGUFReader, GGUFValueType, GGUFWriter
from safetensors import safe_open
from safetensors.numpy import save_file

HERE = Path(__file__).parent
WHOLE = HERE.parent / "tiny-llama"


def gguf():
    reader = GGUFReader(WHOLE / "model-q4_0.gguf")
    n = len(reader.tensors)
    writer = GGUFWriter(HERE / "model.gguf", "llama", split_max_tensors=-(-n // 3))
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        sub_type = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], sub_type=sub_type)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def safetensors():
    with safe_open(WHOLE / "model.safetensors", framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    names = list(tensors)
    weight_map = {}
    for i, part in enumerate([names[::2], names[1::2]]):
        shard = f"model-0000{i + 1}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, HERE / shard, metadata={"format": "pt"})
        weight_map |= {name: shard for name in part}
    index = {"metadata": {"total_size": sum(t.nbytes for t in tensors.values())}, "weight_map": weight_map}
    (HERE / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    for name in ["config.json", "tokenizer.json", "generation_config.json"]:
        shutil.copy(WHOLE / name, HERE / name)


gguf()
safetensors()
