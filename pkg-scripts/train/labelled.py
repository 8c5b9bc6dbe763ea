"""The labelled sets as rows for the tasks `classify` and `extractEntities`, and their packed batches.

Classification: the text, `<|label|>`, the label as plain words, `<|end|>`; learned on the words and the end. Entities: a
sentence, `<|entities|>`, the sentence again; at every token of the second copy, which has the whole sentence before it,
the tag of that token is learned, among the tag tokens only. The sets annotate differently: a type that a set does not
know may hide behind its O, so there O stands for "O or one of those".

Rows are short. A batch packs several into each line, with a mask that keeps them apart and positions from 0.
"""

import hashlib
import json
import lzma
import random
import re
from pathlib import Path

import numpy as np
import torch

import corpus
import engine
import tasks
from batches import Batch

LINES, LINE = 10, 256
LABEL_ROOM = 900
MAX_SENTENCE = 90  # tokens of a sentence for entities
MAX_TEXT = 192  # tokens of a text to classify
TAGS = [tag.strip("<|>") for tag in tasks.TAGS]
# Label sets: name, file, per mille held out for (test, validation).
INTENTS = {"clinc150": "intent-clinc150", "banking77": "intent-banking77", "snips": "intent-snips", "sentiment": "sentiment"}
_TYPES = {
    "person": "PER", "location": "LOC", "corporation": "ORG", "group": "ORG", "creative-work": "MISC", "product": "MISC",
    "PER": "PER", "LOC": "LOC", "ORG": "ORG", "MISC": "MISC",
}
UNKNOWN_TYPES = {"btc": ("MISC",)}
_NO_SPACE_BEFORE = re.compile(r" ([.,;:!?%)\]]|'s\b|n't\b|'re\b|'ve\b|'m\b|'ll\b|'d\b)")
TOPIC_DRAWS, TOPIC_TEXT = 5, 128
BTC_EVERY = 2  # tweets are over half of the entities' sentences: one in so many is enough


def held_out(source, text):
    """`test` (a tenth), `validation` (3 %) or `train`, by a hash of the text."""
    at = int.from_bytes(hashlib.blake2b(f"{source}:{text}".encode(), digest_size=8).digest(), "big") % 1000
    return "test" if at < 100 else "validation" if at < 130 else "train"


def label_words(label):
    """A label's name as plain lower-case words."""
    if label == "oos":
        return "out of scope"
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    return re.sub(r"[_?-]+", " ", spaced).strip().lower()


