"""Makes tiny random encoders, as make_fixtures.py does for decoders, which it takes its tools from:

    .venv/bin/python tests/golden/make_encoders.py
    .venv/bin/python tests/golden/make_encoders.py FOLDER_OF_ALL_MINILM_L6_V2

Each folder tiny-NAME holds config.json, model.safetensors in f16, tokenizer.json, what sentence-transformers adds to them, and
expected.json: what `transformers` computes in f64 from the same weights, a text at a time, so that nothing is padded. tiny-bert
has a GGUF file too. tiny-KIND-labels and tiny-KIND-pairs are the same with heads: their expected.json has logits. tiny-KIND-entities and tiny-KIND-answers have heads over every
token: logits of the first row and of each token of a text, and the characters of each token's word as `tokenizers` has them. The second command writes minilm.json: vectors of the real model, in f64.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from gguf import GGMLQuantizationType as Q

import make_fixtures as fixtures
from make_fixtures import GOLDEN, TRAINING_TEXT

T = transformers
SEED = 1
VOCAB = 260
POSITIONS = 64
# Of sentence_bert_config.json: the longest text is cut off there.
MAX_TOKENS = 48
SPECIAL = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
CLS, SEP = 2, 3
TEXTS = [
    "The keeper lights the lamp.",
    "",
    "Lamp!",
    "A ship sees the light, and the KEEPER of the lamp sleeps.",
    "Café, 灯台 and naïve lights: 1,000 of them?",
    "The lamp and the keeper and the ship and the sea. " * 6,
    "no lamp [SEP] no light",
]
BOTH = dict(vocab_size=VOCAB, pad_token_id=1, attn_implementation="eager")
BERT = BOTH | dict(num_hidden_layers=2, intermediate_size=80, num_attention_heads=4, hidden_act="gelu")
# Name: (model, kind of pooling that its files name, names of the modules behind it).
MODELS = {
    "bert": (
        lambda: T.BertModel(T.BertConfig(hidden_size=48, max_position_embeddings=POSITIONS, type_vocab_size=2, **BERT)),
        "mean_tokens", ["Pooling", "Normalize"],
    ),
    "roberta": (
        lambda: T.RobertaModel(T.RobertaConfig(hidden_size=32, max_position_embeddings=POSITIONS + 2, type_vocab_size=1, **BERT)),
        "cls_token", ["Pooling"],
    ),
    "distilbert": (
        lambda: T.DistilBertModel(T.DistilBertConfig(dim=32, hidden_dim=64, n_layers=2, n_heads=4,
                                                     max_position_embeddings=POSITIONS, **BOTH)),
        None, None,
    ),
}


HEADS = {
    "bert-labels": (T.BertForSequenceClassification, "bert", ["calm", "storm", "fog", "night"], None),
    "roberta-labels": (T.RobertaForSequenceClassification, "roberta", ["calm", "storm", "fog"], "multi_label_classification"),
    "distilbert-labels": (T.DistilBertForSequenceClassification, "distilbert", ["NEGATIVE", "POSITIVE"], None),
    "bert-pairs": (T.BertForSequenceClassification, "bert", ["LABEL_0"], None),
    "roberta-pairs": (T.RobertaForSequenceClassification, "roberta", ["LABEL_0"], None),
}
BIO = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TOKEN_HEADS = {
    "bert-entities": (T.BertForTokenClassification, "bert", BIO),
    "roberta-entities": (T.RobertaForTokenClassification, "roberta", ["O", "PER", "LOC"]),
    "distilbert-entities": (T.DistilBertForTokenClassification, "distilbert",
                            ["O", *(f"{place}-{kind}" for kind in ["PER", "LOC"] for place in "BILU")]),
    "bert-answers": (T.BertForQuestionAnswering, "bert", None),
    "roberta-answers": (T.RobertaForQuestionAnswering, "roberta", None),
    "distilbert-answers": (T.DistilBertForQuestionAnswering, "distilbert", None),
}
QUERY = "who lights the lamp?"


def train_tokenizer():
    """A WordPiece of VOCAB tokens, in the manner of BERT."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = tokenizers.decoders.WordPiece()
    trainer = tokenizers.trainers.WordPieceTrainer(vocab_size=VOCAB, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator([TRAINING_TEXT, "灯"], trainer)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)])
    return tokenizer


def encode(tokenizer, text, max_tokens):
    """Control tokens written out in a text are plain text here, which `tokenizers` can do only where they are not found at all."""
    pieces = tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))
    ids = [token.id for piece, _ in pieces for token in tokenizer.model.tokenize(piece)]
    return [CLS, *ids[:max_tokens - 2], SEP]


