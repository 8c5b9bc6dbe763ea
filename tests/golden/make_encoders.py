"""Makes tiny random encoders, as make_fixtures.py does for decoders, which it takes its tools from:

    .venv/bin/python tests/golden/make_encoders.py [KIND or NAME...]
    .venv/bin/python tests/golden/make_encoders.py FOLDER_OF_ALL_MINILM_L6_V2
    .venv/bin/python tests/golden/make_encoders.py FOLDER_OF_SPLADE_TINY

Each folder tiny-NAME holds config.json, model.safetensors in f16, tokenizer.json, what sentence-transformers adds to them, and
expected.json: what `transformers` computes in f64 from the same weights, a text at a time, so that nothing is padded. tiny-bert
and tiny-modernbert have a GGUF file too. tiny-KIND-labels and tiny-KIND-pairs are the same with heads: their expected.json has logits. tiny-KIND-entities and tiny-KIND-answers have heads over every
token: logits of the first row and of each token of a text, and the characters of each token's word as `tokenizers` has them.
tiny-KIND-masked are masked language models. The other commands write minilm.json and splade.json: vectors of real models, in f64.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
import safetensors.torch
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
# What the files of EmbeddingGemma say: of both sides together.
WINDOW = 8
# Of sentence_bert_config.json: the longest text is cut off there.
MAX_TOKENS = 48
BPE_VOCAB = 300
SPECIAL = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
CLS, SEP = 2, 3
SPECIAL_IDS = dict(cls_token_id=CLS, bos_token_id=CLS, sep_token_id=SEP, eos_token_id=SEP)
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
    # Two layers that see everything around two with a window of 4 tokens to each side.
    "modernbert": (
        lambda: T.ModernBertModel(T.ModernBertConfig(
            hidden_size=48, intermediate_size=40, num_hidden_layers=4, num_attention_heads=4, max_position_embeddings=POSITIONS,
            local_attention=8, **SPECIAL_IDS, **(BOTH | dict(vocab_size=BPE_VOCAB)))),
        "cls_token", ["Pooling", "Normalize"],
    ),
    # A decoder: each token sees those before it, and the last one stands for the text.
    "qwen3embed": (
        lambda: T.Qwen3ForCausalLM(T.Qwen3Config(
            hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
            max_position_embeddings=POSITIONS, tie_word_embeddings=True, **(BOTH | dict(vocab_size=BPE_VOCAB)))),
        "lasttoken", ["Pooling", "Normalize"],
    ),
    # One layer of six sees everything, the others a window of 4 tokens to each side.
    "embeddinggemma": (
        lambda: T.Gemma3TextModel(T.Gemma3TextConfig(
            hidden_size=36, intermediate_size=40, num_hidden_layers=6, num_attention_heads=3, num_key_value_heads=1, head_dim=16,
            query_pre_attn_scalar=16, max_position_embeddings=POSITIONS, sliding_window=WINDOW, use_bidirectional_attention=True,
            rope_parameters={"full_attention": dict(rope_type="default", rope_theta=1e6),
                             "sliding_attention": dict(rope_type="default", rope_theta=1e4)},
            **(BOTH | dict(vocab_size=BPE_VOCAB)))),
        "mean_tokens", ["Pooling", "Dense", "Dense", "Normalize"],
    ),
    # As LaBSE: a matrix with a bias and a hyperbolic tangent.
    "labse": (
        lambda: T.BertModel(T.BertConfig(hidden_size=32, max_position_embeddings=POSITIONS, type_vocab_size=2,
                                         **(BERT | dict(num_hidden_layers=1, intermediate_size=48)))),
        "cls_token", ["Pooling", "Dense"],
    ),
    "nomic": (
        lambda: T.NomicBertModel(T.NomicBertConfig(
            hidden_size=48, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=POSITIONS, **BOTH)),
        "mean_tokens", ["Pooling", "Normalize"],
    ),
}
# What each dense module gives, what follows it, and whether it has a bias.
DENSE = {"embeddinggemma": [(64, torch.nn.Identity(), False), (24, torch.nn.Identity(), False)], "labse": [(20, torch.nn.Tanh(), True)]}
PROMPTS = {"embeddinggemma": {"query": "task: search result | query: ", "document": "title: none | text: "}, "nomic": {"query": "search_query: ", "document": "search_document: "}}
# Those that have GGUF files, too.
ARCHITECTURES = {"bert": gguf.MODEL_ARCH.BERT, "modernbert": gguf.MODEL_ARCH.MODERN_BERT, "nomic": gguf.MODEL_ARCH.NOMIC_BERT,
                 "qwen3embed": gguf.MODEL_ARCH.QWEN3, "embeddinggemma": gguf.MODEL_ARCH.GEMMA_EMBEDDING}

# Kinds whose tokenizer is one of bytes.
BYTE_LEVEL = ["modernbert", "qwen3embed", "embeddinggemma"]

HEADS = {
    "bert-labels": (T.BertForSequenceClassification, "bert", ["calm", "storm", "fog", "night"], None),
    "roberta-labels": (T.RobertaForSequenceClassification, "roberta", ["calm", "storm", "fog"], "multi_label_classification"),
    "distilbert-labels": (T.DistilBertForSequenceClassification, "distilbert", ["NEGATIVE", "POSITIVE"], None),
    "bert-pairs": (T.BertForSequenceClassification, "bert", ["LABEL_0"], None),
    "roberta-pairs": (T.RobertaForSequenceClassification, "roberta", ["LABEL_0"], None),
    "modernbert-labels": (T.ModernBertForSequenceClassification, "modernbert", ["calm", "storm", "fog"], None),
    "modernbert-pairs": (T.ModernBertForSequenceClassification, "modernbert", ["LABEL_0"], None),
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
    "modernbert-entities": (T.ModernBertForTokenClassification, "modernbert", BIO),
    "modernbert-answers": (T.ModernBertForQuestionAnswering, "modernbert", None),
}
MASKED = {
    "bert-masked": (T.BertForMaskedLM, "bert"),
    "roberta-masked": (T.RobertaForMaskedLM, "roberta"),
    "distilbert-masked": (T.DistilBertForMaskedLM, "distilbert"),
    "modernbert-masked": (T.ModernBertForMaskedLM, "modernbert"),
}
MASKED_TEXTS = ["The [MASK] lights the lamp.", "A ship [MASK] the light, and the [MASK] sleeps. [SEP]", "[MASK]"]
# Kinds that have token types, and that have none.
SEGMENTED, UNSEGMENTED = ["bert"], ["distilbert", "modernbert"]
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


def train_byte_level():
    """A byte-level BPE of BPE_VOCAB tokens, in the manner of ModernBERT."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.normalizer = tokenizers.normalizers.NFC()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=BPE_VOCAB, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator([TRAINING_TEXT], trainer)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)])
    return tokenizer


