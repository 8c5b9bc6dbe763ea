"""What the tables hold the model against: a library's TextRank, tf-idf with logistic regression, a dictionary of names."""

import re
from collections import Counter, defaultdict

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
from sumy.nlp.stemmers import Stemmer
from sumy.summarizers.text_rank import TextRankSummarizer
from sumy.utils import get_stop_words


class _Words:
    """What sumy asks of a tokenizer."""

    def to_words(self, text):
        return re.findall(r"[^\W\d_]+", text)


def textrank(sentence_list, k):
    """Indices chosen by sumy's TextRank (Mihalcea and Tarau, 2004)."""
    words = _Words()
    document = ObjectDocumentModel([Paragraph([Sentence(s, words) for s in sentence_list])])
    summarizer = TextRankSummarizer(Stemmer("english"))
    summarizer.stop_words = get_stop_words("english")
    chosen = [str(s) for s in summarizer(document, k)]
    return sorted({sentence_list.index(c) for c in chosen})


def majority(train, test):
    """Accuracy of always saying the most frequent label; both lists of (text, label)."""
    best = Counter(label for _, label in train).most_common(1)[0][0]
    return sum(label == best for _, label in test) / len(test)


def tfidf(train, test):
    """Accuracy of logistic regression on tf-idf of words and pairs of words."""
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    model = LogisticRegression(C=10, max_iter=300).fit(vectors.fit_transform([t for t, _ in train]), [label for _, label in train])
    return float(model.score(vectors.transform([t for t, _ in test]), [label for _, label in test]))


def spans(tags):
    """{(start, end, type)} in words of B-/I- tags."""
    out, start = set(), None
    for i, tag in enumerate([*tags, "O"]):
        if start is not None and not tag.startswith("I-"):
            out.add((start, i, tags[start][2:]))
            start = None
        if tag.startswith("B-"):
            start = i
    return out


class NameDictionary:
    """Longest names of the training sentences, each with its most frequent type, where they mostly are names."""

    def __init__(self, train):
        types, seen = defaultdict(Counter), Counter()
        for _, words, tags in train:
            for start, end, kind in spans(tags):
                types[tuple(words[start:end])][kind] += 1
        longest = max(map(len, types))
        for _, words, _ in train:
            for i in range(len(words)):
                for n in range(1, longest + 1):
                    if tuple(words[i : i + n]) in types:
                        seen[tuple(words[i : i + n])] += 1
        self.types = {name: c.most_common(1)[0][0] for name, c in types.items() if 2 * sum(c.values()) >= seen[name]}
        self.longest = max(map(len, self.types))

    def find(self, words):
        out, i = set(), 0
        while i < len(words):
            n = next((n for n in range(min(self.longest, len(words) - i), 0, -1) if tuple(words[i : i + n]) in self.types), None)
            if n:
                out.add((i, i + n, self.types[tuple(words[i : i + n])]))
            i += n or 1
        return out
