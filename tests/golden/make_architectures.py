"""Makes tiny models of further architectures, as make_fixtures.py does for the first ones, which it takes its tools from:

    .venv/bin/python tests/golden/make_architectures.py [NAME ...]

Each folder tiny-NAME holds config.json, model.safetensors and model-f16.gguf with the same weights, which f16 holds exactly, and
expected.json: what `transformers` computes with them. Windows are 8 positions, so that every prompt is longer.
"""

import copy
import json
import sys

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as Q

import make_fixtures as fixtures
from make_fixtures import CONTEXT, GOLDEN, PROMPTS, SEED, VOCAB, CloseCall

WINDOW = 8
# Where GGUF calls a Llama's tensor something else.
LLAMA = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}
GEMMA = {
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
OLMO2 = {"post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm"}
PHI3 = {"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"}
NEOX = {
    "input_layernorm": "attn_norm", "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
    "post_attention_layernorm": "ffn_norm", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
}
WHOLE = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
    "model.embedding_norm.weight": "token_embd_norm.weight", "model.norm.bias": "output_norm.bias", "lm_head.weight": "output.weight",
    "gpt_neox.embed_in.weight": "token_embd.weight", "gpt_neox.final_layer_norm.weight": "output_norm.weight",
    "gpt_neox.final_layer_norm.bias": "output_norm.bias", "embed_out.weight": "output.weight",
}

STARCODER2 = {"mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
LFM2 = {
    "operator_norm": "attn_norm", "self_attn.q_layernorm": "attn_q_norm", "self_attn.k_layernorm": "attn_k_norm",
    "self_attn.out_proj": "attn_output", "conv.in_proj": "shortconv.in_proj", "conv.conv": "shortconv.conv",
    "conv.out_proj": "shortconv.out_proj", "ffn_norm": "ffn_norm", "feed_forward.w1": "ffn_gate", "feed_forward.w3": "ffn_up",
    "feed_forward.w2": "ffn_down",
}
SIZES = dict(
    vocab_size=VOCAB, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=CONTEXT, bos_token_id=0, eos_token_id=0, pad_token_id=0,
    attn_implementation="eager",
)
T = transformers
# Name: (class, settings beside SIZES, GGUF architecture, GGUF names, what the GGUF writer is told beside the sizes).
MODELS = {
    "qwen3": (
        T.Qwen3ForCausalLM, dict(head_dim=16, tie_word_embeddings=True, rope_parameters=dict(rope_theta=1e6, rope_type="default")),
        "qwen3", LLAMA, lambda w: None,
    ),
    "gemma": (T.GemmaForCausalLM, dict(head_dim=16), "gemma", LLAMA, lambda w: None),
    "gemma2": (
        T.Gemma2ForCausalLM,
        dict(head_dim=16, query_pre_attn_scalar=16, sliding_window=WINDOW, num_hidden_layers=4, final_logit_softcapping=6.0,
             attn_logit_softcapping=2.0),
        "gemma2", LLAMA | GEMMA,
        lambda w: (w.add_attn_logit_softcapping(2.0), w.add_final_logit_softcapping(6.0), w.add_sliding_window(WINDOW)),
    ),
    "gemma3": (
        T.Gemma3ForCausalLM,
        dict(head_dim=16, query_pre_attn_scalar=16, sliding_window=WINDOW, num_hidden_layers=7, rope_parameters={
            "full_attention": dict(rope_type="linear", rope_theta=1e6, factor=8.0),
            "sliding_attention": dict(rope_type="default", rope_theta=1e4),
        }),
        "gemma3", LLAMA | GEMMA,
        lambda w: (w.add_sliding_window(WINDOW), w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR),
                   w.add_rope_scaling_factor(8.0)),
    ),
    "mistral": (T.MistralForCausalLM, dict(sliding_window=WINDOW, head_dim=8), None, None, None),
    "phi3": (T.Phi3ForCausalLM, dict(sliding_window=WINDOW), "phi3", LLAMA | PHI3, lambda w: w.add_sliding_window(WINDOW)),
    "smollm3": (
        T.SmolLM3ForCausalLM, dict(num_hidden_layers=5, rope_parameters=dict(rope_theta=2e6, rope_type="default")), "smollm3", LLAMA,
        lambda w: None,
    ),
    "olmo2": (T.Olmo2ForCausalLM, dict(), "olmo2", LLAMA | OLMO2, lambda w: None),
    "granite": (
        T.GraniteForCausalLM,
        dict(embedding_multiplier=6.0, residual_multiplier=0.5, attention_multiplier=0.25, logits_scaling=2.0, attention_bias=True),
        "granite", LLAMA,
        lambda w: (w.add_embedding_scale(6.0), w.add_residual_scale(0.5), w.add_attention_scale(0.25), w.add_logit_scale(2.0)),
    ),
    "stablelm": (T.StableLmForCausalLM, dict(hidden_size=64, use_qkv_bias=True), "stablelm", LLAMA, lambda w: None),
    "stablelm-parallel": (
        T.StableLmForCausalLM, dict(hidden_size=64, use_parallel_residual=True), "stablelm", LLAMA,
        lambda w: w.add_parallel_residual(True),
    ),
    "lfm2": (
        T.Lfm2ForCausalLM,
        dict(num_hidden_layers=4, layer_types=["conv", "full_attention", "conv", "conv"], block_auto_adjust_ff_dim=True,
             intermediate_size=90, block_multiple_of=32, tie_word_embeddings=True),
        "lfm2", LLAMA | LFM2,
        lambda w: w.add_shortconv_l_cache(3),
    ),
    "ernie4_5": (T.Ernie4_5ForCausalLM, dict(head_dim=16), "ernie4_5", LLAMA, lambda w: None),
    "starcoder2": (T.Starcoder2ForCausalLM, dict(), "starcoder2", LLAMA | STARCODER2, lambda w: None),
    "starcoder2-window": (T.Starcoder2ForCausalLM, dict(sliding_window=WINDOW, use_bias=False), None, None, None),
    "gptneox": (
        T.GPTNeoXForCausalLM, dict(hidden_size=64, hidden_act="gelu"), "gptneox", NEOX, lambda w: w.add_parallel_residual(True),
    ),
}
# Whose rotary pairs are neighbours in GGUF files.
INTERLEAVED = ["smollm3", "granite"]