def encode(tokenizer, text, max_tokens):
    """Control tokens written out in a text are plain text here, which `tokenizers` can do only where they are not found at all."""
    pieces = tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))
    ids = [token.id for piece, _ in pieces for token in tokenizer.model.tokenize(piece)]
    return [CLS, *ids[:max_tokens - 2], SEP]


def write_gguf(path, kind, model, tokenizer):
    """As llama.cpp writes it."""
    c = model.config
    arch = ARCHITECTURES[kind]
    w = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch])
    w.add_name(path.parent.name)
    w.add_context_length(POSITIONS)
    w.add_embedding_length(c.hidden_size)
    w.add_block_count(c.num_hidden_layers)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    if kind == "qwen3embed":
        w.add_head_count_kv(c.num_key_value_heads)
        w.add_key_length(c.head_dim)
        w.add_value_length(c.head_dim)
        w.add_layer_norm_rms_eps(c.rms_norm_eps)
        w.add_rope_freq_base(c.rope_parameters["rope_theta"])
    elif kind == "embeddinggemma":
        w.add_head_count_kv(c.num_key_value_heads)
        w.add_key_length(c.head_dim)
        w.add_value_length(c.head_dim)
        w.add_layer_norm_rms_eps(c.rms_norm_eps)
        w.add_rope_freq_base(c.rope_parameters["full_attention"]["rope_theta"])
        w.add_sliding_window(WINDOW)
        for i, module in enumerate(dense_of(kind, c)):
            w.add_dense_features_dims(f"dense_{i + 2}", module[0].in_features, module[0].out_features)
    else:
        w.add_layer_norm_eps(getattr(c, "layer_norm_eps", None) or c.norm_eps)
        w.add_causal_attention(False)
    pooling = {"cls_token": gguf.PoolingType.CLS, "mean_tokens": gguf.PoolingType.MEAN, "lasttoken": gguf.PoolingType.LAST}
    w.add_pooling_type(pooling[MODELS[kind][1]])
    tokens = [text for text, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    if kind == "modernbert":
        w.add_sliding_window(c.local_attention)
        w.add_sliding_window_pattern(3)
        w.add_rope_freq_base(c.rope_parameters["full_attention"]["rope_theta"])
        w.add_float32("modern-bert.rope.freq_base_swa", c.rope_parameters["sliding_attention"]["rope_theta"])
        w.add_rope_scaling_type(gguf.RopeScalingType.NONE)
    if kind in BYTE_LEVEL:
        w.add_vocab_size(c.vocab_size)
        w.add_tokenizer_model("gpt2")
        w.add_tokenizer_pre("modern-bert" if kind == "modernbert" else "gpt-2")
        w.add_token_list(tokens)
        w.add_token_merges([merge if isinstance(merge, str) else " ".join(merge)
                            for merge in json.loads(tokenizer.to_str())["model"]["merges"]])
        w.add_add_bos_token(True)
        w.add_add_eos_token(True)
        w.add_bos_token_id(CLS)
        w.add_eos_token_id(SEP)
    else:
        w.add_tokenizer_model("bert")
        w.add_tokenizer_pre("default")
        w.add_token_type_count(c.type_vocab_size)
        if kind == "nomic":
            w.add_rope_freq_base(c.rope_parameters["rope_theta"])
        w.add_token_list([text[2:] if text.startswith("##") else text if text in SPECIAL else "▁" + text for text in tokens])
        w.add_bos_token_id(CLS)
    w.add_token_types([3 if text in SPECIAL else 1 for text in tokens])
    w.add_unk_token_id(0)
    w.add_pad_token_id(1)
    w.add_sep_token_id(SEP)
    names = gguf.get_tensor_name_map(arch, c.num_hidden_layers)
    # The names that the files have, which are those of published models.
    for own, p in safetensors.torch.load_file(path.parent / "model.safetensors").items():
        if own.startswith("pooler."):
            continue
        name = names.get_name(own, try_suffixes=(".weight", ".bias"))
        data = np.ascontiguousarray(p.float().numpy())
        if kind == "embeddinggemma" and data.ndim == 1:
            data = data + 1
        # As llama.cpp does it: positions and segments stay f32.
        kind_ = Q.F16 if data.ndim == 2 and name.startswith(("blk", "token_embd.")) else Q.F32
        w.add_tensor(name, gguf.quants.quantize(data, kind_), raw_dtype=kind_)
    for i, module in enumerate(dense_of(kind, c)):
        w.add_tensor(f"dense_{i + 2}.weight", gguf.quants.quantize(module[0].weight.detach().float().numpy(), Q.F16), raw_dtype=Q.F16)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def randomise(name, model):
    """Keys and values have 16 bits in the engine. Behind norms alone, and gates, large weights make more of that than tests could allow."""
    fixtures.randomise(model, SEED)
    with torch.no_grad():
        for own, p in model.named_parameters():
            if name.startswith(("modernbert", "nomic", "qwen3", "embedding")) and p.dim() == 2 and "embed" not in own:
                p.mul_(0.5)
            # Stored less 1.
            if name == "embeddinggemma" and p.dim() == 1:
                p.sub_(1)
    fixtures.rounded(model, torch.float16)


def dense_of(name, config):
    """The dense modules of a model, which follow its pooling."""
    generator = torch.Generator().manual_seed(SEED)
    modules, width = [], config.hidden_size
    for outputs, then, bias in DENSE.get(name, []):
        linear = torch.nn.Linear(width, outputs, bias=bias)
        with torch.no_grad():
            for p in linear.parameters():
                p.copy_((torch.randn(p.shape, generator=generator) * 0.6 / width ** 0.5).half().float())
        modules.append(torch.nn.Sequential(linear, then))
        width = outputs
    return modules


def numbers(row):
    return [float(f"{x:.7g}") for x in row.tolist()]


def make(name, tokenizer):
    build, pooling, modules = MODELS[name]
    model = build().eval()
    randomise(name, model)
    folder = GOLDEN / f"tiny-{name}"
    folder.mkdir(exist_ok=True)
    max_tokens = POSITIONS
    tokenizer.save(str(folder / "tokenizer.json"))
    if modules:
        max_tokens = MAX_TOKENS
        (folder / "1_Pooling").mkdir(exist_ok=True)
        kinds = {f"pooling_mode_{kind}": kind == pooling for kind in ["cls_token", "mean_tokens", "max_tokens", "lasttoken"]}
        write_json(folder / "1_Pooling/config.json", {"word_embedding_dimension": model.config.hidden_size, **kinds})
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False})
        types = ["Transformer", *modules]
        list_ = [{"idx": i, "name": str(i), "path": "" if i == 0 else f"{i}_{kind}", "type": f"sentence_transformers.models.{kind}"}
                 for i, kind in enumerate(types)]
        write_json(folder / "modules.json", list_)
    dense = dense_of(name, model.config)
    for module, i in zip(dense, [i for i, kind in enumerate(types) if kind == "Dense"] if dense else []):
        path = folder / f"{i}_Dense"
        path.mkdir(exist_ok=True)
        linear, then = module
        write_json(path / "config.json", {"in_features": linear.in_features, "out_features": linear.out_features, "bias": linear.bias is not None,
                                          "activation_function": f"{type(then).__module__}.{type(then).__name__}"})
        safetensors.torch.save_file({f"linear.{own}": p.detach().half() for own, p in linear.named_parameters()}, path / "model.safetensors")
    if name in PROMPTS:
        write_json(folder / "config_sentence_transformers.json", {"prompts": PROMPTS[name], "default_prompt_name": None, "similarity_fn_name": "cosine"})
    model.half().save_pretrained(folder)
    if name == "embeddinggemma":
        config = json.loads((folder / "config.json").read_text())
        # `transformers` halves it where it reads it.
        config["sliding_window"] = WINDOW
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model.double()
    behind = torch.nn.Sequential(*dense).double()
    cases = []
    for text in TEXTS:
        ids = encode(tokenizer, text, max_tokens)
        with torch.no_grad():
            rows = getattr(model, "model", model)(torch.tensor([ids])).last_hidden_state[0]
            pooled = {"mean": behind(rows.mean(0)), "cls": behind(rows[0]), "last": behind(rows[-1])}
        case = {"text": text, "tokens": ids} | {kind: numbers(vector) for kind, vector in pooled.items()}
        cases.append(case)
    write_json(folder / "expected.json", {"pooling": (pooling or "mean_tokens").split("_")[0].removesuffix("token"),
                                          "normalize": modules is None or "Normalize" in modules, "cases": cases})
    if name in ARCHITECTURES:
        write_gguf(folder / "model-f16.gguf", name, model, tokenizer)
    print(name, "longest", max(len(case["tokens"]) for case in cases))


