"""ROUGE-1, ROUGE-2 and ROUGE-L F1 of rouge-score (with stemming), much quicker: the fit asks for it a million times.

`evaluate` reports the package's own numbers; `python rouge.py` holds these against them.
"""

import re
from collections import Counter
from functools import lru_cache

from nltk.stem.porter import PorterStemmer

_STEMMER = PorterStemmer()


@lru_cache(None)
def _stem(word):
    return _STEMMER.stem(word) if len(word) > 3 else word


def tokens(text):
    return [_stem(w) for w in re.sub(r"[^a-z0-9]+", " ", text.lower()).split()]


class Reference:
    """A reference text, ready to be compared with."""

    def __init__(self, text):
        self.tokens = tokens(text)
        self.counts = Counter(self.tokens)
        self.at = {}
        for i, token in enumerate(self.tokens):
            self.at[token] = self.at.get(token, 0) | 1 << i

    def scores(self, found):
        """(ROUGE-1, ROUGE-L) in 0..100 of a list of tokens."""
        size, both = len(self.tokens), len(self.tokens) + len(found)
        if not found or not size:
            return 0.0, 0.0
        shared = sum(min(n, self.counts[t]) for t, n in Counter(found).items() if t in self.counts)
        # Longest common subsequence, bit-parallel (Hyyrö 2004): a zero bit is a matched place of the reference.
        full = (1 << size) - 1
        row = full
        for token in found:
            matched = row & self.at.get(token, 0)
            row = (row + matched | row - matched) & full
        return 200.0 * shared / both, 200.0 * (size - row.bit_count()) / both


def best(references, found):
    """The best (ROUGE-1, ROUGE-L) over the references."""
    values = [r.scores(found) for r in references]
    return max(v[0] for v in values), max(v[1] for v in values)


if __name__ == "__main__":
    from rouge_score import rouge_scorer

    pairs = [("The cat sat on the mat, running.", "A cat runs on mats."), ("one two three two", "two one two four"), ("", "a"), ("Ünal's 3rd-party", "unal s 3rd party")]
    scorer = rouge_scorer.RougeScorer(["rouge1", "rougeL"], use_stemmer=True)
    for text, reference in pairs:
        expected = [100 * scorer.score(reference, text)[m].fmeasure for m in ("rouge1", "rougeL")]
        found = Reference(reference).scores(tokens(text))
        assert all(abs(a - b) < 1e-9 for a, b in zip(expected, found)), (text, reference, expected, found)
    print("same as rouge-score")
