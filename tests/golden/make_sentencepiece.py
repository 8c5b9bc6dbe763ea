"""Trains tiny SentencePiece models, and writes what SentencePiece itself and `MarianTokenizer` make of awkward texts:

    .venv/bin/python tests/golden/make_sentencepiece.py
    .venv/bin/python tests/golden/make_sentencepiece.py --full FOLDER

The folder sentencepiece/ holds source.spm (Unigram, with a few rules of its own) and vocab.json, as Opus-MT's folders have them,
tokenizer.model (BPE with bytes, as Llama's) and expected.json: the ids of each text by MarianTokenizer, and by SentencePiece with the ids
and tokens around them that T5, XLM-RoBERTa and Llama have. With a tiny random model it is a whole folder of an Opus-MT; expected.json has
what `transformers` translates a text to, greedily. The second command writes the same into another folder with the rules that
published models have (nmt_nfkc, a quarter of a megabyte) and a thousand random texts.
"""

import io
import json
import random
import sys
import tempfile
from pathlib import Path

import sentencepiece
import torch
import transformers
from safetensors.torch import save_file

import make_fixtures as fixtures
from make_fixtures import GOLDEN, TRAINING_TEXT

GERMAN = """Der Leuchtturm steht, wo der Fluss das Meer trifft. Die Wärterin zündet die Lampe an, und das Schiff sieht das Licht.
Im Winter kommt der Wind von Norden, und die Kinder zählen die Schiffe. Straße, Größe, Übung, schön. Die Lampe brennt die ganze Nacht.
Am Morgen geht die Wärterin die Treppe hinunter und schläft. Das Meer ist ruhig, das Schiff fährt weiter.
"""
CODES = [">>deu<<", ">>fra<<"]
TEXTS = [
    "The keeper lights the lamp.", "", " ", "   The  keeper\tlights\n\nthe lamp.  ", "lamp", "▁lamp▁", "a▁▁b ▁ c",
    "Cafe\u0301, \ufb01sh\u00a0and  na\u00efve \uff21\uff22\u2026\n\u706f\u53f0", "\u706f\u53f0 \u706f", "x\u00adx \u00ad", "\u00ad", "\u200b",
    "e\u0301e\u0301 e\u0308 \u1e9b\u0323", "Stra\u00dfe \u00dcbung \u00fc", "aaaaaaaaaaaaaaa", "sssssssssss tttttttttt", "thethethethe sheepships",
    "<unknown> <0x0A>", "1,000 ships: 3.14 & (so on)!?", "\U0001f600 and \U0001f468\u200d\U0001f469\u200d\U0001f467",
    ">>deu<< The keeper lights the lamp.", ">>fra<<The ship", "The old lighthouse stands where the river meets the sea. " * 5, "\u00a8 \u00b4x", "\ufdfa",
    "a\u3000b\u2003c", "\ufb03\ufb01\ufb02", "\u1100\u1161\u11a8", "q\u0301q\u0301\u0302",
]
ALPHABET = "  the keeper lights lamp ships aaaa \u00a0\u00ad\u0301\u0308\u00e9\u00df\u00fc\u1e9b\u0323\uff21\ufb01\u2026\u706f\u3000\u2581\u1100\u1161\t\n.,!1234567890"


def train(folder, text, name, rules, **settings):
    out = io.BytesIO()
    if rules is not None:
        path = Path(folder) / "rules.tsv"
        path.write_text(rules)
        settings["normalization_rule_tsv"] = str(path)
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(text.split("\n")), model_writer=out, minloglevel=2, num_threads=1, **settings)
    path = Path(folder) / name
    path.write_bytes(out.getvalue())
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def few_rules():
    """Of one character and of several, one the beginning of another."""
    table = ["A0\t20", "A\t20", "D\t20", "9\t20", "3000\t20", "2003\t20", "2581\t20", "FB01\t66 69", "FB03\t66 66 69", "2026\t2E 2E 2E",
             "65 301\tE9", "65 308\tEB", "A8\t20 308", "AD\t", "200B\t", "1E9B 323\t1E69", "1100 1161\tAC00", "1100 1161 11A8\tAC01"]
    return "\n".join(table + [f"{0xff21 + i:X}\t{0x41 + i:X}" for i in range(26)]) + "\n"


NEW = 8
MARGIN = 0.02


