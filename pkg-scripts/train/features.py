"""What can be counted about the sentences of a text, by exactly the rules of `src/language/en/features.rs`.

The engine adds these, weighted, to the model's own judgement of a sentence; the weights stand in the model file. Held
against the engine by `tests/golden/features.json`, which `python features.py > tests/golden/features.json` writes.

For sentence i of n; words are the longest runs of letters and digits; content words are words in lower case that are not
in `src/language/en/lists/function_words.txt`, of two characters or more, those of more than three without a last s (but not ss).
df(w) is the number of sentences with w.

    position       i / (n - 1), 0 for a single sentence
    early          1 / (1 + i)
    length         number of words / 30, at most 1
    short          1 below 6 words
    centrality     cosine of v(i) and the sum of all other v(j), where v(i)[w] = count of w in i * ln(1 + n / df(w))
    frequency      mean over the distinct content words of (df(w) - 1) / (n - 1)
    first_overlap  share of the distinct content words that sentence 0 has too; 0 for sentence 0
    numbers        share of the words with a digit 0 to 9
    capitals       share of the words behind the first that begin with a capital
    pointing       1 where the first word points to another sentence (he, it, this ...)
    connective     1 where it begins with a connective (however, in addition ...)
    question       1 where it ends with a question mark
    quote          1 where it has a double quotation mark
    fragment       1 where it does not end like a sentence: a heading, an item of a list

Means and shares of nothing are 0.
"""

import json
import math
import re
from collections import Counter
from pathlib import Path

import sentences
import tasks

NAMES = (
    "position", "early", "length", "short", "centrality", "frequency", "first_overlap", "numbers", "capitals", "pointing",
    "connective", "question", "quote", "fragment",
)
_WORD = re.compile(r"[^\W_]+")
_FUNCTION_WORDS = frozenset(
    (Path(__file__).parents[2] / "src/language/en/lists/function_words.txt").read_text().split("\n")
) - {""}
_END = re.compile(r"[.!?…。！？][\"'”’)\]»」』）]*$")


def content_words(words):
    """The content words among `words`, each as often as it is there."""
    out = []
    for word in words:
        word = word.lower()
        if word in _FUNCTION_WORDS or len(word) < 2:
            continue
        out.append(word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word)
    return out


def _share(part, whole):
    return part / whole if whole else 0.0


def features(sentence_list):
    """One list of numbers, in the order of NAMES, per sentence."""
    n = len(sentence_list)
    words = [_WORD.findall(s) for s in sentence_list]
    content = [Counter(content_words(w)) for w in words]
    df = Counter(w for c in content for w in c)
    vectors = [{w: k * math.log(1 + n / df[w]) for w, k in c.items()} for c in content]
    total = Counter()
    for v in vectors:
        for w, x in v.items():
            total[w] += x
    square = sum(x * x for x in total.values())
    out = []
    for i, (s, ws, c, v) in enumerate(zip(sentence_list, words, content, vectors)):
        own = sum(x * x for x in v.values())
        dot = sum(x * total[w] for w, x in v.items())
        others = max(0.0, square - 2 * dot + own)
        behind = ws[1:]
        out.append([
            _share(i, n - 1),
            1 / (1 + i),
            min(1.0, len(ws) / 30),
            float(len(ws) < 6),
            _share(dot - own, math.sqrt(own * others)),
            _share(_share(sum(df[w] - 1 for w in c), n - 1), len(c)),
            _share(sum(w in content[0] for w in c), len(c)) if i else 0.0,
            _share(sum(any(x in "0123456789" for x in w) for w in ws), len(ws)),
            _share(sum(w[0].isupper() for w in behind), len(behind)),
            float(bool(tasks._POINTING.match(s))),
            float(bool(tasks._CONNECTIVE.match(s))),
            float(s.rstrip("\"'”’)]»").endswith("?")),
            float(any(q in s for q in "\"“”«»")),
            float(not _END.search(s)),
        ])
    return out


TEXTS = [
    "The city council voted on Tuesday to close the old harbour bridge for repairs. Engineers found cracks in two of its "
    "steel supports during an inspection in May. However, the bridge carries about 12,000 cars a day. \"Safety comes "
    "first,\" said Mayor Anna Berg. Who will pay for the repairs? It is not known.\n\nBackground\nThe harbour bridge was "
    "built in 1905 by the engineers of the Nordic Steel Company (NSC).",
    "One sentence only",
    "Öl costs 7 dollars in Zürich. Ölpreise steigen. In addition, gas costs less and gases cost more. «Nobody knows why?»",
    "A. B. C.\nThe the of\n42\n... !",
]


def main():
    cases = []
    for text in TEXTS:
        rows = features(sentences.split(text))
        cases.append({"text": text, "features": [[round(x, 6) for x in row] for row in rows]})
    print(json.dumps({"source": "pkg-scripts/train/features.py", "command": "python features.py", "names": NAMES, "tolerance": 2e-6, "cases": cases}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