def write_gguf(path, model, tokenizer):
    """As llama.cpp writes it."""
    c = model.config
    w = gguf.GGUFWriter(path, "bert")
    w.add_name(path.parent.name)
    w.add_context_length(POSITIONS)
    w.add_embedding_length(c.hidden_size)
    w.add_block_count(c.num_hidden_layers)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_layer_norm_eps(c.layer_norm_eps)
    w.add_causal_attention(False)
    w.add_pooling_type(gguf.PoolingType.MEAN)
    w.add_tokenizer_model("bert")
    w.add_tokenizer_pre("default")
    w.add_token_type_count(c.type_vocab_size)
    tokens = [text for text, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    inside = [text[2:] if text.startswith("##") else text if text in SPECIAL else "▁" + text for text in tokens]
    w.add_token_list(inside)
    w.add_token_types([3 if text in SPECIAL else 1 for text in tokens])
    w.add_unk_token_id(0)
    w.add_pad_token_id(1)
    w.add_bos_token_id(CLS)
    w.add_sep_token_id(SEP)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, c.num_hidden_layers)
    for own, p in model.named_parameters():
        if own.startswith("pooler."):
            continue
        name = names.get_name(own, try_suffixes=(".weight", ".bias"))
        data = np.ascontiguousarray(p.detach().float().numpy())
        # As llama.cpp does it: positions and segments stay f32.
        kind = Q.F16 if data.ndim == 2 and name.startswith(("blk", "token_embd.")) else Q.F32
        w.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def numbers(row):
    return [float(f"{x:.7g}") for x in row.tolist()]


def make(name, tokenizer):
    build, pooling, modules = MODELS[name]
    model = build().eval()
    fixtures.randomise(model, SEED)
    fixtures.rounded(model, torch.float16)
    folder = GOLDEN / f"tiny-{name}"
    folder.mkdir(exist_ok=True)
    max_tokens = POSITIONS
    tokenizer.save(str(folder / "tokenizer.json"))
    if modules:
        max_tokens = MAX_TOKENS
        (folder / "1_Pooling").mkdir(exist_ok=True)
        kinds = {f"pooling_mode_{kind}": kind == pooling for kind in ["cls_token", "mean_tokens", "max_tokens"]}
        write_json(folder / "1_Pooling/config.json", {"word_embedding_dimension": model.config.hidden_size, **kinds})
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False})
        types = ["Transformer", *modules]
        list_ = [{"idx": i, "name": str(i), "path": "" if i == 0 else f"{i}_{kind}", "type": f"sentence_transformers.models.{kind}"}
                 for i, kind in enumerate(types)]
        write_json(folder / "modules.json", list_)
    model.half().save_pretrained(folder)
    model.double()
    cases = []
    for text in TEXTS:
        ids = encode(tokenizer, text, max_tokens)
        with torch.no_grad():
            rows = model(torch.tensor([ids])).last_hidden_state[0]
        case = {"text": text, "tokens": ids, "mean": numbers(rows.mean(0)), "cls": numbers(rows[0]), "last": numbers(rows[-1])}
        cases.append(case)
    write_json(folder / "expected.json", {"pooling": (pooling or "mean_tokens").split("_")[0],
                                          "normalize": modules is None or "Normalize" in modules, "cases": cases})
    if name == "bert":
        write_gguf(folder / "model-f16.gguf", model, tokenizer)
    print(name, "longest", max(len(case["tokens"]) for case in cases))


def encode_pair(tokenizer, kind, query, text):
    """What `transformers` makes of a pair, and the token types."""
    a, b = (encode(tokenizer, each, 10**6)[1:-1] for each in (query, text))
    between = [SEP, SEP] if kind == "roberta" else [SEP]
    room = POSITIONS - 2 - len(between)
    while len(a) + len(b) > room:
        (a if len(a) > len(b) else b).pop()
    types = [0] * (len(a) + 2) + [1] * (len(between) - 1 + len(b) + 1)
    return [CLS, *a, *between, *b, SEP], types if kind == "bert" else [0] * len(types)


def make_head(name, tokenizer):
    build, kind, labels, problem = HEADS[name]
    config = MODELS[kind][0]().config
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}
    config.problem_type = problem
    model = build(config).eval()
    fixtures.randomise(model, SEED)
    fixtures.rounded(model, torch.float16)
    folder = GOLDEN / f"tiny-{name}"
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    model.half().save_pretrained(folder)
    model.double()
    cases = []
    for text in TEXTS:
        ids = encode(tokenizer, text, POSITIONS)
        types = [0] * len(ids)
        if name.endswith("pairs"):
            ids, types = encode_pair(tokenizer, kind, QUERY, text)
        segments = {} if kind == "distilbert" else {"token_type_ids": torch.tensor([types])}
        with torch.no_grad():
            logits = model(torch.tensor([ids]), **segments).logits[0]
        cases.append({"text": text, "logits": numbers(logits)})
    expected = {"query": QUERY} if name.endswith("pairs") else {"labels": labels, "scores": "any" if problem else "one"}
    write_json(folder / "expected.json", expected | {"cases": cases})
    print(name, sum(path.stat().st_size for path in folder.iterdir()), "bytes")