def encode_pair(tokenizer, kind, query, text):
    """What `transformers` makes of a pair, and the token types."""
    a, b = (encode(tokenizer, each, 10**6)[1:-1] for each in (query, text))
    between = [SEP, SEP] if kind == "roberta" else [SEP]
    room = POSITIONS - 2 - len(between)
    while len(a) + len(b) > room:
        (a if len(a) > len(b) else b).pop()
    types = [0] * (len(a) + 2) + [1] * (len(between) - 1 + len(b) + 1)
    return [CLS, *a, *between, *b, SEP], types if kind in SEGMENTED else [0] * len(types)


def as_published(path):
    """ModernBERT's keys as published models have them, from before `transformers` 5."""
    config = json.loads(path.read_text())
    for key in ["layer_types", "rope_parameters"]:
        del config[key]
    config |= {"global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "local_rope_theta": 10000.0}
    path.write_text(json.dumps(config, indent=2) + "\n")


def make_head(name, tokenizer):
    build, kind, labels, problem = HEADS[name]
    config = MODELS[kind][0]().config
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}
    config.problem_type = problem
    # Of the two ways to make one row of a text, the one that most rerankers have.
    if name == "modernbert-pairs":
        config.classifier_pooling = "mean"
    model = build(config).eval()
    randomise(name, model)
    folder = GOLDEN / f"tiny-{name}"
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    model.half().save_pretrained(folder)
    if name == "modernbert-labels":
        as_published(folder / "config.json")
    model.double()
    cases = []
    for text in TEXTS:
        ids = encode(tokenizer, text, POSITIONS)
        types = [0] * len(ids)
        if name.endswith("pairs"):
            ids, types = encode_pair(tokenizer, kind, QUERY, text)
        segments = {} if kind in UNSEGMENTED else {"token_type_ids": torch.tensor([types])}
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
    # The space before a word is not of it.
    start_of = lambda start, end: end - len(text[start:end].lstrip())
    return found.ids, [[units(start_of(*ranges[word])), units(ranges[word][1])] for word in found.word_ids]


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
    randomise(name, model)
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
        types = [0] * (len(ids) - len(plain) - 1) + [int(not labels and kind in SEGMENTED)] * (len(plain) + 1)
        segments = {} if kind in UNSEGMENTED else {"token_type_ids": torch.tensor([types])}
        with torch.no_grad():
            out = model(torch.tensor([ids]), **segments)
        logits = out.logits[0] if labels else torch.stack([out.start_logits[0], out.end_logits[0]], -1)
        from_ = 1 + len(question)
        rows = torch.cat([logits[:1], logits[from_:from_ + len(plain)]])
        # Its schemes are BIO and none. Places of short texts alone are the same in characters and UTF-16.
        spans = {"spans": spans_of(model, tokenizer, kind, text)} if labels and kind in ["bert", "roberta"] and 0 < len(plain) < room else {}
        cases.append({"text": text, **spans, "words": [x for word in words for x in word], "logits": numbers(rows.flatten())})
    write_json(folder / "expected.json", {"query": None if labels else QUERY, "labels": labels or ["start", "end"], "cases": cases})
    print(name, sum(path.stat().st_size for path in folder.iterdir()), "bytes")


