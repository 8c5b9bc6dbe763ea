"""The embedding table: how a text is cut, how its vector is made, and how the vectors come out of the teacher's.

A token's vector is the teacher's of that token alone, centred, in its first principal components, times a weight by
frequency, a / (a + share) (smooth inverse frequency: Arora et al. 2017, "A simple but tough-to-beat baseline for sentence
embeddings"). A text's vector is the sum of its tokens', at length 1. `src/table` does the same in the engine.
"""

import json

import numpy as np

import gguf_file
import wordlist

DIMENSIONS = 128
SMOOTH = 3e-4
# A piece inside a word tells less than a word: most belong to names.
INSIDE = 0.3
ARCHITECTURE = "static-embedding"
UNKNOWN = "[UNK]"


class Cutter:
    """Texts to token ids, as WordPiece does it: 0 is the unknown token, then words, then pieces inside words."""

    def __init__(self, words, pieces):
        self.tokens = [UNKNOWN, *words, *pieces]
        self.first = {w: i + 1 for i, w in enumerate(words)}
        self.inside = {p.removeprefix("##"): i + 1 + len(words) for i, p in enumerate(pieces)}
        self.known = {}

    def _word(self, word):
        out, start = [], 0
        while start < len(word):
            table = self.first if start == 0 else self.inside
            end = next((e for e in range(len(word), start, -1) if word[start:e] in table), None)
            if end is None:
                return []
            out.append(table[word[start:end]])
            start = end
        return out

    def __call__(self, text):
        """Ids without the unknown one, which weighs nothing."""
        out = []
        for word in wordlist.words_of(text):
            if word not in self.known:
                self.known[word] = self._word(word)
            out += self.known[word]
        return out


def vectors(table, cut, texts):
    """[n, d] of length 1, or zero where no word is known."""
    out = np.zeros((len(texts), table.shape[1]), np.float32)
    for i, text in enumerate(texts):
        out[i] = table[cut(text)].sum(0)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


def components(tokens, n_words, dimensions=DIMENSIONS):
    """(mean [384], basis [384, d]) of the teacher's vectors of words."""
    mean = tokens.mean(0)
    _, _, basis = np.linalg.svd(tokens[:n_words] - mean, full_matrices=False)
    return mean, basis[:dimensions].T


def rows_of(tokens, mean, basis, shares, n_words):
    """The table: a row a token, the unknown one's zero in front."""
    rows = (tokens - mean) @ basis * (SMOOTH / (SMOOTH + shares))[:, None]
    rows[n_words:] *= INSIDE
    return np.concatenate([np.zeros((1, rows.shape[1])), rows]).astype(np.float32)


def stored(table):
    """The table as the file stores it, read back."""
    return gguf_file.dequantize(gguf_file.quantize(table, gguf_file.Q4_0), table.shape, gguf_file.Q4_0)


def calibrated(table, cut, sets, labels_each=6, draws=4, seed=1):
    """(scale, doubt) under which right labels are likeliest, over draws of few labels and over all of a set; see src/table."""
    rng = np.random.default_rng(seed)
    cases = []
    for examples in sets:
        names = sorted({label for _, label in examples})
        sums = np.stack([table[cut(text)].sum(0) for text, _ in examples])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        close = sums @ vectors(table, cut, names).T
        right = np.array([names.index(label) for _, label in examples])
        cases.append((close, lengths, right))
        if len(names) > labels_each:
            for _ in range(draws):
                others = np.stack([rng.choice(np.delete(np.arange(len(names)), r), labels_each - 1, replace=False) for r in right])
                few = np.concatenate([right[:, None], others], 1)
                cases.append((np.take_along_axis(close, few, 1), lengths, np.zeros(len(right), int)))

    def loss(both):
        scale, doubt = both
        total = 0.0
        for close, lengths, right in cases:
            z = scale * close / (lengths + doubt + 1e-9)
            z = z - z.max(1, keepdims=True)
            total -= (z[np.arange(len(right)), right] - np.log(np.exp(z).sum(1))).mean()
        return total / len(cases)

    # The doubt in parts of a usual row's length.
    usual = float(np.median(np.linalg.norm(table[1:], axis=1)))
    return min(((float(s), round(d * usual, 4)) for s in range(4, 61) for d in (0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0)), key=loss)


def write(path, table, cut, scale, doubt, info):
    """The table as GGUF; see src/table. Pieces as llama.cpp writes those of BERT: `▁` before those that begin a word."""
    tokens = [t if t == UNKNOWN else t.removeprefix("##") if t.startswith("##") else "▁" + t for t in cut.tokens]
    metadata = {"general.architecture": ARCHITECTURE, "general.file_type": 2, "general.quantization_version": 2} | info
    metadata |= {
        f"{ARCHITECTURE}.embedding_length": table.shape[1], f"{ARCHITECTURE}.scale": scale, f"{ARCHITECTURE}.doubt": doubt,
        "tokenizer.ggml.model": "bert", "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.unknown_token_id": 0,
    }
    gguf_file.write(path, metadata, {"token_embd.weight": table}, lambda name: gguf_file.Q4_0)


# What the engine's tests compare: plain words, endings, accents and capitals, names in pieces, signs, other scripts, numbers.
GOLDEN = [
    "The striker scored two goals in the cup final.", "sport", "Café MÜNCHEN naïve façade", "Zyxwvut blorptastic Nkandla",
    "e-mail: anna_b@example.org, 12 May 2026!", "emoji 🛢 and 日本語 between words", "don't \u201cquote\u201d it\u2014ever", "ΑΘΗΝΑ привет",
    "", "a b c 1 2 3", "internationalization of uncharacteristically hyperparameterized", "I\u0307stanbul ﬁne ½ ①",
]


def golden(path, table, cut):
    """The vectors of GOLDEN by the table as it is stored, for `tests/models/embeddings.rs`."""
    found = vectors(stored(table), cut, GOLDEN)
    cases = [{"text": text, "vector": [round(float(x), 5) for x in vector]} for text, vector in zip(GOLDEN, found)]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"[\n{lines}\n]\n")
