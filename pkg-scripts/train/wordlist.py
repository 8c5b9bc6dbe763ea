"""The words of the embedding table, and how often each is met.

Only records of the training split are read (`corpus.bucket`). The intent sets are in none of it: they say how well the
table does on what it never saw.
"""

import re
from collections import Counter

from tokenizers.normalizers import BertNormalizer

import corpus
import labelled

# Share of each source in the mixed frequency of words; one record in so many is counted.
SOURCES = {
    "wikipedia-core": (0.22, 6), "wikipedia-more": (0.20, 8), "wikinews": (0.18, 3), "openstax": (0.08, 2), "dolly": (0.10, 1),
    "sgd": (0.06, 4), "medquad": (0.05, 4), "sentiment": (0.08, 2), "novels": (0.03, 4),
}
CHARACTERS = 20000  # of a record that are counted
WORDS, INSIDE = 26000, 2500
LONGEST = 24

_normalizer = BertNormalizer(lowercase=True, strip_accents=True)
_WORD = re.compile(r"[^\W_]+")


def words_of(text):
    """What BERT's normaliser and cuts leave of a text, punctuation left out."""
    return _WORD.findall(_normalizer.normalize_str(text))


def _texts(data, source):
    """The training records of a source."""
    if source in ("wikipedia-core", "wikipedia-more", "wikinews", "openstax", "novels"):
        for r in corpus.read(data, source):
            identity = corpus.identity(source, r)
            if corpus.bucket(source, identity) == "train":
                yield f"{r.get('title', '')}\n{r['text']}"
        return
    for r in labelled._lines(data, source):
        parts = {
            "dolly": lambda: [str(v) for v in r.values() if isinstance(v, str)],
            "sgd": lambda: [text for _, text in r["turns"]],
            "medquad": lambda: [r["question"], r["answer"]],
            "sentiment": lambda: [r["text"]],
        }[source]()
        identity = str(r.get("id", parts[0]))[:200]
        held = labelled.held_out(source, parts[0]) if source == "sentiment" else corpus.bucket(source, identity)
        if held == "train":
            yield "\n".join(parts)


def read(data):
    """{word: share of all words}, the sources mixed as SOURCES says."""
    mixed = Counter()
    for source, (share, every) in SOURCES.items():
        counts = Counter()
        for i, text in enumerate(_texts(data, source)):
            if i % every == 0:
                counts.update(words_of(text[:CHARACTERS]))
        total = sum(counts.values())
        for word, n in counts.items():
            mixed[word] += share * n / total
        print(f"{source}: {total} words", flush=True)
    return dict(mixed)


def choose(shares, teacher_tokens, n_words=WORDS, n_inside=INSIDE):
    """(words, pieces inside words (`##`), share of each of both). The teacher's own whole words count as common."""
    plain = re.compile(rf"[a-z0-9]{{1,{LONGEST}}}")
    score = {w: s for w, s in shares.items() if plain.fullmatch(w)}
    for token in teacher_tokens:
        if plain.fullmatch(token) and token.isalpha() and token in score:
            score[token] *= 4
    characters = "abcdefghijklmnopqrstuvwxyz0123456789"
    ranked = sorted(score, key=lambda w: (-score[w], w))
    words = list(dict.fromkeys([*characters, *ranked]))[:n_words]
    # Pieces that the words which did not fit are made of.
    known, left = set(words), Counter()
    inside = {t[2:] for t in teacher_tokens if t.startswith("##") and plain.fullmatch(t[2:])}
    for word in ranked:
        if word in known:
            continue
        start = 0
        while start < len(word):
            table = known if start == 0 else inside
            end = next(e for e in range(len(word), start, -1) if word[start:e] in table or e == start + 1)
            if start > 0:
                left[word[start:end]] += shares[word]
            start = end
    pieces = [p for p, _ in sorted(left.items(), key=lambda item: (-item[1], item[0]))]
    pieces = list(dict.fromkeys([*characters, *pieces]))[:n_inside]
    return words, ["##" + p for p in pieces], [shares.get(w, 0.0) for w in words] + [left[p] for p in pieces]