def words_of(tokenizer, text):
    """Ids of a text of plain tokens, and for each the characters of its word in UTF-16."""
    found = tokenizer.encode(text, add_special_tokens=False)
    ranges = {}
    for word, (start, end) in zip(found.word_ids, found.offsets):
        before = ranges.get(word, (start, end))
        ranges[word] = (min(before[0], start), max(before[1], end))
    units = lambda at: len(text[:at].encode("utf-16-le")) // 2
    return found.ids, [[units(at) for at in ranges[word]] for word in found.word_ids]


def spans_of(model, tokenizer, kind, text):
    """What the pipelines of `transformers` find: entities, by the first token of each word, or the best answer of a text that may have none."""
    names = {name: f"[{name[:-6].upper()}]" for name in ["unk_token", "pad_token", "cls_token", "sep_token", "mask_token"]}
    fast = T.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=POSITIONS, **names)
    fast.model_input_names = ["input_ids", "attention_mask"]
    found = T.pipeline("ner", model=model, tokenizer=fast, aggregation_strategy="first")(text)
    return [[one["entity_group"], one["start"], one["end"], float(f"{one['score']:.7g}")] for one in found]


def make_token_head(name, tokenizer):
    build, kind, labels = TOKEN_HEADS[name]
    config = MODELS[kind][0]().config
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: i for i, label in enumerate(labels)}
    model = build(config).eval()
    fixtures.randomise(model, SEED)
    fixtures.rounded(model, torch.float16)
    folder = GOLDEN / f"tiny-{name}"
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    model.half().save_pretrained(folder)
    model.double()
    question = [] if labels else encode(tokenizer, QUERY, 10**6)[1:-1] + [SEP] * (2 if kind == "roberta" else 1)
    cases = []
    # Of a text that is longer as many whole words count as there is room for; one without a token has only a first row.
    for text in TEXTS[:-1]:
        plain, words = words_of(tokenizer, text)
        room = POSITIONS - 2 - len(question)
        while room < len(plain) and words[room] == words[room - 1]:
            room -= 1
        plain, words = plain[:room], words[:room]
        ids = [CLS, *question, *plain, SEP]
        types = [0] * (len(ids) - len(plain) - 1) + [int(not labels and kind == "bert")] * (len(plain) + 1)
        segments = {} if kind == "distilbert" else {"token_type_ids": torch.tensor([types])}
        with torch.no_grad():
            out = model(torch.tensor([ids]), **segments)
        logits = out.logits[0] if labels else torch.stack([out.start_logits[0], out.end_logits[0]], -1)
        from_ = 1 + len(question)
        rows = torch.cat([logits[:1], logits[from_:from_ + len(plain)]])
        # Its schemes are BIO and none. Places of short texts alone are the same in characters and UTF-16.
        spans = {"spans": spans_of(model, tokenizer, kind, text)} if labels and kind != "distilbert" and 0 < len(plain) < room else {}
        cases.append({"text": text, **spans, "words": [x for word in words for x in word], "logits": numbers(rows.flatten())})
    write_json(folder / "expected.json", {"query": None if labels else QUERY, "labels": labels or ["start", "end"], "cases": cases})
    print(name, sum(path.stat().st_size for path in folder.iterdir()), "bytes")


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace(',"', ',\n"') + "\n")


REAL_TEXTS = [
    "The cat sat on the mat.", "A kitten lies on the rug.", "The bank raised its interest rates.", "How do I reset my password?",
    "Wind and rain kept the boats in the harbour for a week, and nobody minded: there was enough to mend. " * 20,
    "Ein Leuchtturm an der Küste", "def add(a, b): return a + b", "",
]


def make_real(folder):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"])
    model = T.BertModel.from_pretrained(folder, attn_implementation="eager").eval().double()
    cases = []
    for text in REAL_TEXTS:
        with torch.no_grad():
            mean = model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0].mean(0)
        cases.append({"text": text, "vector": [round(x, 6) for x in (mean / mean.norm()).tolist()]})
    write_json(GOLDEN / "minilm.json", cases)


def main():
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        return make_real(Path(sys.argv[1]))
    tokenizer = train_tokenizer()
    for name in MODELS:
        make(name, tokenizer)
    for name in HEADS:
        make_head(name, tokenizer)
    for name in TOKEN_HEADS:
        make_token_head(name, tokenizer)


if __name__ == "__main__":
    sys.exit(main())
