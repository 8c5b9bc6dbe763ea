"""Clean records to tokenised shards: the tokenizer, the task examples and the plain text stream.

Writes into the work folder: `tokenizer.json`, `train.pt` and `validation.pt` (lists of rows, see `row`), `lm.pt` (one
uint16 stream), `labelled.pt` (rows of the labelled sets), `data.json` (counts per source, for the manifest).
"""

import json
import random
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import corpus
import labelled
import tasks

VOCAB_SIZE = 6144
SEED = 20240607
# Records read per source for the task examples, and the draws of an example from each record.
TASK_LIMITS = {"wikinews": (None, 2), "wikipedia-core": (14000, 1), "wikipedia-more": (22000, 1), "scitldr": (None, 3), "openstax": (None, 3), "qmsum": (None, 1)}
# Characters per source of plain text. The encyclopaedia's come from records the tasks do not reach.
LM_CHARS = {"wikipedia-core": 9e6, "wikipedia-more": 5e6, "wikinews": 3e6, "openstax": 4e6, "novels": 1.5e6}


def train_tokenizer(texts):
    """Byte-level BPE as GPT-2 does it: no normaliser, no prefix space, GPT-2's pre-tokenisation."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=tasks.SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def load_tokenizer(work):
    """The tokenizer of the work folder, with the tokens of the later tasks after its words."""
    tokenizer = Tokenizer.from_file(f"{work}/tokenizer.json")
    tokenizer.add_special_tokens(tasks.LATER)
    return tokenizer


def row(tokenizer, example):
    """One example as arrays: prefix tokens (u16), salience (f32), headline and tldr tokens (u16, maybe empty)."""
    ids = [e.ids for e in tokenizer.encode_batch([" " + s for s in example.sentences])]
    prefix = [tokenizer.token_to_id("<|text|>")]
    first_mark, end = tokenizer.token_to_id("<|s0|>"), tokenizer.token_to_id("<|end|>")
    for i, sentence in enumerate(ids):
        prefix += sentence + [first_mark + i]
    out = {"source": example.source, "prefix": np.array(prefix, np.uint16), "salience": np.array(example.salience, np.float32)}
    for name, limit in (("headline", tasks.HEADLINE_MAX), ("tldr", tasks.TLDR_MAX)):
        text = getattr(example, name)
        target = tokenizer.encode(" " + text).ids + [end] if text else []
        out[name] = np.array(target if len(target) <= limit else [], np.uint16)
    return out


def _task_rows(job):
    work, data, source, part, limit, draws = job
    tokenizer = Tokenizer.from_file(f"{work}/tokenizer.json")

    def lengths(sentence_list):
        return [len(e.ids) for e in tokenizer.encode_batch([" " + s for s in sentence_list])]

    rows, used = [], 0
    for record in corpus.records(data, source, part, limit):
        made = [e for e in (tasks.example(record, lengths, v) for v in range(draws)) if e is not None]
        rows += [row(tokenizer, e) for e in made]
        used += bool(made)
    return source, part, used, rows


def _text(record):
    return "\n".join(" ".join(p) for p in record["lead"] + record["body"])


def lm_stream(work, data):
    """A uint16 stream of documents, each followed by `<|end|>`, in random order."""
    tokenizer = Tokenizer.from_file(f"{work}/tokenizer.json")
    end, documents, counts = tokenizer.token_to_id("<|end|>"), [], Counter()
    for source, chars in LM_CHARS.items():
        skip = TASK_LIMITS.get(source, (None, 0))[0] or 0
        texts = []
        for i, record in enumerate(corpus.records(data, source, "train")):
            if i < skip:
                continue
            text = _text(record)
            pieces = [text[at : at + 20000] for at in range(0, len(text), 20000)] if source == "novels" else [text]
            if source == "novels":
                pieces = pieces[1:4]
            texts += pieces
            if sum(map(len, texts)) > chars:
                break
        for encoding in tokenizer.encode_batch(texts):
            documents.append(np.array(encoding.ids + [end], np.uint16))
            counts[source] += len(encoding.ids) + 1
    random.Random(SEED).shuffle(documents)
    return np.concatenate(documents), dict(counts)


def prepare(data, work):
    """All of it, about five minutes on two cores."""
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "tokenizer.json").exists():
        sample = []
        for source, limit in (("wikipedia-core", 1500), ("wikipedia-more", 3000), ("wikinews", 4000), ("openstax", 120), ("scitldr", 600)):
            sample += [_text(r) for r in corpus.records(data, source, "train", limit)]
        train_tokenizer(sample).save(str(work / "tokenizer.json"))
        print(f"tokenizer: {VOCAB_SIZE} tokens from {sum(map(len, sample)) / 1e6:.1f} MB", flush=True)
    jobs = [(str(work), data, s, part, limit if part == "train" else 150, draws if part == "train" else 1)
            for part in ("train", "validation") for s, (limit, draws) in TASK_LIMITS.items()]
    rows, report = {"train": [], "validation": []}, {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:  # a fork after tokenizers ran in threads hangs
        for source, part, used, made in pool.map(_task_rows, jobs):
            rows[part] += made
            tokens = sum(len(r["prefix"]) for r in made)
            report[f"{source}/{part}"] = {"articles": used, "rows": len(made), "prefix_tokens": tokens}
            print(source, part, report[f"{source}/{part}"], flush=True)
    for part, made in rows.items():
        random.Random(SEED).shuffle(made)
        torch.save(made, work / f"{part}.pt")
    tokenizer = load_tokenizer(work)
    labels = {part: labelled.rows(tokenizer, data, part) for part in ("train", "validation")}
    torch.save(labels, work / "labelled.pt")
    report["labelled"] = dict(Counter(r["set"] for r in labels["train"]))
    stream, counts = lm_stream(str(work), data)
    torch.save(stream, work / "lm.pt")
    report["plain text tokens"] = counts
    (work / "data.json").write_text(json.dumps(report, indent=1))
    print("plain text", counts, flush=True)
