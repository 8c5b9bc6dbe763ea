"""Makes the tiny models of tests/golden: random weights from fixed seeds, and what `transformers` computes with them.

    python3 -m venv .venv && .venv/bin/pip install torch transformers tokenizers gguf safetensors
    .venv/bin/python tests/golden/make_fixtures.py

Every folder tiny-NAME holds a Hugging Face model (config.json, model.safetensors), some of them a tokenizer and GGUF
files of the same weights, and expected.json. An entry of its "runs" belongs to one weight file: where that is
quantised, `transformers` was given the dequantised weights, so the numbers hold for f32 arithmetic on that very file.
manifest.json says how everything was made and how closely it has to be met.
"""

import copy
import importlib.metadata
import json
import platform
import sys
from pathlib import Path

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from gguf import GGMLQuantizationType as Q

GOLDEN = Path(__file__).parent
# Where each model's search for a seed starts.
SEED = 1
VOCAB = 320
CONTEXT = 128
GREEDY = 32
# The smallest distance between the best and the second-best logit in a greedy run: rounding must not decide.
MIN_MARGIN = 5e-3

TRAINING_TEXT = """The old lighthouse stands where the river meets the sea. Every evening the keeper climbs the stairs,
lights the lamp and writes the weather into a book. In winter the wind comes from the north and the waves are higher
than the wall; in summer the children of the village sit on the stones and count the ships. Nobody knows who built the
lighthouse. The keeper says that it was there before the village, and that the village was there before the road. It's
the 3rd lamp that burns in the tower, and the keeper hopes that it'll be the last one."""


class CloseCall(Exception):
    """Rounding could decide a greedy run of this seed."""


PROMPTS = [
    "The keeper lights the lamp.",
    "In winter the wind comes from the north and the children count 12 ships",
    "Ñandú, 42 naïve 鳥!\n\nIt's",
]


def train_tokenizer():
    """A byte-level BPE of VOCAB tokens, in the manner of GPT-2."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=VOCAB,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TRAINING_TEXT], trainer)
    assert tokenizer.get_vocab_size() == VOCAB
    return tokenizer


def randomise(model, seed):
    """Weights large enough that every layer matters and that logits spread."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if name.endswith("bias"):
                p.copy_(0.2 * noise)
            elif p.dim() == 1:
                p.copy_(1 + 0.2 * noise)
            elif p.shape[0] in (VOCAB, CONTEXT):
                p.copy_(0.3 * noise)
            else:
                p.copy_(1.6 * noise / p.shape[-1] ** 0.5)


