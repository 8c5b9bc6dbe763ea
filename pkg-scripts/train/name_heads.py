"""Names by a linear-chain conditional random field over hashed features of words and their neighbours, trained by CRFsuite (Okazaki)."""

import numpy as np
import pycrfsuite

import gguf_file
import hashed
import labelled
from baselines import spans

ARCHITECTURE = "nanolm-names"
BITS = 17
C1, C2, ROUNDS = 0.05, 0.1, 70
TAGS = ["O", *(f"{place}-{kind}" for kind in ("PER", "LOC", "ORG", "MISC") for place in "BI")]
IMPOSSIBLE = -30.0
ATTRIBUTES = "wlsabcdefghjxy"
BEFORE, BEHIND, JOINED, KIND, GROUP = 1, 2, 3, 256, 512
TEMPLATES = [
    *(f"{a}0" for a in "wlsabcdefgh"), *(f"{a}{d}" for a in "ls" for d in (-2, -1, 1, 2)), "l-1 l0", "l0 l1", "s-1 s0 s1",
    "j0", "j1", "j0 l-1", "j1 l1", "g-1", "g1", "s0 l-1", "s0 l1",
    "x0", "x-1", "x1", "x0 s0", "x-1 x0", "x0 x1", "y0", "y-1", "y1", "y0 s0", "x-1 s0", "x1 s0",
]


def shape(word):
    out = []
    for c in word:
        kind = "d" if c in "0123456789" else "X" if c.isupper() else "x" if c.isalpha() else c
        if out[-2:] != [kind, kind]:
            out.append(kind)
    return "".join(out)


class Features:
    """Texts to buckets: an array of [tokens, templates]."""

    def __init__(self, lexicon):
        self.lexicon, self.known = lexicon, {}
        part = lambda p: (ATTRIBUTES.index(p[0]), int(p[1:]))
        self.templates = [[part(p) for p in template.split()] for template in TEMPLATES]

    def _word(self, word):
        if word not in self.known:
            low, h = word.lower(), lambda text: hashed.fnv(text.encode())
            first = [h(low[:n]) if len(low) >= n else 0 for n in (1, 2, 3, 4)]
            last = [h(low[-n:]) if len(low) >= n else 0 for n in (1, 2, 3, 4)]
            kind, group = self.lexicon.of(low)
            self.known[word] = [h(word), h(low), h(shape(word)), *first, *last, 0, hashed.mix(KIND + kind), hashed.mix(GROUP + group)]
        return self.known[word]

    def __call__(self, text, places):
        n = len(places)
        all_of = np.full((n + 4, len(ATTRIBUTES)), BEFORE, np.uint32)
        all_of[n + 2 :] = BEHIND
        all_of[2 : n + 2] = [self._word(text[a:b]) for a, b in places]
        joined = [hashed.mix(JOINED) if i and places[i - 1][1] == places[i][0] else 0 for i in range(n)]
        all_of[2 : n + 2, ATTRIBUTES.index("j")] = joined
        out = np.empty((n, len(self.templates)), np.int64)
        for k, template in enumerate(self.templates):
            h = np.full(n, k + 1, np.uint32)
            for attribute, distance in template:
                h = hashed.mix_all(h ^ all_of[2 + distance : 2 + distance + n, attribute])
            out[:, k] = h & np.uint32((1 << BITS) - 1)
        return out


def sentences(data, part):
    """(source, text, [(start, end)] of our tokens, their tags) of annotated sentences."""
    for source, words, tags in labelled.entity_sentences(data, part):
        text, places = labelled.joined(words)
        ours, out, at, last = hashed.tokens(text, False), [], 0, None
        for start, _ in ours:
            while at + 1 < len(places) and start >= places[at][1]:
                at += 1
            tag = tags[at] if places[at][0] <= start < places[at][1] else "O"
            out.append("I" + tag[1:] if tag[0] == "B" and last == at else tag)
            last = at
        if ours:
            yield source, text, ours, out


def train(featured, model):
    """`featured`: (buckets, tags) of sentences. Gives the tensors; the library's model lies in `model`."""
    trainer = pycrfsuite.Trainer(verbose=False)
    for buckets, tags in featured:
        trainer.append([[str(b) for b in row] + ["bias"] for row in buckets.tolist()], tags)
    trainer.set_params({"c1": C1, "c2": C2, "max_iterations": ROUNDS, "feature.possible_transitions": True})
    trainer.train(str(model))
    return tensors(model)


def tensors(model):
    tagger = pycrfsuite.Tagger()
    tagger.open(str(model))
    info, n = tagger.info(), len(TAGS)
    weight, bias, steps = np.zeros((n, 1 << BITS), np.float32), np.zeros(n, np.float32), np.zeros((n + 1, n), np.float32)
    for (bucket, tag), value in info.state_features.items():
        if bucket == "bias":
            bias[TAGS.index(tag)] += value
        else:
            weight[TAGS.index(tag), int(bucket)] = value
    for (before, tag), value in info.transitions.items():
        steps[TAGS.index(before), TAGS.index(tag)] = value
    for j, tag in enumerate(TAGS):
        for i, before in enumerate([*TAGS, "O"]):
            if tag[0] == "I" and before[2:] != tag[2:]:
                steps[i, j] = IMPOSSIBLE
    return {"buckets.weight": weight, "names.bias": bias, "names.steps": steps}


def kind_of(name):
    return gguf_file.Q4_0 if name == "buckets.weight" else gguf_file.F32


def stored(found, kind=gguf_file.Q4_0):
    weight = found["buckets.weight"]
    return found | {"buckets.weight": gguf_file.dequantize(gguf_file.quantize(weight, kind), weight.shape, kind)}


def tag(found, buckets):
    """The best tags of a sentence."""
    fits = found["buckets.weight"][:, buckets].sum(2).T + found["names.bias"]
    steps = found["names.steps"]
    score, back = fits[0] + steps[-1], []
    for row in fits[1:]:
        ways = score[:, None] + steps[:-1]
        back.append(ways.argmax(0))
        score = ways.max(0) + row
    path = [int(score.argmax())]
    for ways in reversed(back):
        path.append(int(ways[path[-1]]))
    return [TAGS[k] for k in reversed(path)]


def counts(tags, found, source):
    """(right, found, wanted) names of a sentence, of the types that its set knows."""
    known = {"PER", "LOC", "ORG", "MISC"} - set(labelled.UNKNOWN_TYPES.get(source, ()))
    ours, wanted = ({s for s in spans(t) if s[2] in known} for t in (found, tags))
    return len(ours & wanted), len(ours), len(wanted)


def write(path, found, lexicon):
    metadata = {
        "general.architecture": ARCHITECTURE, "general.name": "nanolm names", "general.languages": ["en"],
        "names.tags": TAGS, "names.templates": TEMPLATES,
    }
    gguf_file.write(path, metadata | lexicon.metadata(), found, kind_of)