def rms(model):
    """Whether a norm's weight is stored less 1."""
    return type(model).__name__.startswith("Gemma")


def build(name, seed):
    cls, settings, *_ = MODELS[name]
    settings = {k: v for k, v in (SIZES | settings).items() if k != "num_key_value_heads" or name != "gptneox"}
    model = cls(cls.config_class(**settings)).eval()
    fixtures.randomise(model, seed)
    if rms(model):
        with torch.no_grad():
            for p in model.parameters():
                if p.dim() == 1:
                    p.sub_(1)
    fixtures.rounded(model, torch.float16)
    return model


def tensors(name, model):
    """By their GGUF names."""
    arch, names = MODELS[name][2:4]
    c = model.config
    found = {}
    for own, p in model.named_parameters():
        data = p.detach().numpy()
        if rms(model) and data.ndim == 1:
            data = data + np.float32(1)
        if data.ndim == 3:
            data = data.squeeze(1)
        if own in WHOLE:
            found[WHOLE[own]] = data
            continue
        layer, rest = own.split(".layers.", 1)[1].split(".", 1)
        part, kind = rest.rsplit(".", 1)
        heads = {"attn_q": c.num_attention_heads, "attn_k": getattr(c, "num_key_value_heads", 0)}
        if arch in INTERLEAVED and names[part] in heads:
            data = fixtures.unpermute(data, heads[names[part]])
        if part == "attention.query_key_value":
            n = c.num_attention_heads
            data = data.reshape(n, 3, -1, *data.shape[1:]).swapaxes(0, 1).reshape(data.shape)
        found[f"blk.{layer}.{names[part]}.{kind}"] = data
    return found


def write_gguf(path, name, model):
    arch, _, more = MODELS[name][2:]
    c = model.config
    heads = c.num_attention_heads
    head_dim = getattr(c, "head_dim", None) or c.hidden_size // heads
    rope = c.rope_parameters
    rope = rope.get("full_attention", rope)
    w = gguf.GGUFWriter(path, arch)
    w.add_name(path.parent.name)
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_block_count(c.num_hidden_layers)
    w.add_feed_forward_length(64 if arch == "lfm2" else c.intermediate_size)
    w.add_head_count(heads)
    kv_heads = getattr(c, "num_key_value_heads", heads)
    if arch == "lfm2":
        kv_heads = [kv_heads if kind == "full_attention" else 0 for kind in c.layer_types]
    w.add_head_count_kv(kv_heads)
    w.add_key_length(head_dim)
    w.add_value_length(head_dim)
    if hasattr(c, "rms_norm_eps") or arch == "lfm2":
        w.add_layer_norm_rms_eps(c.norm_eps if arch == "lfm2" else c.rms_norm_eps)
    else:
        w.add_layer_norm_eps(c.norm_epsilon if arch == "starcoder2" else c.layer_norm_eps)
    w.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1.0)))
    w.add_rope_freq_base(rope["rope_theta"])
    w.add_vocab_size(c.vocab_size)
    more(w)
    for tensor, data in tensors(name, model).items():
        data = np.ascontiguousarray(data, dtype=np.float32)
        kind = Q.F16 if data.ndim == 2 and "shortconv.conv" not in tensor else Q.F32
        w.add_tensor(tensor, gguf.quants.quantize(data, kind), raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def make(name, seed, tokenizer):
    model = build(name, seed)
    runs = {"model.safetensors": fixtures.run(model, [tokenizer.encode(text).ids for text in PROMPTS])}
    folder = GOLDEN / f"tiny-{name}"
    folder.mkdir(exist_ok=True)
    copy.deepcopy(model).to(torch.float16).save_pretrained(folder)
    if MODELS[name][2]:
        write_gguf(folder / "model-f16.gguf", name, model)
        runs["model-f16.gguf"] = runs["model.safetensors"]
    text = json.dumps({"prompts": PROMPTS, "seed": seed, "runs": runs}, ensure_ascii=False, separators=(",", ":"))
    (folder / "expected.json").write_text(text.replace(',"', ',\n"') + "\n")
    print(name, "seed", seed, "largest logit", max(max(map(abs, c["last_logits"])) for c in runs["model.safetensors"]))


def main():
    torch.set_num_threads(1)
    tokenizer = fixtures.train_tokenizer()
    for name in sys.argv[1:] or MODELS:
        for seed in range(SEED, SEED + 1000):
            try:
                make(name, seed, tokenizer)
                break
            except CloseCall:
                continue


if __name__ == "__main__":
    sys.exit(main())
