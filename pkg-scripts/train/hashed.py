"""Features of the heads as hashes: the same, to the bit, as `src/heads` computes in the engine."""

from functools import lru_cache

import numpy as np

MASK = 0xFFFFFFFF
WORD, PART = 0x811C9DC5, 0x9E3779B9
SHORTEST, LONGEST = 2, 5  # letters of a part of a word


def fnv(data, h=WORD):
    for byte in data:
        h = ((h ^ byte) * 0x01000193) & MASK
    return h


def mix(h):
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
    return h ^ (h >> 16)


def mix_all(h):
    """`mix` of an array of u32."""
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def tokens(text, joined):
    """[(start, end)] of runs of letters and digits and of every other sign; `joined`: an apostrophe between letters is inside."""
    out, start = [], None
    for i, c in enumerate(text):
        if c.isalnum() or joined and start is not None and c in "'\u2019" and text[i + 1 : i + 2].isalnum():
            start = i if start is None else start
            continue
        if start is not None:
            out.append((start, i))
            start = None
        if not c.isspace():
            out.append((i, i + 1))
    return out if start is None else [*out, (start, len(text))]


@lru_cache(1 << 20)
def _word(word):
    """(hash, hashes of parts) of a word in lower case."""
    parts, framed = [], f"<{word}>"
    if word[0].isalnum():
        for n in range(SHORTEST, min(LONGEST, len(framed) - 1) + 1):
            parts += [mix(fnv(framed[i : i + n].encode(), PART)) for i in range(len(framed) - n + 1)]
    return fnv(word.encode()), tuple(parts)


def features(text):
    """The sorted hashes of a text's words, pairs of words, and parts of words: three arrays."""
    text = text.replace("\u2019", "'")
    words, pairs, parts, before = [], [], [], 0
    for start, end in tokens(text, True):
        h, own = _word(text[start:end].lower())
        words.append(mix(h))
        pairs.append(mix((before * 31 + h) & MASK))
        parts += own
        before = h
    pairs.append(mix((before * 31 + 1) & MASK))
    return [np.unique(np.array(all_of, np.uint32)) for all_of in (words, pairs, parts)]


def rows(featured, buckets, kinds):
    """(bucket of each feature, its weight, where each text's begin) of texts' features, each text's of length 1."""
    ids, weights, starts = [], [], [0]
    for of_kinds in featured:
        used = [(all_of, kind) for all_of, kind in zip(of_kinds, kinds) if kind > 0]
        ids.append(np.concatenate([all_of for all_of, _ in used]).astype(np.int64) & (buckets - 1))
        weight = np.concatenate([np.full(len(all_of), kind, np.float32) for all_of, kind in used])
        weights.append(weight / max(1e-9, float(np.sqrt((weight**2).sum()))))
        starts.append(starts[-1] + len(weight))
    return np.concatenate(ids), np.concatenate(weights), np.array(starts)