def rounded(model, dtype):
    """Rounds all weights to what `dtype` can hold; they stay f32."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.to(dtype).float())


def run(model, prompts, every_row=False):
    """Logits and greedy continuations."""
    cases = []
    for tokens in prompts:
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0]
        ids, margin = list(tokens), float("inf")
        for _ in range(GREEDY):
            with torch.no_grad():
                best = model(torch.tensor([ids])).logits[0, -1].topk(2)
            margin = min(margin, (best.values[0] - best.values[1]).item())
            ids.append(best.indices[0].item())
        if margin < MIN_MARGIN:
            raise CloseCall
        case = {"tokens": tokens, "greedy": ids[len(tokens):], "smallest_margin": round(margin, 4)}
        case["last_logits"] = [float(f"{x:.6g}") for x in logits[-1].tolist()]
        if every_row and not cases:
            case["all_logits"] = [[float(f"{x:.6g}") for x in row] for row in logits.tolist()]
        cases.append(case)
    return cases


def unpermute(weight, n_heads):
    """Rows of a head from half-split to interleaved rotary pairs, as GGUF files of the llama architecture have them."""
    head = weight.shape[0] // n_heads
    return weight.reshape(n_heads, 2, head // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def llama_tensors(model):
    """Tensors by their GGUF names."""
    c = model.config
    own = {name: p.detach().numpy() for name, p in model.named_parameters()}
    parts = {
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }
    tensors = {"token_embd.weight": own["model.embed_tokens.weight"], "output_norm.weight": own["model.norm.weight"]}
    for name, data in own.items():
        if not name.startswith("model.layers."):
            continue
        _, _, layer, rest = name.split(".", 3)
        part, kind = rest.rsplit(".", 1)
        if parts[part] == "attn_q":
            data = unpermute(data, c.num_attention_heads)
        if parts[part] == "attn_k":
            data = unpermute(data, c.num_key_value_heads)
        tensors[f"blk.{layer}.{parts[part]}.{kind}"] = data
    rope = c.rope_parameters
    if rope["rope_type"] == "llama3":
        head = c.head_dim
        frequencies = rope["rope_theta"] ** (-np.arange(0, head, 2) / head)
        turns = rope["original_max_position_embeddings"] * frequencies / (2 * np.pi)
        keep = np.clip((turns - rope["low_freq_factor"]) / (rope["high_freq_factor"] - rope["low_freq_factor"]), 0, 1)
        tensors["rope_freqs.weight"] = (1 / ((1 - keep) / rope["factor"] + keep)).astype(np.float32)
    return tensors


def gpt2_tensors(model):
    own = {name.removeprefix("transformer."): p.detach().numpy() for name, p in model.named_parameters()}
    parts = {
        "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
        "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
    }
    tensors = {
        "token_embd.weight": own["wte.weight"], "position_embd.weight": own["wpe.weight"],
        "output_norm.weight": own["ln_f.weight"], "output_norm.bias": own["ln_f.bias"],
    }
    for name, data in own.items():
        if name.startswith("h."):
            _, layer, rest = name.split(".", 2)
            part, kind = rest.rsplit(".", 1)
            transposed = data.ndim == 2
            tensors[f"blk.{layer}.{parts[part]}.{kind}"] = np.ascontiguousarray(data.T) if transposed else data
    return tensors


def write_gguf(path, model, tensors, dtype, tokenizer):
    """Writes the file; returns the weights it holds, by GGUF name, as f32."""
    c = model.config
    arch = "gpt2" if c.model_type == "gpt2" else "llama"
    w = gguf.GGUFWriter(path, arch)
    w.add_name(path.parent.name)
    if arch == "llama":
        w.add_context_length(c.max_position_embeddings)
        w.add_embedding_length(c.hidden_size)
        w.add_block_count(c.num_hidden_layers)
        w.add_feed_forward_length(c.intermediate_size)
        w.add_head_count(c.num_attention_heads)
        w.add_head_count_kv(c.num_key_value_heads)
        w.add_layer_norm_rms_eps(c.rms_norm_eps)
        w.add_rope_dimension_count(c.head_dim)
        w.add_rope_freq_base(c.rope_parameters["rope_theta"])
        w.add_vocab_size(c.vocab_size)
    else:
        w.add_context_length(c.n_positions)
        w.add_embedding_length(c.n_embd)
        w.add_block_count(c.n_layer)
        w.add_feed_forward_length(c.n_inner)
        w.add_head_count(c.n_head)
        w.add_layer_norm_eps(c.layer_norm_epsilon)
    if tokenizer:
        vocab = tokenizer.get_vocab()
        merges = json.loads(tokenizer.to_str())["model"]["merges"]
        w.add_tokenizer_model("gpt2")
        w.add_tokenizer_pre("gpt-2")
        w.add_token_list(sorted(vocab, key=vocab.get))
        w.add_token_types([gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (VOCAB - 1))
        w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
        w.add_bos_token_id(0)
        w.add_eos_token_id(0)
        w.add_add_bos_token(False)
    held = {}
    for name, data in tensors.items():
        data = np.ascontiguousarray(data, dtype=np.float32)
        kind = dtype if data.ndim == 2 else Q.F32
        stored = gguf.quants.quantize(data, kind)
        held[name] = gguf.quants.dequantize(stored, kind).astype(np.float32).reshape(data.shape)
        w.add_tensor(name, stored, raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return held


def loaded(model, tensors_of, held):
    """A copy of the model with the weights that a GGUF file holds."""
    copied = copy.deepcopy(model)
    # Renaming, reordering and transposing are undone by sending indices through the same function.
    starts, end = [], 1
    with torch.no_grad():
        for p in copied.parameters():
            p.copy_(torch.arange(end, end + p.numel(), dtype=torch.float32).reshape(p.shape))
            starts.append(end)
            end += p.numel()
        assert end < 2**24, "indices have to be exact in f32"
        values = torch.zeros(end)
        weights = {name: index for name, index in tensors_of(copied).items() if name != "rope_freqs.weight"}
        for name, index in weights.items():
            values[torch.from_numpy(np.ascontiguousarray(index)).long().flatten()] = torch.from_numpy(held[name]).flatten()
        for p, start in zip(copied.parameters(), starts):
            p.copy_(values[start:start + p.numel()].reshape(p.shape))
    return copied


def llama(seed, **overrides):
    settings = dict(
        vocab_size=VOCAB, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=CONTEXT, rms_norm_eps=1e-5, tie_word_embeddings=True,
        bos_token_id=0, eos_token_id=0, attn_implementation="eager",
    ) | overrides
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**settings)).eval()
    randomise(model, seed)
    return model


def qwen2(seed):
    config = transformers.Qwen2Config(
        vocab_size=VOCAB, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=CONTEXT, tie_word_embeddings=True, bos_token_id=0,
        eos_token_id=0, attn_implementation="eager",
    )
    model = transformers.Qwen2ForCausalLM(config).eval()
    randomise(model, seed)
    return model


def gpt2(seed):
    config = transformers.GPT2Config(
        vocab_size=VOCAB, n_embd=32, n_inner=64, n_layer=2, n_head=4, n_positions=CONTEXT, bos_token_id=0,
        eos_token_id=0, attn_implementation="eager",
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    randomise(model, seed)
    return model


LLAMA3 = dict(
    rope_type="llama3", rope_theta=500000.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=2.5,
    original_max_position_embeddings=16,
)
ALL_TYPES = [("f32", Q.F32), ("f16", Q.F16), ("q8_0", Q.Q8_0), ("q4_0", Q.Q4_0)]
# Name, model from a seed, its GGUF tensors, GGUF types, type of the safetensors file.
MODELS = [
    ("tiny-llama", llama, llama_tensors, ALL_TYPES, torch.float32),
    ("tiny-llama-untied", lambda s: llama(s, tie_word_embeddings=False, head_dim=16), None, [], torch.bfloat16),
    (
        "tiny-llama-llama3", lambda s: llama(s, rope_parameters=LLAMA3, attention_bias=True, mlp_bias=True),
        llama_tensors, [("f16", Q.F16)], torch.float16,
    ),
    ("tiny-qwen2", qwen2, None, [], torch.float16),
    ("tiny-gpt2", gpt2, gpt2_tensors, ALL_TYPES, torch.float32),
]


def make(name, model, tensors_of, gguf_types, dtype, tokenizer):
    """Writes one folder."""
    prompts = [tokenizer.encode(text).ids for text in PROMPTS]
    assert max(map(len, prompts)) + GREEDY <= CONTEXT
    folder = GOLDEN / name
    folder.mkdir(exist_ok=True)
    rounded(model, dtype)
    runs = {"model.safetensors": run(model, prompts, every_row=True)}
    # A copy, because the rotary table would lose precision with the weights.
    copy.deepcopy(model).to(dtype).save_pretrained(folder)
    has_tokenizer = len(gguf_types) > 1
    if has_tokenizer:
        tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    for suffix, kind in gguf_types:
        path = folder / f"model-{suffix}.gguf"
        held = write_gguf(path, model, tensors_of(model), kind, tokenizer if has_tokenizer else None)
        runs[path.name] = run(loaded(model, tensors_of, held), prompts[:1])
    text = json.dumps({"prompts": PROMPTS, "runs": runs}, ensure_ascii=False, separators=(",", ":"))
    (folder / "expected.json").write_text(text.replace(',"', ',\n"') + "\n")


def main():
    torch.set_num_threads(1)
    tokenizer = train_tokenizer()
    seeds = {}
    for name, model, *rest in MODELS:
        for seed in range(SEED, SEED + 1000):
            try:
                make(name, model(seed), *rest, tokenizer)
            except CloseCall:
                continue
            seeds[name] = seed
            break
    manifest = {
        "source": "random weights and a tokenizer trained on a paragraph, all made by make_fixtures.py",
        "command": "python tests/golden/make_fixtures.py",
        "seeds": seeds,
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__.split("+")[0],
            "transformers": transformers.__version__, "tokenizers": tokenizers.__version__,
            "gguf": importlib.metadata.version("gguf"), "numpy": np.__version__,
        },
        "tolerance": {
            "greedy": "equal token ids",
            "logits_max_abs": 1e-4,
            "why": "logits reach about 8; f32 sums in another order differ by about 2e-5",
        },
    }
    (GOLDEN / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
