"""Makes tiny random encoder-decoders, as make_fixtures.py does for decoders, which it takes its tools from:

    .venv/bin/python tests/golden/make_seq2seq.py [NAME ...]
    .venv/bin/python tests/golden/make_seq2seq.py --real FOLDER_OF_T5_SMALL_TITLER
    .venv/bin/python tests/golden/make_seq2seq.py --gguf FOLDER FILE

It needs `sentencepiece` too. Each folder tiny-NAME holds config.json, generation_config.json, model.safetensors in f16, tokenizer.json with
SentencePiece's normalisation rules, and expected.json: what `transformers` computes in f64 from the same weights. Of each source: its
tokens, the encoder's rows (of the shortest), the logits behind the greedy output's first and last token, and the outputs by greedy decoding and
by beam search in several settings. Rounding decides none of them: the same comes out of f32 with noise on every logit. The second command
writes t5-small-titler.json: what the real model makes of 20 texts. The third writes a folder of a T5 as a GGUF file, as llama.cpp does;
tiny-t5 has one too, and one of its encoder alone.
"""

import base64
import io
import json
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
import safetensors.torch
import sentencepiece
import sentencepiece.sentencepiece_model_pb2 as sentencepiece_model
import tokenizers
import torch
import transformers
from safetensors.torch import save_file

import make_fixtures as fixtures
from make_fixtures import GOLDEN, TRAINING_TEXT

T = transformers
# Where each model's search for a seed starts.
SEED = 1
VOCAB = 280
SENTINELS = 10
NEW = 24
NOISE = 3e-4
TEXTS = [
    "The keeper lights the lamp.",
    "",
    "In winter the wind comes from the north, and the children <extra_id_0> count 12 ships.",
    "Cafe\u0301, \ufb01sh\u00a0and  na\u00efve \uff21\uff22\u2026\n\u706f\u53f0",
    "The old lighthouse stands where the river meets the sea, and the keeper climbs the stairs. " * 4,
]
# Beside `max_new_tokens`, by the names of `transformers`.
SEARCHES = [
    dict(num_beams=2),
    dict(num_beams=4, early_stopping=True),
    dict(num_beams=3, length_penalty=2.0, early_stopping="never"),
    dict(num_beams=4, length_penalty=-0.5),
    dict(num_beams=5, length_penalty=0.0, early_stopping="never"),
    dict(num_beams=3, no_repeat_ngram_size=2, min_new_tokens=6),
    dict(num_beams=2, repetition_penalty=1.3),
    dict(num_beams=1, no_repeat_ngram_size=2, min_new_tokens=6),
]
T5 = dict(vocab_size=VOCAB, d_model=32, d_kv=12, d_ff=48, num_heads=4, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
          attn_implementation="eager")
BART = dict(vocab_size=VOCAB, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
            encoder_ffn_dim=48, decoder_ffn_dim=48, max_position_embeddings=192, pad_token_id=0, eos_token_id=1, bos_token_id=2,
            attn_implementation="eager")
# What a generation_config.json says, beside the tokens.
RULES = {
    "bart": {"decoder_start_token_id": 1, "forced_bos_token_id": 2, "forced_eos_token_id": 1},
    "marian": {"decoder_start_token_id": 0, "forced_eos_token_id": 1, "bad_words_ids": [[0]]},
}
TASKS = {
    "summarization": {"early_stopping": True, "length_penalty": 2.0, "max_length": 12, "min_length": 3, "no_repeat_ngram_size": 3,
                      "num_beams": 4, "prefix": "summarize: "},
    "translation_en_to_de": {"early_stopping": True, "max_length": 20, "num_beams": 4, "prefix": "translate English to German: "},
}
MODELS = {
    # Flan-T5's kind: gated, with an output matrix of its own.
    "t5": (T.T5ForConditionalGeneration, lambda: T.T5Config(**T5, num_layers=2, feed_forward_proj="gated-gelu", tie_word_embeddings=False), False),
    # The first T5: plain, the output is the scaled table of tokens; more layers on one side, other distances.
    "t5-relu": (T.T5ForConditionalGeneration, lambda: T.T5Config(**T5, num_layers=3, num_decoder_layers=2, relative_attention_num_buckets=8,
                                                                 relative_attention_max_distance=20), True),
    "bart": (T.BartForConditionalGeneration, lambda: T.BartConfig(**BART, activation_function="gelu"), True),
    "marian": (T.MarianMTModel, lambda: T.MarianConfig(**BART | dict(encoder_layers=3, decoder_vocab_size=VOCAB), decoder_start_token_id=0,
                                                       scale_embedding=True, activation_function="swish"), True),
}


