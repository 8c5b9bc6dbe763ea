"""The benchmark's models as ONNX graphs, in the form of today's exports: fused attention with its KV cache as inputs and outputs
(`com.microsoft.GroupQueryAttention`), fused norms, logits of the last positions only where asked for."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MS = "com.microsoft"


class Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, inputs: list[str], name: str, domain: str = "", outputs: list[str] | None = None, **attributes) -> str:
        outputs = outputs or [name]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=f"{name}/{op}", domain=domain, **attributes))
        return outputs[0]

    def linear(self, x: str, name: str, weight: np.ndarray) -> str:
        """weight: [out, in]."""
        return self.node("MatMul", [x, self.constant(f"{name}.weight", weight.T)], name)


def rope_tables(head_dim: int, context: int, base: float) -> tuple[np.ndarray, np.ndarray]:
    frequencies = base ** (-np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    angles = np.outer(np.arange(context), frequencies)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def build(shape, tensors: dict[str, np.ndarray], context: int, eps: float, rope_base: float) -> onnx.ModelProto:
    g = Graph()
    kv, d = shape.n_kv_heads, shape.head_dim
    inputs = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch_size", "sequence"]),
        helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch_size", "total"]),
        helper.make_tensor_value_info("num_logits_to_keep", TensorProto.INT64, []),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch_size", "kept", shape.n_vocab])]

    one = g.constant("one", np.array([1], np.int64))
    lengths = g.node("ReduceSum", ["attention_mask", one], "lengths", keepdims=0)
    past = g.node("Cast", [g.node("Sub", [lengths, one], "lengths_before")], "past", to=TensorProto.INT32)
    mask_shape = g.node("Shape", ["attention_mask"], "mask_shape")
    total = g.node("Gather", [mask_shape, g.constant("second", np.array(1, np.int64))], "total_long", axis=0)
    total = g.node("Cast", [total], "total", to=TensorProto.INT32)
    cos, sin = rope_tables(d, context, rope_base)
    cos, sin = g.constant("cos", cos), g.constant("sin", sin)

    x = g.node("Gather", [g.constant("embed.weight", tensors["token_embd.weight"]), "input_ids"], "embed")
    added = None
    for layer in range(shape.n_layers):
        block = f"layers.{layer}"

        def weight(name: str) -> np.ndarray:
            return tensors[f"blk.{layer}.{name}.weight"]

        scale = g.constant(f"{block}.attn_norm.weight", weight("attn_norm"))
        if added is None:
            normed = g.node("SimplifiedLayerNormalization", [x, scale], f"{block}.attn_norm", axis=-1, epsilon=eps)
        else:
            normed, x = skip_norm(g, x, added, scale, f"{block}.attn_norm", eps)
        qkv = np.concatenate([weight("attn_q"), weight("attn_k"), weight("attn_v")])
        qkv = g.linear(normed, f"{block}.qkv", qkv)
        cache = [f"past_key_values.{layer}.{which}" for which in ("key", "value")]
        present = [f"present.{layer}.{which}" for which in ("key", "value")]
        for name, length in ((cache, "past_sequence"), (present, "total")):
            infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch_size", kv, length, d]) for n in name]
            (inputs if name is cache else outputs).extend(infos)
        attended = g.node(
            "GroupQueryAttention", [qkv, "", "", *cache, past, total, cos, sin], f"{block}.attention", MS,
            [f"{block}.attention", *present], num_heads=shape.n_heads, kv_num_heads=kv, do_rotary=1, rotary_interleaved=0,
            scale=float(d**-0.5),
        )
        added = g.linear(attended, f"{block}.attn_output", weight("attn_output"))
        scale = g.constant(f"{block}.ffn_norm.weight", weight("ffn_norm"))
        normed, x = skip_norm(g, x, added, scale, f"{block}.ffn_norm", eps)
        gate = g.linear(normed, f"{block}.gate", weight("ffn_gate"))
        gate = g.node("Mul", [gate, g.node("Sigmoid", [gate], f"{block}.sigmoid")], f"{block}.silu")
        up = g.linear(normed, f"{block}.up", weight("ffn_up"))
        added = g.linear(g.node("Mul", [gate, up], f"{block}.gated"), f"{block}.down", weight("ffn_down"))
    scale = g.constant("output_norm.weight", tensors["output_norm.weight"])
    hidden, _ = skip_norm(g, x, added, scale, "output_norm", eps)
    # The last num_logits_to_keep positions; 0 keeps all, as a slice from -0 = 0 does.
    start = g.node("Neg", [g.node("Reshape", ["num_logits_to_keep", one], "kept")], "first_kept")
    end = g.constant("end", np.array([np.iinfo(np.int64).max], np.int64))
    hidden = g.node("Slice", [hidden, start, end, one, one], "kept_hidden")
    g.node("MatMul", [hidden, g.constant("output.weight", tensors["token_embd.weight"].T)], "logits")

    graph = helper.make_graph(g.nodes, f"benchmark {shape.name}", inputs, outputs, g.constants)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MS, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def skip_norm(g: Graph, x: str, added: str, scale: str, name: str, eps: float) -> tuple[str, str]:
    """Adds, and gives the norm of the sum and the sum."""
    normed = g.node(
        "SkipSimplifiedLayerNormalization", [x, added, scale], name, MS, [name, "", "", f"{name}.sum"], epsilon=eps
    )
    return normed, f"{name}.sum"


def write_onnx(out: Path, shape, tensors: dict[str, np.ndarray], context: int, eps: float, rope_base: float) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    folder = out / "onnx"
    folder.mkdir(parents=True)
    onnx.save(build(shape, tensors, context, eps, rope_base), folder / "model.onnx")
    quantize_dynamic(
        folder / "model.onnx", folder / "model_quantized.onnx", weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gather"], extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
    )
    end = shape.n_vocab - 1
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": shape.d_model,
        "intermediate_size": shape.d_ff,
        "num_hidden_layers": shape.n_layers,
        "num_attention_heads": shape.n_heads,
        "num_key_value_heads": shape.n_kv_heads,
        "head_dim": shape.head_dim,
        "vocab_size": shape.n_vocab,
        "max_position_embeddings": context,
        "rms_norm_eps": eps,
        "rope_theta": rope_base,
        "tie_word_embeddings": True,
        "hidden_act": "silu",
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
    }
    (out / "config.json").write_text(json.dumps(config, indent=2))
