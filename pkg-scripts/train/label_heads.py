"""Trained sets of labels: logistic regression over hashed words, pairs and parts of words, stored in 4 bits.

Sets of many labels go through a narrow layer, which is what makes them small. Sentiment's features are first scaled by how
differently the two classes use them (Wang and Manning 2012). Scores are calibrated by a temperature found on the validation
part, which is part of the stored numbers.
"""

import random

import numpy as np
import scipy.sparse
import torch
from sklearn.linear_model import LogisticRegression

import corpus
import gguf_file
import hashed
import labelled

ARCHITECTURE = "nanolm-labels"
# Of each set: bits of a bucket's number, numbers of a bucket (None: one a label), weight of parts of words, passes, rate, dropout.
SETS = {
    "topic": (14, None, 0.5, 5, 0.03, 0.3),
    "sentiment": (18, 1, 0.25, None, None, None),
    "clinc150": (12, 64, 0.5, 8, 0.01, 0.3),
    "banking77": (12, 64, 0.5, 12, 0.01, 0.4),
    "snips": (13, 32, 0.5, 8, 0.01, 0.4),
}
BATCH, SMOOTHING, SEED = 64, 0.03, 1
C = 20.0  # of sentiment's regression
SHORTEST_PARAGRAPH = 150


def examples(data, name, part):
    """(text, label) of a set. Of the textbooks that topics are trained on, every paragraph."""
    if name != "topic" or part != "train":
        return list(labelled.classified(data, name, part))
    out = []
    for r in corpus.records(data, "openstax", part):
        paragraphs = [" ".join(p) for p in r["lead"] + r["body"]]
        out += [(text, labelled.label_words(r["id"].split("/")[0])) for text in paragraphs if len(text) > SHORTEST_PARAGRAPH]
    random.Random(SEED).shuffle(out)
    return out


def _batch(data, chosen):
    ids, weights, starts = data
    places = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in chosen])
    sizes = np.array([starts[i + 1] - starts[i] for i in chosen])
    return torch.from_numpy(ids[places]), torch.from_numpy(np.cumsum(sizes) - sizes), torch.from_numpy(weights[places])


def _narrow(data, right, n_labels, buckets, width, passes, rate, dropout):
    """(weight [width, buckets], out [labels, width] or None, bias) by gradient descent."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    inner = torch.nn.EmbeddingBag(buckets, width or n_labels, mode="sum")
    torch.nn.init.normal_(inner.weight, std=0.3) if width else torch.nn.init.zeros_(inner.weight)
    outer = torch.nn.Linear(width, n_labels) if width else None
    bias = outer.bias if width else torch.nn.Parameter(torch.zeros(n_labels))
    parameters = [inner.weight, *(outer.parameters() if width else [bias])]
    optimizer = torch.optim.Adam(parameters, lr=rate)
    target, n = torch.from_numpy(right), len(right)
    steps, done = passes * -(-n // BATCH), 0
    for _ in range(passes):
        order = rng.permutation(n)
        for at in range(0, n, BATCH):
            optimizer.param_groups[0]["lr"] = rate * (1 - done / steps)
            ids, starts, weights = _batch(data, order[at : at + BATCH])
            kept = weights * (torch.rand(len(weights)) >= dropout) / (1 - dropout)
            hidden = inner(ids, starts, per_sample_weights=kept)
            logits = outer(hidden) if width else hidden + bias
            loss = torch.nn.functional.cross_entropy(logits, target[order[at : at + BATCH]], label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            done += 1
    return inner.weight.detach().numpy().T, outer.weight.detach().numpy() if width else None, bias.detach().numpy()


def _two(data, right, buckets):
    """The same of two labels, by the library's logistic regression over features scaled by how differently the labels use them."""
    matrix = scipy.sparse.csr_matrix((data[1], data[0], data[2]), shape=(len(right), buckets))
    there = matrix.copy()
    there.data[:] = 1
    counts = [np.asarray(there[right == label].sum(0)).ravel() + 1 for label in (0, 1)]
    ratio = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
    model = LogisticRegression(C=C, solver="liblinear", random_state=SEED).fit(matrix @ scipy.sparse.diags(ratio), right)
    half = float(model.intercept_[0]) / 2
    return (model.coef_[0] * ratio)[None].astype(np.float32), np.array([[-0.5], [0.5]], np.float32), np.array([-half, half], np.float32)


def kind_of(name):
    return gguf_file.Q4_0 if name == "buckets.weight" else gguf_file.F16


def stored(tensors):
    """The tensors as the file gives them back."""
    read = lambda name, t: gguf_file.dequantize(gguf_file.quantize(t, kind_of(name)), t.shape, kind_of(name)) if t.ndim == 2 else t
    return {name: read(name, tensor) for name, tensor in tensors.items()}


def logits(tensors, data):
    """[texts, labels] of stored tensors."""
    weight, out = tensors["buckets.weight"], tensors.get("out.weight")
    matrix = scipy.sparse.csr_matrix((data[1], data[0], data[2]), shape=(len(data[2]) - 1, weight.shape[1]))
    hidden = matrix @ weight.T
    return (hidden if out is None else hidden @ out.T) + tensors["out.bias"]


def probabilities(z):
    odds = np.exp(z - z.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def train(name, featured, labels, validation_of):
    """(names of labels, tensors, validation accuracy): `featured` by part, `labels` by part."""
    bits, width, part_weight, passes, rate, dropout = SETS[name]
    names = sorted(set(labels["train"]))
    buckets, kinds = 1 << bits, (1.0, 1.0, part_weight)
    right = {part: np.array([names.index(label) for label in labels[part]]) for part in labels}
    data = {part: hashed.rows(featured[part], buckets, kinds) for part in featured}
    if len(names) == 2:
        weight, out, bias = _two(data["train"], right["train"], buckets)
    else:
        weight, out, bias = _narrow(data["train"], right["train"], len(names), buckets, width, passes, rate, dropout)
    tensors = {"buckets.weight": weight, "out.bias": bias, "kinds.weight": np.array(kinds, np.float32)}
    if out is not None:
        tensors["out.weight"] = out
    z = logits(stored(tensors), data[validation_of])
    at = np.arange(len(z)), right[validation_of]
    cost = lambda t: -np.log(probabilities(z * t)[at] + 1e-12).mean()
    sharper = float(min(np.exp(np.linspace(-2, 3, 201)), key=cost))
    tensors["out.bias"] = tensors["out.bias"] * sharper
    scaled = "buckets.weight" if out is None else "out.weight"
    tensors[scaled] = tensors[scaled] * sharper
    return names, tensors, {"sharper": round(sharper, 3), "validation": round(float((z.argmax(1) == at[1]).mean()), 4)}


def write(path, name, names, tensors):
    metadata = {
        "general.architecture": ARCHITECTURE, "general.name": f"nanolm labels: {name}", "general.languages": ["en"],
        "labels.name": name, "labels.names": names,
    }
    gguf_file.write(path, metadata, tensors, kind_of)
