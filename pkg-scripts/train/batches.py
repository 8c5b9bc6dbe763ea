"""Rows to fixed-shape batches: a shared prefix, its task tails, their mask, and which positions are learned from.

Shapes are few so that the compiled step is compiled few times: a prefix is padded to one of PREFIX_SIZES, the tails of
a row share TAIL positions. Beside the real tasks a row gets *copy* tails: the mark of one sentence followed by the next
sentence, which already stands in the text. They train the heads that copy (see `circuits.py`).
"""

import random
from dataclasses import dataclass

import numpy as np
import torch

PREFIX_SIZES = (384, 640, 896)
TAIL = 192
LM_SIZE = 512
BATCH_TOKENS = 2700
GEN_WEIGHT = 1.5
COPY_WEIGHT = 0.7


@dataclass
class Batch:
    """Tensors of one step; N = P + T, M = learned positions (fixed per shape), S = labelled sentence marks."""

    tokens: torch.Tensor  # [B, N] i64
    positions: torch.Tensor  # [B, N] i64 or None
    mask: torch.Tensor  # [B, 1, T, N] bool or None
    prefix: int
    learn: torch.Tensor  # [M] i64, flat positions
    target: torch.Tensor  # [M] i64, the next token
    weight: torch.Tensor  # [M] f32
    kind: torch.Tensor  # [M] i64: 0 text, 1 headline, 2 tldr, 3 copy
    marks: torch.Tensor  # [S] i64, flat positions of the marks in the key-points tail
    text_marks: torch.Tensor  # [S] i64, flat positions of the same marks in the text
    labels: torch.Tensor  # [S] f32
    rows: torch.Tensor  # [S] i64, row of each mark
    new_tokens: int  # tokens that are not padding
    tag_at: torch.Tensor = ()  # [K] i64, flat positions of the tokens whose tag is learned
    tag_allowed: torch.Tensor = ()  # [K, 9] bool, which tags are right there


class Batcher:
    def __init__(self, tokenizer, seed):
        self.ids = {name: tokenizer.token_to_id(name) for name in ("<|end|>", "<|headline|>", "<|tldr|>", "<|key-points|>", "<|s0|>")}
        self.seed = seed

    def plan(self, rows, epoch):
        """Lists of row indices, one list per batch: alike in length inside, shuffled outside."""
        rng = random.Random(self.seed * 1000 + epoch)
        groups = {size: [] for size in PREFIX_SIZES}
        for i, row in enumerate(rows):
            groups[next(s for s in PREFIX_SIZES if len(row["prefix"]) <= s)].append(i)
        batches = []
        for size, members in groups.items():
            rng.shuffle(members)
            count = BATCH_TOKENS // size
            batches += [members[at : at + count] for at in range(0, len(members) - count + 1, count)]
        rng.shuffle(batches)
        return batches

    def tails(self, row, rng, copies):
        """[(kind, tokens, first learned position)] of one row, at most TAIL tokens in all."""
        count, s0 = len(row["salience"]), self.ids["<|s0|>"]
        out = [("key-points", [self.ids["<|key-points|>"]] + [s0 + i for i in range(count)])]
        for name, mark in (("headline", "<|headline|>"), ("tldr", "<|tldr|>")):
            if len(row[name]):
                out.append((name, [self.ids[mark]] + row[name].tolist()))
        used, prefix = sum(len(t) for _, t in out), row["prefix"]
        ends = np.flatnonzero((prefix >= s0) & (prefix < s0 + 64))
        for _ in range(copies):
            at = rng.randrange(len(ends) - 1)
            tokens = prefix[ends[at] : ends[at + 1] + 1].tolist()
            if len(tokens) <= min(64, TAIL - used):
                out.append(("copy", tokens))
                used += len(tokens)
        return out

    def collate(self, rows, seed, copies=2, text_share=4):
        """A batch of `rows`; one text position in `text_share` is learned from, `copies` copy tails a row."""
        rng = random.Random(seed)
        size = next(s for s in PREFIX_SIZES if max(len(r["prefix"]) for r in rows) <= s)
        b, n = len(rows), size + TAIL
        tokens = np.zeros((b, n), np.int64)
        positions = np.zeros((b, n), np.int64)
        mask = np.zeros((b, 1, TAIL, n), bool)
        mask[:, 0, np.arange(TAIL), size + np.arange(TAIL)] = True  # padding sees itself: no empty softmax row
        gen, text, marks, text_marks, labels, owner, real = [], [], [], [], [], [], 0
        for r, row in enumerate(rows):
            p = len(row["prefix"])
            tokens[r, :p] = row["prefix"]
            positions[r, :size] = np.arange(size)
            text += [(r * n + i, row["prefix"][i + 1], 1.0, 0) for i in range(p - 1)]
            at, real = 0, real + p
            for kind, tail in self.tails(row, rng, copies):
                here = size + at
                length = len(tail) if kind == "key-points" else len(tail) - 1
                tokens[r, here : here + length] = tail[:length]
                positions[r, here : here + length] = p + np.arange(length)
                mask[r, 0, at : at + length, :p] = True
                mask[r, 0, at : at + length, here : here + length] = np.tril(np.ones((length, length), bool))
                if kind == "key-points":
                    marks += [r * n + here + 1 + i for i in range(length - 1)]
                    text_marks += (r * n + np.flatnonzero((row["prefix"] >= self.ids["<|s0|>"]) & (row["prefix"] < self.ids["<|s0|>"] + 64))).tolist()
                    labels += row["salience"].tolist()
                    owner += [r] * len(row["salience"])
                else:
                    code = {"headline": 1, "tldr": 2, "copy": 3}[kind]
                    weight = COPY_WEIGHT if code == 3 else GEN_WEIGHT
                    gen += [(r * n + here + i, tail[i + 1], weight, code) for i in range(length)]
                at += length
                real += length
        room = b * (size // text_share + 64 + 24 * copies)
        gen = gen[:room]
        picked = gen + rng.sample(text, min(room - len(gen), len(text)))
        picked += [(0, -100, 0.0, 0)] * (room - len(picked))
        learn, target, weight, kind = zip(*picked)
        return Batch(
            torch.from_numpy(tokens), torch.from_numpy(positions), torch.from_numpy(mask), size,
            torch.tensor(learn), torch.tensor([int(t) for t in target]), torch.tensor(weight), torch.tensor(kind),
            torch.tensor(marks), torch.tensor(text_marks), torch.tensor(labels), torch.tensor(owner), real,
        )

    def text_batch(self, stream, index):
        """Plain text, BATCH_TOKENS of it, from position `index` of the stream on (wrapping)."""
        b = BATCH_TOKENS // LM_SIZE
        span = b * LM_SIZE + 1
        start = (index * (span - 1)) % (len(stream) - span)
        flat = torch.from_numpy(stream[start : start + span].astype(np.int64))
        tokens, target = flat[:-1].view(b, LM_SIZE), flat[1:]
        learn = torch.arange(b * LM_SIZE)
        empty = torch.zeros(0, dtype=torch.long)
        return Batch(tokens, None, None, LM_SIZE, learn, target, torch.ones(len(learn)), torch.zeros(len(learn), dtype=torch.long),
                     empty, empty, torch.zeros(0), empty, len(learn))
