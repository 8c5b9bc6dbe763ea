"""Records to task examples: which text, which sentences matter, which headline, which one-sentence summary.

Salience labels are soft, in 0..1, one per sentence: half of it is membership in a greedy ROUGE oracle (the up to three
sentences that together cover the reference best; Nallapati et al., 1611.04230), half the sentence's own overlap with the
reference. The reference is what people wrote as the summary: the lead of an encyclopaedia article for its body, headline
and first sentence of a news article, the author's summary of a paper or a textbook module.

`tldr` targets are faithful by construction: the most salient sentence that stands in the text, with parentheses and
leading connectives removed (only the papers have written one-sentence summaries). A net of this size that is taught to
write freely invents facts; one that is taught to find and shorten does not.
"""

import random
import re
import zlib
from collections import Counter
from dataclasses import dataclass

import engine

TASKS = ["<|headline|>", "<|tldr|>", "<|key-points|>", "<|yes|>", "<|no|>"]
SENTENCE_MARKS = [f"<|s{i}|>" for i in range(64)]
SPECIAL = ["<|end|>", "<|text|>"] + TASKS + SENTENCE_MARKS
# Tokens the vocabulary got later; they stand after the words, so that all older ids stay. 32 keep it a multiple of 32.
TAGS = [f"<|{tag}|>" for tag in ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC")]
_LATER = ["<|label|>", "<|entities|>"] + TAGS + ["<|question|>", "<|answer|>", "<|keywords|>", "<|none|>", "<|keep|>", "<|drop|>"]
LATER = _LATER + [f"<|reserved{i}|>" for i in range(32 - len(_LATER))]
MAX_SENTENCES = 64
MAX_PREFIX = 896
HEADLINE_MAX = 32
TLDR_MAX = 64
TLDR_WRITE_MAX = 96  # the engine may write a longer sentence than the targets are

_WORD = re.compile(r"[^\W_]+")


@dataclass
class Example:
    """One text with its tasks. `salience` has one label per sentence; `headline` and `tldr` may be None."""

    source: str
    sentences: list
    salience: list
    headline: str = None
    tldr: str = None


def words(text):
    return _WORD.findall(text.lower())


def _grams(tokens):
    return Counter(tokens), Counter(zip(tokens, tokens[1:]))


def _f1(overlap, a, b):
    return 2.0 * overlap / (a + b) if a + b else 0.0


def overlap(a, b):
    """ROUGE-1 F1 + ROUGE-2 F1 of two (unigram, bigram) counters, 0..2."""
    return sum(_f1(sum((x & y).values()), sum(x.values()), sum(y.values())) for x, y in zip(a, b))


def salience(sentence_list, reference):
    """Soft labels in 0..1 for each sentence against a reference text, or None if nothing overlaps."""
    grams = [_grams(words(s)) for s in sentence_list]
    target = _grams(words(reference))
    own = [overlap(g, target) for g in grams]
    top = max(own)
    if top < 0.06:
        return None
    chosen, best = [], 0.0
    total = (Counter(), Counter())
    for _ in range(3):
        gains = [(overlap((total[0] + g[0], total[1] + g[1]), target), -i) for i, g in enumerate(grams) if i not in chosen]
        if not gains:
            break
        score, minus = max(gains)
        if score <= best + 1e-3:
            break
        best = score
        chosen.append(-minus)
        total = (total[0] + grams[-minus][0], total[1] + grams[-minus][1])
    return [0.5 * (i in chosen) + 0.5 * score / top for i, score in enumerate(own)]


def _extract(sentence_list, scores):
    """The shortened form of the best sentence that reads alone, or None."""
    for i in sorted(range(len(scores)), key=lambda i: -scores[i])[:4]:
        if engine.stands_alone(sentence_list[i]):
            return engine.shortened(sentence_list[i])
    return None


def _fits(sentence_list, lengths, start):
    """How many sentences from `start` on fit a chunk (each costs its tokens and a mark)."""
    used, end = 1, start
    while end < len(sentence_list) and end - start < MAX_SENTENCES and used + lengths[end] + 1 <= MAX_PREFIX:
        used += lengths[end] + 1
        end += 1
    return end


def _flat(paragraphs):
    return [s for p in paragraphs for s in p]


def _encyclopaedia(r, lengths, rng):
    lead, body = _flat(r["lead"]), _flat(r["body"])
    if len(lead) < 1 or len(body) < 5 or sum(map(len, lead)) < 80:
        return None
    title = r["title"] if rng.random() < 0.2 else None
    if rng.random() < 0.35:
        text = lead + body
        end = _fits(text, lengths(text), 0)
        if end <= len(lead) + 3:
            return None
        text = text[:end]
        rest = salience(text[len(lead):], " ".join(lead))
        central = salience(text[: len(lead)], " ".join(text))
        if rest is None or central is None:
            return None
        labels = [max(0.25, 0.6 - 0.06 * i) + 0.3 * c for i, c in enumerate(central)] + [0.8 * y for y in rest]
        labels[0] = 1.0
        return Example(r["source"], text, labels, title, _extract(text, labels))
    start = 0
    if len(body) > 24 and rng.random() < 0.35:
        start = rng.randrange(0, len(body) - 16)
    counts = lengths(body)
    text = body[start : _fits(body, counts, start)]
    labels = salience(text, " ".join(lead)) if len(text) >= 5 else None
    if labels is None:
        return None
    return Example(r["source"], text, labels, title, _extract(text, labels))


def _news(r, lengths, rng):
    body = _flat(r["body"])
    if len(body) < 4 or len(r["title"]) < 15:
        return None
    reference = r["title"] + ". " + body[0]
    whole = rng.random() < 0.6
    text = body if whole else body[1:]
    text = text[: _fits(text, lengths(text), 0)]
    labels = salience(text[1:], reference) if whole else salience(text, reference)
    if labels is None:
        return None
    if whole:
        labels = [1.0] + [0.9 * y for y in labels]
    return Example(r["source"], text, labels, r["title"], _extract(text, labels))


def _with_summary(r, lengths, rng):
    body = _flat(r["body"])
    if not r.get("summary") or len(body) < 3:
        return None
    counts = lengths(body)
    start = 0
    if len(body) > 50 and rng.random() < 0.6:
        start = rng.randrange(0, len(body) - 24)
    text = body[start : _fits(body, counts, start)]
    labels = salience(text, " ".join(r["summary"])) if len(text) >= 3 else None
    if labels is None:
        return None
    tldr = min(r["summary"], key=len) if r["source"] == "scitldr" else None
    if tldr is None and r["source"] == "openstax":
        tldr = _extract(text, labels)
    return Example(r["source"], text, labels, None, tldr)


def example(r, lengths, variant=0):
    """The training example of a record; `lengths(sentences)` counts tokens, `variant` picks another draw. May be None."""
    rng = random.Random(zlib.crc32(f"{r['source']}:{r['id']}:{variant}".encode()))
    if r["source"].startswith("wikipedia"):
        return _encyclopaedia(r, lengths, rng)
    if r["source"] == "wikinews":
        return _news(r, lengths, rng)
    return _with_summary(r, lengths, rng)
