"""Texts that the companion model is measured with: of seven sources, by a fixed hash, so that what it is judged by chose nothing."""

import lzma
import json
import re
from pathlib import Path

from labelled import held_out

# File, and what of a record is a text.
SOURCES = (
    ("wikipedia-core-00", lambda r: r["text"]), ("wikinews-00", lambda r: r["text"]), ("medquad", lambda r: r["answer"]),
    ("dolly", lambda r: r["instruction"]), ("intent-clinc150", lambda r: r["text"]), ("sentiment", lambda r: r["text"]),
    ("scitldr", lambda r: r["source"]),
)
LONGEST = 700


def lines(data, name):
    with lzma.open(Path(data) / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def passage(text, longest=LONGEST):
    """The beginning of a text: whole words of at most so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= longest else re.sub(r"\s+\S*$", "", text[:longest])


def texts(data, part, count):
    """`count` texts of a part (`validation` or `test`), of the sources in turn."""
    found = []
    for name, of in SOURCES:
        mine = []
        for record in lines(data, name):
            text = passage(of(record))
            if text and held_out(name, text) == part:
                mine.append(text)
            if len(mine) == -(-count // len(SOURCES)):
                break
        found.append(mine)
    return [text for together in zip(*found) for text in together][:count]
