"""Two bytes for each of some thousand words: what names it is mostly part of and how often it has a capital letter, by the titles and
texts of the encyclopaedia; and which words are used like it, by groups of the embedding table's vectors.

Only articles of the training part are read. A file holds hashes of words, no words (`src/heads/lexicon.rs`).
"""

import re
from collections import Counter, defaultdict

import numpy as np

import corpus
import gguf_file
import hashed

SLOTS = 1 << 15
GROUPS, ROUNDS, SEED = 255, 15, 1
KINDS = ("FIRST", "LAST", "LOC", "ORG", "MISC")
CAPITAL_AT = (0.02, 0.1, 0.4, 0.85)
_A = r"\b(?:is|was|are|were) (?:an?|the|one of the)(?: [\w'-]+,?){0,6} "
# What an article is about shows in its first sentence; the first pattern that fits is taken.
_ABOUT = {
    "PER": re.compile(
        r"\((?:[^()]*\b)?(?:born|b\.)\b|\(\d{1,2} \w+ \d{4} [–-]|\b(?:was|is) an? (?:[A-Z]?[\w-]+,? (?:and )?){0,5}(?:player|footballer|politician|"
        r"actor|actress|singer|writer|author|musician|composer|artist|painter|poet|scientist|lawyer|journalist|director|producer|officer|general|"
        r"cricketer|rapper|bishop|king|queen|emperor|philosopher|mathematician|physicist|historian|economist|model|comedian)\b"
    ),
    "LOC": re.compile(
        _A + r"(?:city|town|village|municipality|river|lake|mountain|islands?|country|state|province|county|district|region|capital|suburb|commune|"
        r"borough|neighbou?rhood|community|parish|peninsula|valley|street|sea|bay|park|station|airport|prefecture)\b"
    ),
    "ORG": re.compile(
        _A + r"(?:company|corporation|club|university|school|college|band|party|organi[sz]ation|agency|team|association|institute|bank|airline|"
        r"newspaper|network|church|museum|hospital|league|group|manufacturer|publisher|label|studio|retailer|government|army|union|committee|chain|"
        r"brand)\b"
    ),
    "MISC": re.compile(
        _A + r"(?:film|album|song|novel|book|series|sitcom|game|single|magazine|play|opera|show|language|war|battle|award|festival|software|car|"
        r"aircraft|ship|comic|manga|treaty|religion|programming)\b"
    ),
}
_WORD = re.compile(r"[^\W_]+")
TEXT_EVERY, TEXT_LENGTH = 3, 1500


def count(data):
    """(word: kinds of names in titles, word: times without, word: times with a capital letter inside sentences)"""
    kinds, low, capital, n = defaultdict(Counter), Counter(), Counter(), 0
    for source in ("wikipedia-core", "wikipedia-more"):
        for raw in corpus.read(data, source):
            if corpus.bucket(source, raw["id"]) != "train":
                continue
            n += 1
            title = re.sub(r"\s*\(.*?\)|,.*", "", raw["title"])
            first = raw["text"][:400].split(". ")[0]
            about = next((kind for kind, pattern in _ABOUT.items() if pattern.search(first)), None)
            words = [w for w in _WORD.findall(title) if w[0].isupper()]
            for i, word in enumerate(words if about else []):
                kind = about if about != "PER" else "FIRST" if i == 0 and len(words) > 1 else "LAST"
                kinds[word.lower()][kind] += 1
            if n % TEXT_EVERY == 0:
                for sentence in raw["text"][:TEXT_LENGTH].split(". "):
                    for word in (w.strip(".,;:()\"'") for w in sentence.split()[1:]):
                        if word.isalpha():
                            (low if word.islower() else capital)[word.lower()] += word.islower() or word[0].isupper()
    return dict(kinds), low, capital


def kind_bytes(counts):
    """{word: byte}: six steps of how often it has a capital, times kind and how surely."""
    kinds, low, capital = counts
    out = {}
    for word in sorted(set(kinds) | {w for w, n in low.items() if n >= 20} | {w for w, n in capital.items() if n >= 8}):
        n_text, own = low[word] + capital[word], kinds.get(word, {})
        step = 0 if n_text < 8 else 1 + sum(capital[word] / n_text >= at for at in CAPITAL_AT)
        n = sum(own.values())
        which = 0
        if n >= 2:
            kind = max(KINDS, key=lambda k: own.get(k, 0))
            share = own[kind] / n
            sure = 0 if share <= 0.5 else 1 if share <= 0.8 else 2 if n < 8 else 3
            which = 1 + 4 * KINDS.index(kind) + sure
        out[word] = 1 + step + 6 * which
    return out


def group_bytes(table):
    """{word: byte}: k-means of the table's words by the cosine."""
    metadata, tensors, _ = gguf_file.read(table)
    words = [(t[1:], i) for i, t in enumerate(metadata["tokenizer.ggml.tokens"]) if t.startswith("▁")]
    rows = tensors["token_embd.weight"][[i for _, i in words]]
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    centres = rows[np.random.default_rng(SEED).choice(len(rows), GROUPS, replace=False)]
    for _ in range(ROUNDS):
        nearest = (rows @ centres.T).argmax(1)
        for k in np.unique(nearest):
            centre = rows[nearest == k].sum(0)
            centres[k] = centre / np.linalg.norm(centre)
    nearest = (rows @ centres.T).argmax(1)
    return {word: int(k) + 1 for (word, _), k in zip(words, nearest)}


class Lexicon:
    """The tables of slots, as the file has them."""

    def __init__(self, kinds, groups, worth):
        """Words of most worth first: those for whom both slots are taken are left out."""
        self.check, self.kinds, self.groups = np.zeros(SLOTS, np.uint8), np.zeros(SLOTS, np.uint8), np.zeros(SLOTS, np.uint8)
        taken, self.left_out = np.zeros(SLOTS, bool), 0
        for word in sorted(set(kinds) | set(groups), key=lambda w: (-worth(w), w)):
            check, slots = self._places(word)
            slot = next((s for s in slots if not taken[s]), None)
            if slot is None or any(taken[s] and self.check[s] == check for s in slots):
                self.left_out += 1
                continue
            taken[slot] = True
            self.check[slot], self.kinds[slot], self.groups[slot] = check, kinds.get(word, 0), groups.get(word, 0)

    @staticmethod
    def _places(word):
        h = hashed.fnv(word.encode())
        return hashed.mix(h) >> 24, (h % SLOTS, (h >> 15) % SLOTS)

    def of(self, word):
        """(kind, group) of a word in lower case."""
        check, slots = self._places(word)
        slot = next((s for s in slots if self.check[s] == check), None)
        return (0, 0) if slot is None else (int(self.kinds[slot]), int(self.groups[slot]))

    def metadata(self):
        return {f"lexicon.{name}": getattr(self, name).tobytes() for name in ("check", "kinds", "groups")}