def _lines(data, name):
    with lzma.open(Path(data) / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def classified(data, name, part):
    """(text, label words) of one part of a label set; `topic` is the subject of a piece of a textbook."""
    if name == "topic":
        for r in corpus.records(data, "openstax", part):
            rng = random.Random(r["id"])
            paragraphs = [" ".join(p) for p in r["lead"] + r["body"] if sum(map(len, p)) > 150]
            rng.shuffle(paragraphs)
            for text in paragraphs[:TOPIC_DRAWS if part == "train" else 2]:
                yield text, label_words(r["id"].split("/")[0])
        return
    for r in _lines(data, INTENTS[name]):
        if held_out(name, r["text"]) == part:
            yield r["text"], label_words(r["label"])


def joined(words):
    """(text, [(start, end) of each word]) of words as a person would write them, code points."""
    text, spans = "", []
    for word in words:
        glued = text and re.fullmatch(r"[.,;:!?%)\]]|'s|n't|'re|'ve|'m|'ll|'d", word) or text[-1:] in ("(", "[", "$")
        text += "" if not text or glued else " "
        spans.append((len(text), len(text) + len(word)))
        text += word
    return text, spans


def entity_sentences(data, part):
    """(source, words, tags) with tags B-/I- of PER, LOC, ORG, MISC; every entity starts with B-."""
    for r in _lines(data, "ner"):
        if held_out("ner", " ".join(r["tokens"])) != part:
            continue
        tags, before = [], "O"
        for tag in r["tags"]:
            if tag != "O":
                kind = _TYPES[tag[2:]]
                starts = tag[0] == "B" or before[2:] != kind
                tag = ("B-" if starts else "I-") + kind
            tags.append(tag)
            before = tag
        yield r["source"], r["tokens"], tags


def token_tags(tokenizer, words, tags):
    """(text, ids, tag per id) of a sentence: the first token of an entity is B-, all its others are I-."""
    text, spans = joined(words)
    encoding = tokenizer.encode(" " + text, add_special_tokens=False)
    out = []
    at, previous = 0, None
    for start, end in encoding.offsets:
        middle = max(start, end - 1) - 1  # offsets count the space in front
        while at + 1 < len(spans) and middle >= spans[at][1]:
            at += 1
        tag = tags[at] if spans[at][0] <= middle < spans[at][1] else "O"
        if tag[0] == "B" and previous == at:
            tag = "I" + tag[1:]
        out.append(tag)
        previous = at if tag != "O" else None
    return text, encoding.ids, out


def _prefix(tokenizer, text, limit):
    ids, first = [tokenizer.token_to_id("<|text|>")], tokenizer.token_to_id("<|s0|>")
    for i, sentence in enumerate(engine.split(text)[:64]):
        piece = tokenizer.encode(" " + sentence, add_special_tokens=False).ids
        if len(ids) + len(piece) + 1 > limit:
            if i == 0:
                ids += piece[: limit - 2] + [first]
            break
        ids += piece + [first + i]
    return ids


def rows(tokenizer, data, part):
    """All rows of a part: {"tokens", "learn" (first learned position), "tags" (None, or allowed tags as bits), "set"}."""
    out = []
    mark, end = tokenizer.token_to_id("<|label|>"), tokenizer.token_to_id("<|end|>")
    for name in (*INTENTS, "topic"):
        for text, label in classified(data, name, part):
            ids = _prefix(tokenizer, text, TOPIC_TEXT if name == "topic" else MAX_TEXT)
            tail = tokenizer.encode(" " + label, add_special_tokens=False).ids + [end]
            out.append({"tokens": np.array(ids + [mark] + tail, np.uint16), "learn": len(ids), "tags": None, "set": name})
    text_mark, s0, entities = (tokenizer.token_to_id(t) for t in ("<|text|>", "<|s0|>", "<|entities|>"))
    for i, (source, words, tags) in enumerate(entity_sentences(data, part)):
        if source == "btc" and part == "train" and i % BTC_EVERY:
            continue
        _, ids, named = token_tags(tokenizer, words, tags)
        if len(ids) > MAX_SENTENCE or not ids:
            continue
        hidden = sum(1 << i for i, t in enumerate(TAGS) if t[2:] in UNKNOWN_TYPES.get(source, ()))
        bits = [(1 << TAGS.index(t)) | (hidden if t == "O" else 0) for t in named]
        tokens = np.array([text_mark, *ids, s0, entities, *ids], np.uint16)
        out.append({"tokens": tokens, "learn": len(ids) + 3, "tags": np.array(bits, np.uint16), "set": source})
    return out


def plan(row_list, seed, epoch):
    """Packed batches of an epoch: lists of LINES lists of row indices."""
    rng = random.Random(seed * 1000 + epoch)
    order = list(range(len(row_list)))
    rng.shuffle(order)
    batches, lines, room, labels = [], [[] for _ in range(LINES)], [LINE] * LINES, 0
    for i in order:
        size, learned = len(row_list[i]["tokens"]), 0 if row_list[i]["tags"] is not None else len(row_list[i]["tokens"]) - row_list[i]["learn"]
        at = next((k for k in range(LINES) if room[k] >= size), None)
        if at is None or labels + learned > LABEL_ROOM:
            batches.append(lines)
            lines, room, labels, at = [[] for _ in range(LINES)], [LINE] * LINES, 0, 0
        lines[at].append(i)
        room[at] -= size
        labels += learned
    return batches


def collate(row_list, lines):
    """A `Batch` of packed rows. Kind 4 is a label's word; tags come in `tag_at` [K] and `tag_allowed` [K, 9]."""
    tokens, positions = np.zeros((LINES, LINE), np.int64), np.zeros((LINES, LINE), np.int64)
    mask = np.zeros((LINES, 1, LINE, LINE), bool)
    mask[:, 0, np.arange(LINE), np.arange(LINE)] = True
    learn, target, tag_at, bits, real = [], [], [], [], 0
    for k, members in enumerate(lines):
        at = 0
        for i in members:
            row = row_list[i]
            n = len(row["tokens"])
            tokens[k, at : at + n], positions[k, at : at + n] = row["tokens"], np.arange(n)
            mask[k, 0, at : at + n, at : at + n] = np.tril(np.ones((n, n), bool))
            base = k * LINE + at + row["learn"]
            if row["tags"] is None:
                count = n - row["learn"] - 1
                learn += range(base, base + count)
                target += row["tokens"][row["learn"] + 1 :].tolist()
            else:
                tag_at += range(base, base + len(row["tags"]))
                bits += row["tags"].tolist()
            at += n
            real += n
    spare = LABEL_ROOM - len(learn)
    weight = [1.0] * len(learn) + [0.0] * spare
    learn, target = learn + [0] * spare, target + [-100] * spare
    empty = torch.zeros(0, dtype=torch.long)
    batch = Batch(torch.from_numpy(tokens), torch.from_numpy(positions), torch.from_numpy(mask), 0, torch.tensor(learn), torch.tensor(target),
                  torch.tensor(weight), torch.full((LABEL_ROOM,), 4), empty, empty, torch.zeros(0), empty, real)
    batch.tag_at = torch.tensor(tag_at, dtype=torch.long)
    batch.tag_allowed = torch.tensor(bits, dtype=torch.long)[:, None] >> torch.arange(len(TAGS)) & 1 == 1
    return batch
