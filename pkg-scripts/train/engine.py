"""The engine's own rules of English for the training scripts: sentences, what is counted of them, shortening, headlines.

    cargo build --release --example language

The model sees the same sentences in the browser as in training because the engine cuts them, here too
(`examples/language.rs`; the rules are in `src/language/en`). NANOLM_LANGUAGE names the program where it is elsewhere.
Every process that asks has an engine of its own, which ends with it.
"""

import atexit
import json
import os
import subprocess
from functools import lru_cache
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "target/release/examples/language"


@lru_cache(1)
def _started(process):
    program = os.environ.get("NANOLM_LANGUAGE", PROGRAM)
    try:
        engine = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    except OSError as why:
        raise RuntimeError(f"{program}: {why}; build it with `cargo build --release --example language`") from why
    atexit.register(engine.stdin.close)
    return engine


def ask(**request):
    """The answer to one request, as `examples/language.rs` lists them."""
    engine = _started(os.getpid())
    engine.stdin.write(json.dumps(request) + "\n")
    engine.stdin.flush()
    line = engine.stdout.readline()
    if not line:
        raise RuntimeError(f"the engine ended (status {engine.wait()}) at {request}")
    answer = json.loads(line)
    if "error" in answer:
        raise RuntimeError(f"{answer['error']}: {request}")
    return answer


def split(text):
    """Sentences of `text` as strings."""
    return ask(do="sentences", text=text)["sentences"]


def byte_spans(text):
    """Sentences of `text` as [start, end] UTF-8 byte offsets."""
    return ask(do="sentences", text=text)["spans"]


def features(sentence_list):
    """One list of numbers, in the order of `feature_names()`, for each sentence of a text."""
    return ask(do="features", sentences=sentence_list)["features"]


@lru_cache(1)
def feature_names():
    return tuple(ask(do="features", sentences=["One."])["names"])


@lru_cache(1 << 16)
def _shorten(sentence):
    answer = ask(do="shorten", sentence=sentence)
    return answer["text"], answer["stands_alone"]


def shortened(sentence):
    """The sentence as a `tldr` shows it."""
    return _shorten(sentence)[0]


def stands_alone(sentence):
    """Whether a sentence reads well without the others."""
    return _shorten(sentence)[1]


def headline_words(sentence_list, chosen):
    """(words, values, names): the words that a headline of the chosen sentence may have, as {"text", "core", "low"}, and what
    is counted of each, in the order of `names`."""
    answer = ask(do="headline_words", sentences=sentence_list, chosen=chosen)
    return answer["words"], answer["values"], answer["names"]


def headlines(sentence_list, weights):
    """The headline made of each sentence of a text, with the weights `headline_words` of the model's task table."""
    return ask(do="headline", sentences=sentence_list, weights=weights)["headlines"]