def rules():
    """A few of SentencePiece's rules, compiled by itself."""
    table = ["A0\t20", "A\t20", "D\t20", "9\t20", "FB01\t66 69", "2026\t2E 2E 2E", "65 301\tE9", "AD\t"]
    table += [f"{0xff21 + i:X}\t{0x41 + i:X}" for i in range(26)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.tsv"
        path.write_text("\n".join(table) + "\n")
        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TRAINING_TEXT.split("\n")), model_writer=out, vocab_size=60, model_type="unigram",
            normalization_rule_tsv=str(path), minloglevel=2)
    model = sentencepiece_model.ModelProto()
    model.ParseFromString(out.getvalue())
    return base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()


def train_tokenizer():
    """A Unigram of VOCAB tokens with sentinels, in the manner of T5."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram())
    tokenizer.normalizer = tokenizers.normalizers.Precompiled(base64.b64decode(rules()))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    trainer = tokenizers.trainers.UnigramTrainer(
        vocab_size=VOCAB - SENTINELS, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator([TRAINING_TEXT, "summarize: translate English to German: "], trainer)
    assert tokenizer.get_vocab_size() <= VOCAB - SENTINELS, tokenizer.get_vocab_size()
    fill = VOCAB - SENTINELS - tokenizer.get_vocab_size()
    tokenizer.add_tokens([f"filler{i}" for i in range(fill)])
    tokenizer.add_special_tokens([f"<extra_id_{i}>" for i in range(SENTINELS)])
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer


class Noise(T.LogitsProcessor):
    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids, scores):
        return scores + NOISE * torch.randn(scores.shape, generator=self.generator).to(scores.dtype)


def rules_of(model):
    return RULES.get(model.config.model_type, {"decoder_start_token_id": 0})


def generate(model, ids, noise=None, **settings):
    """New tokens."""
    wanted = dict(max_new_tokens=NEW, do_sample=False, num_beams=1, pad_token_id=0) | rules_of(model) | settings
    if noise is not None:
        wanted["logits_processor"] = T.LogitsProcessorList([Noise(noise)])
    ids = torch.tensor([ids])
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), **wanted)[0].tolist()
    out = out[1:]
    # What is filled up behind the end.
    end = model.config.eos_token_id
    return out[:out.index(end) + 1] if end in out else out


def searches(model, ids):
    """Every output, and whether rounding could decide one."""
    all_settings = [{}, *SEARCHES]
    found = [generate(model, ids, **settings) for settings in all_settings]
    model.float()
    close = any(generate(model, ids, noise=noise, **settings) != out
                for noise in range(2) for settings, out in zip(all_settings, found))
    model.double()
    return found, close


def numbers(row):
    return [float(f"{x:.6g}") for x in row.tolist()]


@torch.no_grad()
def build(name, seed):
    kind, config, tied = MODELS[name]
    model = kind(config()).eval()
    if not tied:
        model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
    fixtures.randomise(model, seed)
    if name == "marian":
        # Sines and cosines are no weights.
        for side in [model.model.encoder, model.model.decoder]:
            side.embed_positions.weight.copy_(side.embed_positions.create_weight())
    with torch.no_grad():
        for own, p in model.named_parameters():
            if own.endswith(".q.weight"):
                # Scores have no factor, and must not leave one key alone.
                p.mul_(0.5 * T5["d_kv"] ** -0.5)
            if own == "model.shared.weight":
                scale = 0.3 if name == "marian" else 0.6
                p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(seed)) * scale)
                p[1] *= 1.6
            if own in ("shared.weight", "lm_head.weight"):
                # Rows are not scaled, and logits spread; outputs end.
                p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(seed)) * (1.2 if tied else 0.25))
                p[1] *= 1.1 if tied else 1.6
    if "final_logits_bias" in dict(model.named_buffers()):
        model.final_logits_bias.copy_(0.3 * torch.randn(1, VOCAB, generator=torch.Generator().manual_seed(seed)))
        model.final_logits_bias.copy_(model.final_logits_bias.half().float())
    sines = [(side.embed_positions.weight, side.embed_positions.weight.clone()) for side in [model.model.encoder, model.model.decoder]] if name == "marian" else []
    fixtures.rounded(model, torch.float16)
    with torch.no_grad():
        for weight, exact in sines:
            weight.copy_(exact)
    return model, tied


def make(name, tokenizer):
    sources = [tokenizer.encode(text).ids for text in TEXTS]
    for seed in range(SEED, SEED + 400):
        model, tied = build(name, seed)
        model.double()
        outputs = [searches(model, ids) for ids in sources]
        ended = sum(1 in out for found, _ in outputs for out in found)
        if not any(close for _, close in outputs) and ended > 10:
            break
        print(name, "seed", seed, "close", sum(close for _, close in outputs), "ended", ended)
    else:
        raise SystemExit("no seed")
    folder = GOLDEN / f"tiny-{name}"
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    tensors = {own: p.detach().half().contiguous() for own, p in model.named_parameters() if not (name == "marian" and "embed_positions" in own)}
    if name in RULES:
        tensors["final_logits_bias"] = model.final_logits_bias.half()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    start = rules_of(model)["decoder_start_token_id"]
    config = json.loads(model.config.to_json_string(use_diff=False))
    # As the files of published models say it.
    wanted = ["d_ff", "d_kv", "d_model", "decoder_start_token_id", "eos_token_id", "feed_forward_proj", "is_encoder_decoder",
              "layer_norm_epsilon", "model_type", "num_decoder_layers", "num_heads", "num_layers", "pad_token_id",
              "relative_attention_max_distance", "relative_attention_num_buckets", "vocab_size"]
    config = {key: config[key] for key in [*wanted, *BART, "activation_function", "scale_embedding"] if config.get(key) is not None}
    config |= {"architectures": [type(model).__name__], "decoder_start_token_id": start}
    if name not in RULES:
        config |= {"n_positions": 512, "tie_word_embeddings": tied, "task_specific_params": TASKS}
    elif name == "bart":
        config |= {"task_specific_params": {"summarization": {key: value for key, value in TASKS["summarization"].items() if key != "prefix"}}}
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", {"eos_token_id": 1, "pad_token_id": 0} | rules_of(model))
    cases = []
    shortest = min(len(ids) for ids in sources[:1])
    for text, ids, (found, _) in zip(TEXTS, sources, outputs):
        greedy = found[0]
        with torch.no_grad():
            out = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([[start, *greedy]]))
        case = {"text": text, "tokens": ids, "first_logits": numbers(out.logits[0, 0]), "last_logits": numbers(out.logits[0, -1])}
        if len(ids) <= shortest:
            case["rows"] = numbers(out.encoder_last_hidden_state[0].flatten())
        case["decoded"] = tokenizer.decode(greedy)
        case["outputs"] = found
        cases.append(case)
    write_json(folder / "expected.json", {"new": NEW, "start": start, "given": int(name == "bart"), "searches": [{}, *SEARCHES], "cases": cases})
    if name == "t5":
        write_gguf(folder, folder / "model-f16.gguf")
        write_gguf(folder, folder / "encoder-f16.gguf", gguf.MODEL_ARCH.T5ENCODER)
    print(name, "seed", seed, "ended", ended, {path.name: path.stat().st_size for path in folder.iterdir()})


def write_gguf(folder, path, arch=gguf.MODEL_ARCH.T5):
    """As llama.cpp does it."""
    config = json.loads((folder / "config.json").read_text())
    parts = json.loads((folder / "tokenizer.json").read_text())
    w = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch])
    w.add_name(folder.name)
    w.add_context_length(config.get("n_positions", 512))
    w.add_embedding_length(config["d_model"])
    w.add_feed_forward_length(config["d_ff"])
    w.add_block_count(config["num_layers"])
    w.add_head_count(config["num_heads"])
    w.add_key_length(config["d_kv"])
    w.add_value_length(config["d_kv"])
    w.add_layer_norm_eps(config["layer_norm_epsilon"])
    w.add_layer_norm_rms_eps(config["layer_norm_epsilon"])
    w.add_relative_attn_buckets_count(config["relative_attention_num_buckets"])
    if arch == gguf.MODEL_ARCH.T5:
        w.add_decoder_block_count(config.get("num_decoder_layers") or config["num_layers"])
        w.add_decoder_start_token_id(config["decoder_start_token_id"])
    pieces = parts["model"]["vocab"]
    added = {token["id"]: token for token in parts["added_tokens"]}
    tokens = [piece for piece, _ in pieces] + [added[i]["content"] for i in range(len(pieces), max(added) + 1)]
    kinds = [1] * len(tokens)
    for i, token in added.items():
        kinds[i] = gguf.TokenType.CONTROL if token["special"] else gguf.TokenType.USER_DEFINED
    kinds[parts["model"]["unk_id"]] = gguf.TokenType.UNKNOWN
    w.add_tokenizer_model("t5")
    w.add_tokenizer_pre("default")
    w.add_token_list(tokens)
    w.add_token_scores([score for _, score in pieces] + [0.0] * (len(tokens) - len(pieces)))
    w.add_token_types(kinds)
    w.add_add_space_prefix(True)
    # A text that is cut at spaces first has none at its ends, and no two side by side.
    w.add_remove_extra_whitespaces("WhitespaceSplit" in json.dumps(parts["pre_tokenizer"]))
    normalizer = parts["normalizer"]
    rules = [part for part in normalizer.get("normalizers", [normalizer]) if part["type"] == "Precompiled"]
    w.add_precompiled_charsmap(base64.b64decode(rules[0]["precompiled_charsmap"]))
    w.add_eos_token_id(1)
    w.add_unk_token_id(parts["model"]["unk_id"])
    w.add_pad_token_id(0)
    w.add_add_bos_token(False)
    w.add_add_eos_token(True)
    names = gguf.get_tensor_name_map(arch, max(config["num_layers"], config.get("num_decoder_layers") or 0))
    Q = gguf.GGMLQuantizationType
    for own, p in safetensors.torch.load_file(folder / "model.safetensors").items():
        if arch != gguf.MODEL_ARCH.T5 and own.startswith(("decoder.", "lm_head.")) or own.endswith(".embed_tokens.weight"):
            continue
        name = names.get_name(own, try_suffixes=(".weight",))
        data = np.ascontiguousarray(p.float().numpy())
        kind = Q.F16 if data.ndim == 2 and "attn_rel_b" not in name else Q.F32
        w.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


REAL_TEXTS = [
    "summarize: read src/parser.py, edit src/parser.py, run pytest tests/test_parser.py",
    "git commit -m 'fix the off-by-one error in the tokenizer' and push to origin",
    "The user asks for a dark mode switch in the settings page. The assistant edits theme.css and settings.tsx.",
    "npm install --save-dev vite; create vite.config.ts; remove webpack.config.js",
    "Investigate why the nightly build fails on Windows with a path too long error",
    "cargo test fails: thread 'main' panicked at index out of bounds; add a bounds check in src/lib.rs",
    "Write unit tests for the date parsing helpers and run them",
    "docker compose up; the database container exits with code 1; change the volume's permissions",
    "Rename the function getUser to fetchUser in twelve files",
    "Read the documentation of the payments API, then add a retry with exponential backoff to the client",
    "grep -rn TODO src | wc -l",
    "Update the README with instructions for installing on Linux and macOS",
    "Profile the image resizing code, find that decoding dominates, and cache the decoded images",
    "The login form does not submit when the password has an umlaut. Fix the encoding of the request.",
    "Add a migration that makes the email column unique, and remove the duplicates first",
    "kubectl get pods; kubectl logs api-7f9; restart the deployment after changing the memory limit to 512Mi",
    "Translate the error messages of the checkout page into German and French",
    "Review pull request 482 and leave comments about naming and missing tests",
    "Convert the callbacks in server.js to async functions, run the linter, and fix its warnings",
    "Look at the flame graph\u2026 and na\u00efvely guess that the caf\u00e9 finder\u2019s loop is slow \u2014 it isn\u2019t",
]


def make_real(folder):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    model = T.T5ForConditionalGeneration.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    assert not torch.equal(model.lm_head.weight, model.shared.weight)
    cases = []
    for text in REAL_TEXTS:
        ids = tokenizer.encode(text).ids
        greedy, beams = generate(model, ids), generate(model, ids, num_beams=4, early_stopping=True)
        cases.append({"text": text, "tokens": ids, "greedy": greedy, "beams": beams, "decoded": tokenizer.decode(greedy)})
        print(text, "->", cases[-1]["decoded"], "|", tokenizer.decode(beams))
    write_json(GOLDEN / "t5-small-titler.json", {"new": NEW, "cases": cases})


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace(',"', ',\n"') + "\n")


def main():
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--real"]:
        return make_real(Path(sys.argv[2]))
    if sys.argv[1:2] == ["--gguf"]:
        return write_gguf(Path(sys.argv[2]), Path(sys.argv[3]))
    tokenizer = train_tokenizer()
    for name in sys.argv[1:] or MODELS:
        make(name, tokenizer)


if __name__ == "__main__":
    sys.exit(main())
