"""Writes two small tokenizer.json files and what the `tokenizers` library makes of some texts with them.

    pip install tokenizers==0.23.3
    python tests/golden/tokenizers/make.py

Deterministic: training a byte pair encoding has no random part.
"""

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CORPUS = [
    "The river runs through the valley, and the valley runs to the sea.",
    "In the morning the rain came; in the evening it went. That's what they've said since 1987!",
    "Les élèves étaient déjà partis. Über allem liegt Ruh'. 今天天气很好。",
    "def run(n):\n    return n * (n + 1) // 2\n\n\nprint(run(100))",
] * 4
TEXTS = [
    "", " ", "  two  spaces  ", "The rain runs to the sea.", "\n\nThe\n valley\t!\r\n", "They'VE said: 'tis 123456789.",
    "Cafe\u0301 déjà vu", "今天天气很好。🦙🚀 Ё ñ", "a<|end|>b", "<s>The river</s> runs", "\u00a0no-break", "x" * 40,
    "mixed 🦙text\u200d 1½", "▁meta▁", "trailing ",
]


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<|end|>", "<|start|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken("rain", single_word=True, normalized=False)])
    start = tokenizer.token_to_id("<|start|>")
    tokenizer.post_processor = processors.TemplateProcessing(single="<|start|> $A", special_tokens=[("<|start|>", start)])
    return tokenizer


def meta_space():
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=520, special_tokens=special + [f"<0x{b:02X}>" for b in range(256)], show_progress=False)
    tokenizer.train_from_iterator(CORPUS[:2], trainer)
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [t for t in content["added_tokens"] if t["content"] in special]
    start = tokenizer.token_to_id("<s>")
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", start)])
    return tokenizer


def main():
    import tokenizers

    golden = {"source": "tests/golden/tokenizers/make.py", "version": tokenizers.__version__, "files": {}}
    for name, tokenizer in [("byte_level", byte_level()), ("meta_space", meta_space())]:
        (HERE / f"{name}.json").write_text(tokenizer.to_str(pretty=False), encoding="utf-8")
        golden["files"][name] = [
            {
                "text": text,
                "plain": tokenizer.encode(text, add_special_tokens=False).ids,
                "special": tokenizer.encode(text).ids,
                "decoded": tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=True),
            }
            for text in TEXTS
        ]
    (HERE / "cases.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


main()
