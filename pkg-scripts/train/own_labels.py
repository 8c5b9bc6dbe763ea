"""Held-out texts with labels that no model was trained on: what labels of one's own are measured by.

- `clinc150`: what people say to an assistant, by the names of its intents alone (its `oos` left out);
- `banking77`: questions of a bank's customers, likewise;
- `topics`: articles of the encyclopaedia, by six topics. What an article is shows in its first sentence, which is then cut off.
"""

import re

import corpus
import labelled

TOPICS = {
    "film and television": r"\b(?:film|television (?:series|show|drama|sitcom)|sitcom|TV series)\b",
    "sport": r"\b(?:footballer|football (?:player|club|team)|cricketer|basketball|baseball|tennis player|ice hockey|rugby|athlete|swimmer|boxer|racing driver)\b",
    "music": r"\b(?:album|song|single by|band|singer|composer|musician|orchestra|rapper)\b",
    "politics": r"\b(?:politician|political party|election|member of parliament|prime minister|senator|diplomat)\b",
    "biology": r"\b(?:species|genus|protein|enzyme|flowering plants?|mammals?|bacteri\w+|amphibians?|reptiles?|insects?)\b",
    "geography": r"\b(?:village in|town in|river in|mountain|municipality|island in|is a city|a lake in|commune in)\b",
}
PER_TOPIC = 50
SHORTEST, LENGTH = 200, 1500


def topics(data, part="test", per_topic=PER_TOPIC):
    """(text, topic), as many of each. An article that two patterns fit is left out."""
    patterns = {topic: re.compile(pattern) for topic, pattern in TOPICS.items()}
    found = {topic: [] for topic in TOPICS}
    for source in ("wikipedia-core", "wikipedia-more"):
        for raw in corpus.read(data, source):
            if corpus.bucket(source, raw["id"]) != part or all(len(f) == per_topic for f in found.values()):
                continue
            first, _, rest = raw["text"].partition(". ")
            fitting = [topic for topic, pattern in patterns.items() if pattern.search(first)]
            rest = " ".join(rest.split())[:LENGTH]
            if len(fitting) == 1 and len(rest) >= SHORTEST and len(found[fitting[0]]) < per_topic:
                found[fitting[0]].append((rest, fitting[0]))
    return [item for topic in TOPICS for item in found[topic]]


def intents(data, name, part="test"):
    """(text, label words) of a set of intents."""
    return [(text, label) for text, label in labelled.classified(data, name, part) if label != "out of scope"]
