"""The heads' files read back, and what they say of texts: what the engine's answers are held against."""

import numpy as np

import gguf_file
import hashed
import label_heads
import name_heads
from name_lexicon import Lexicon


class Labels:
    def __init__(self, path):
        metadata, self.tensors, _ = gguf_file.read(path)
        self.names, self.name = metadata["labels.names"], metadata["labels.name"]

    def logits(self, texts):
        """[texts, labels]"""
        data = hashed.rows([hashed.features(text) for text in texts], self.tensors["buckets.weight"].shape[1], self.tensors["kinds.weight"])
        return label_heads.logits(self.tensors, data)


class Names:
    def __init__(self, path):
        metadata, self.tensors, _ = gguf_file.read(path)
        if metadata["names.templates"] != name_heads.TEMPLATES or metadata["names.tags"] != name_heads.TAGS:
            raise ValueError(f"{path}: its templates or tags are not those of name_heads.py; train it again")
        lexicon = Lexicon.__new__(Lexicon)
        lexicon.check, lexicon.kinds, lexicon.groups = (np.frombuffer(metadata[f"lexicon.{k}"], np.uint8) for k in ("check", "kinds", "groups"))
        self.features = name_heads.Features(lexicon)

    def tags(self, text, places):
        return name_heads.tag(self.tensors, self.features(text, places)) if places else []

    def find(self, text):
        """[text, type] of each name."""
        places = hashed.tokens(text, False)
        found = sorted(name_heads.spans(self.tags(text, places)))
        return [[text[places[a][0] : places[b - 1][1]], kind] for a, b, kind in found]
