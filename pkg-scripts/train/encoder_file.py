"""A sentence encoder of BERT's class as llama.cpp's GGUF files have it: metadata and tensors of its Hugging Face folder."""

import json

import numpy as np

from minilm import read_safetensors

POOLING = {"mean_tokens": 1, "cls_token": 2, "lasttoken": 3}
WHOLE = {
    "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
}
PARTS = {
    "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
}


def read_json(path, default=None):
    return json.loads(path.read_text()) if path.exists() else default


def name_inside(name):
    """The GGUF name of a tensor; None for what no vector goes through."""
    stem, kind = name.removeprefix("bert.").rsplit(".", 1)
    if stem in WHOLE:
        return f"{WHOLE[stem]}.{kind}"
    if stem.startswith("encoder.layer."):
        layer, part = stem.removeprefix("encoder.layer.").split(".", 1)
        return f"blk.{layer}.{PARTS[part]}.{kind}"
    return None


def vocabulary(tokenizer, prefix="##"):
    """Metadata of a WordPiece vocabulary: what begins a word is marked, not what goes on."""
    model = tokenizer["model"]
    assert model["type"] == "WordPiece" and model["continuing_subword_prefix"] == prefix, model["type"]
    special = {token["content"]: token["id"] for token in tokenizer["added_tokens"] if token["special"]}
    tokens = [text for text, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    inside = [t if t in special else t.removeprefix(prefix) if t.startswith(prefix) else "▁" + t for t in tokens]
    return {
        "tokenizer.ggml.model": "bert", "tokenizer.ggml.pre": "default", "tokenizer.ggml.tokens": inside,
        "tokenizer.ggml.token_type": [3 if text in special else 1 for text in tokens],
        "tokenizer.ggml.unknown_token_id": special["[UNK]"], "tokenizer.ggml.padding_token_id": special["[PAD]"],
        "tokenizer.ggml.bos_token_id": special["[CLS]"], "tokenizer.ggml.seperator_token_id": special["[SEP]"],
    }


def metadata_of(folder, name=None):
    config = read_json(folder / "config.json")
    pooling = read_json(folder / "1_Pooling/config.json", {"pooling_mode_mean_tokens": True})
    return {
        "general.architecture": "bert", "general.name": name or folder.name,
        "bert.context_length": positions_of(folder), "bert.embedding_length": config["hidden_size"],
        "bert.block_count": config["num_hidden_layers"], "bert.feed_forward_length": config["intermediate_size"],
        "bert.attention.head_count": config["num_attention_heads"], "bert.attention.causal": False,
        "bert.attention.layer_norm_epsilon": float(config["layer_norm_eps"]),
        "bert.pooling_type": next(kind for mode, kind in POOLING.items() if pooling.get(f"pooling_mode_{mode}")),
        **vocabulary(read_json(folder / "tokenizer.json")),
    }


def positions_of(folder):
    """As many as `sentence_bert_config.json` lets texts have."""
    positions = read_json(folder / "config.json")["max_position_embeddings"]
    return min(positions, read_json(folder / "sentence_bert_config.json", {}).get("max_seq_length") or positions)


def tensors_of(folder):
    """{GGUF name: f32 array}"""
    found = {name_inside(name): np.asarray(tensor) for name, tensor in read_safetensors(folder / "model.safetensors").items()}
    found.pop(None, None)
    found["position_embd.weight"] = found["position_embd.weight"][: positions_of(folder)]
    return found


def is_matrix(name):
    """Whether a tensor gets a type of its own: positions and segments stay f32."""
    return name.startswith(("blk.", "token_embd."))