@torch.no_grad()
def make_model(folder, n_vocab, ids):
    """A Marian of one layer a side; its output for a text, which rounding does not decide."""
    end, start = 0, n_vocab - 1
    config = transformers.MarianConfig(
        vocab_size=n_vocab, decoder_vocab_size=n_vocab, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=128, pad_token_id=start, eos_token_id=end,
        decoder_start_token_id=start, scale_embedding=True, activation_function="swish", attn_implementation="eager")
    for seed in range(100):
        model = transformers.MarianMTModel(config).eval()
        fixtures.randomise(model, seed)
        model.model.shared.weight.copy_(0.3 * torch.randn(n_vocab, 16, generator=torch.Generator().manual_seed(seed)))
        fixtures.rounded(model, torch.float16)
        for side in [model.model.encoder, model.model.decoder]:
            side.embed_positions.weight.copy_(side.embed_positions.create_weight())
        model.double()
        out, margin = [], 1.0
        while len(out) < NEW and end not in out:
            logits = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([[start, *out]])).logits[0, -1]
            # The first token never comes again.
            logits[start] = -torch.inf
            best = logits.topk(2)
            margin = min(margin, (best.values[0] - best.values[1]).item())
            out.append(best.indices[0].item())
        if margin > MARGIN and len(set(out)) > NEW // 2:
            break
    else:
        raise SystemExit("no seed")
    tensors = {own: p.detach().half().contiguous() for own, p in model.named_parameters() if "embed_positions" not in own}
    save_file(tensors | {"final_logits_bias": torch.zeros(1, n_vocab).half()}, folder / "model.safetensors", metadata={"format": "pt"})
    wanted = ["activation_function", "d_model", "decoder_attention_heads", "decoder_ffn_dim", "decoder_layers", "decoder_start_token_id",
              "encoder_attention_heads", "encoder_ffn_dim", "encoder_layers", "eos_token_id", "max_position_embeddings",
              "model_type", "pad_token_id", "scale_embedding", "vocab_size"]
    own = config.to_dict()
    json_ = {"_name_or_path": "opus-mt-en-de", "architectures": ["MarianMTModel"], "bad_words_ids": [[start]]} | {key: own.get(key) for key in wanted}
    json_ |= {"decoder_start_token_id": start}
    (folder / "config.json").write_text(json.dumps(json_, indent=1) + "\n")
    return out


def main():
    full = sys.argv[1:2] == ["--full"]
    # More text makes more pieces.
    english = TRAINING_TEXT if not full else "\n".join(path.read_text() for path in sorted((GOLDEN.parents[1] / "docs").glob("*.md")))
    folder = Path(sys.argv[2]) if full else GOLDEN / "sentencepiece"
    folder.mkdir(exist_ok=True, parents=True)
    texts = list(TEXTS)
    if full:
        draw = random.Random(1)
        texts += ["".join(draw.choices(ALPHABET, k=draw.randrange(60))) for _ in range(1000)]
    with tempfile.TemporaryDirectory() as work:
        unigram = dict(model_type="unigram", **({} if full else {"rules": few_rules()}))
        rules = unigram.pop("rules", None)
        source = train(work, english, "source.spm", rules, vocab_size=2000 if full else 230, hard_vocab_limit=False, **unigram)
        target = train(work, GERMAN, "target.spm", rules, vocab_size=130, hard_vocab_limit=False, **unigram)
        bpe = train(work, TRAINING_TEXT, "tokenizer.model", None, vocab_size=480, model_type="bpe", byte_fallback=True,
                    normalization_rule_name="identity", remove_extra_whitespaces=False)
        own = [spm.id_to_piece(i) for spm in (source, target) for i in range(3, spm.get_piece_size())]
        # A few of the source's pieces are no tokens.
        kept = [piece for i, piece in enumerate(sorted(set(own))) if i % 17]
        vocab = ["</s>", "<unk>", *kept, *CODES, "<pad>"]
        (Path(work) / "vocab.json").write_text(json.dumps({text: i for i, text in enumerate(vocab)}, ensure_ascii=False) + "\n")
        marian = transformers.MarianTokenizer(source_spm=f"{work}/source.spm", target_spm=f"{work}/target.spm", vocab=f"{work}/vocab.json")
        pieces = source.get_piece_size()
        cases = []
        for text in texts:
            ids = source.encode(text)
            fairseq = [3 if id == 0 else id + 1 for id in ids]
            cases.append({
                "text": text, "marian": marian(text).input_ids, "t5": [*ids, source.eos_id()], "xlm-roberta": [0, *fairseq, 2],
                "llama": [bpe.bos_id(), *bpe.encode(text)],
            })
        for name in ["source.spm", "vocab.json", "tokenizer.model"]:
            (folder / name).write_bytes((Path(work) / name).read_bytes())
    greedy = [] if full else make_model(folder, len(vocab), cases[0]["marian"])
    text = json.dumps({"pieces": pieces, "new": NEW, "greedy": greedy, "cases": cases}, ensure_ascii=False, separators=(",", ":")).replace(',{"text', ',\n{"text')
    (folder / "expected.json").write_text(text + "\n")
    print({path.name: path.stat().st_size for path in folder.iterdir()})


if __name__ == "__main__":
    sys.exit(main())