def make_masked(name, tokenizer):
    """What the pipeline `fill-mask` finds, and the weights of SPLADE: of each token the largest ln(1 + max(logit, 0)) of all rows."""
    build, kind = MASKED[name]
    model = build(MODELS[kind][0]().config).eval()
    randomise(name, model)
    folder = GOLDEN / f"tiny-{name}"
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    model.half().save_pretrained(folder)
    model.double()
    mask = tokenizer.token_to_id("[MASK]")
    # Rows of the table that no token has are no outputs.
    n = tokenizer.get_vocab_size()
    fills, sparse = [], []
    for text in MASKED_TEXTS:
        # A part without a mask has a space before it where the text has one.
        parts = [encode(tokenizer, part, 10**6)[1:-1] for part in text.split("[MASK]")]
        ids = [CLS, *parts[0], *(id for part in parts[1:] for id in [mask, *part]), SEP]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, :, :n]
        found = []
        for at in [at for at, id in enumerate(ids) if id == mask]:
            best = logits[at].softmax(-1).topk(5)
            for score, token in zip(best.values.tolist(), best.indices.tolist()):
                whole = ids[:at] + [token] + ids[at + 1:]
                found.append([token, float(f"{score:.7g}"), tokenizer.decode([token]), tokenizer.decode(whole, skip_special_tokens=True)])
        fills.append({"text": text, "tokens": ids, "fills": found})
    for text in TEXTS:
        with torch.no_grad():
            logits = model(torch.tensor([encode(tokenizer, text, POSITIONS)])).logits[0, :, :n]
        weights = logits.relu().log1p().amax(0)
        ids = weights.nonzero()[:, 0]
        sparse.append({"text": text, "ids": ids.tolist(), "weights": numbers(weights[ids])})
    write_json(folder / "expected.json", {"fills": fills, "sparse": sparse})
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
    if not (folder / "modules.json").exists():
        return make_real_sparse(folder, tokenizer)
    tokenizer.enable_truncation(json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"])
    model = T.BertModel.from_pretrained(folder, attn_implementation="eager").eval().double()
    cases = []
    for text in REAL_TEXTS:
        with torch.no_grad():
            mean = model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0].mean(0)
        cases.append({"text": text, "vector": [round(x, 6) for x in (mean / mean.norm()).tolist()]})
    write_json(GOLDEN / "minilm.json", cases)


def make_real_sparse(folder, tokenizer):
    """How many tokens have a weight, and the heaviest of them."""
    model = T.BertForMaskedLM.from_pretrained(folder, attn_implementation="eager").eval().double()
    tokenizer.enable_truncation(model.config.max_position_embeddings)
    cases = []
    for text in REAL_TEXTS:
        with torch.no_grad():
            weights = model(torch.tensor([tokenizer.encode(text).ids])).logits[0].relu().log1p().amax(0)
        best = weights.topk(12)
        cases.append({"text": text, "count": int((weights > 0).sum()), "ids": best.indices.tolist(), "weights": numbers(best.values)})
    write_json(GOLDEN / "splade.json", cases)


def main():
    torch.set_num_threads(1)
    if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir():
        return make_real(Path(sys.argv[1]))
    words, byte_level = train_tokenizer(), train_byte_level()
    for table, make_one in [(MODELS, make), (HEADS, make_head), (TOKEN_HEADS, make_token_head), (MASKED, make_masked)]:
        for name in table:
            if not sys.argv[1:] or {name, name.split("-")[0]} & set(sys.argv[1:]):
                make_one(name, byte_level if name.split("-")[0] in BYTE_LEVEL else words)


if __name__ == "__main__":
    sys.exit(main())
