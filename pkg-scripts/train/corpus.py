"""Sources to clean records: reading, cleaning, deduplicating, and the held-out split.

Every source is split by a fixed hash of the record's identity before anything else looks at it, so that no held-out
article is ever trained on, whatever else changes. A record is a dict with `source`, `id`, `paragraphs` (lists of
sentences, headings removed) and, where the source has them, `title` and `summary` (a list of sentences or strings).
"""

import hashlib
import html
import json
import lzma
import re
import unicodedata
from pathlib import Path

import engine

# Per mille of a source's records held out for (test, validation).
HELD_OUT = {"scitldr": (120, 30), "openstax": (100, 30), "qmsum": (100, 30)}
HELD_OUT_DEFAULT = (20, 10)

FILES = {
    "wikipedia-core": "wikipedia-core-*.jsonl.xz",
    "wikipedia-more": "wikipedia-more-*.jsonl.xz",
    "wikinews": "wikinews-*.jsonl.xz",
    "openstax": "openstax.jsonl.xz",
    "scitldr": "scitldr.jsonl.xz",
    "qmsum": "qmsum.jsonl.xz",
    "novels": "novels.jsonl.xz",
    "dolly": "dolly.jsonl.xz",
}

# What is left where a link, a formula or a template was removed: such sentences teach broken grammar.
_DEBRIS = re.compile(
    r"\(\s*[,;)]|\s[,.;:](\s|$)|,\s*,|\(\s*\)|\[\[|\]\]|\{\{|&lt;|&gt;|&nbsp;|__[A-Z]+__|^[ ,;:)–—-]|^[a-z]"
    r"|\b(the|a|an) (of|in|on|at|by|to|for|from|with|and|or|is|are|was|were|has|have|had|who|which|after|whilst)\b"
    r"|\b(of|in|from|by|with|into|between) (of|were|was|is|are|has|have|had|after|and|by)\b"
    r"|\b(of|in|from|by|with|into|between|the|an|and|to)\s*[,.;)]"
)
_WIDE = re.compile(r"[ \t\u00a0]+")
_EMPTY_BRACKETS = re.compile(r"\s*\((?:[\s,;:]|or|and)*\)")
_BRACKET_START = re.compile(r"\(\s*[,;:]\s*")
_BRACKET_END = re.compile(r"\s*[,;:]\s*\)")
_STRAY = re.compile(r"\s+([,;:.!?])(?=\s|$)")


def bucket(source, identity):
    """`test`, `validation` or `train`, by a hash of the record's identity alone."""
    digest = hashlib.blake2b(f"{source}:{identity}".encode(), digest_size=8).digest()
    at = int.from_bytes(digest, "big") % 1000
    test, validation = HELD_OUT.get(source, HELD_OUT_DEFAULT)
    return "test" if at < test else "validation" if at < test + validation else "train"


def clean(text):
    """NFC, single spaces, and the plain traces of removed links repaired where that is safe."""
    text = unicodedata.normalize("NFC", html.unescape(text))
    text = _WIDE.sub(" ", text)
    text = _BRACKET_START.sub("(", text)
    text = _BRACKET_END.sub(")", text)
    return _EMPTY_BRACKETS.sub("", text).strip()


def is_debris(sentence):
    """Whether a sentence shows that something was cut out of it, or is no prose."""
    if _DEBRIS.search(sentence):
        return True
    letters = sum(c.isalpha() or c == " " for c in sentence)
    return len(sentence) < 15 or letters < 0.75 * len(sentence)


def is_heading(paragraph):
    return len(paragraph) < 70 and len(engine.split(paragraph)) == 1 and not re.search(r"[!?\"”]$", paragraph)


def read(data, source):
    """Records of a source as they are in its files."""
    for path in sorted(Path(data).glob(FILES[source])):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def identity(source, raw):
    if source == "scitldr":
        return raw["source"][:200]
    if source == "qmsum":
        return raw["id"]
    if source == "openstax":
        return raw["book"] + "/" + raw["title"]
    if source == "novels":
        return raw["title"]
    if source == "dolly":
        return raw["instruction"] if "instruction" in raw else json.dumps(raw)[:200]
    return raw["id"]


def _paragraphs(text):
    """(lead, body): paragraphs of whole sentences before and after the first heading; headings and debris dropped."""
    lead, body, seen_heading = [], [], False
    for paragraph in text.split("\n"):
        paragraph = clean(paragraph)
        if not paragraph:
            continue
        if is_heading(paragraph):
            seen_heading = True
            continue
        kept = [s for s in engine.split(paragraph) if not is_debris(s) and s[-1] in ".!?\"”’)"]
        if kept:
            (body if seen_heading else lead).append(kept)
    return lead, body


def record(source, raw):
    """One cleaned record, or None where too little is left."""
    out = {"source": source, "id": identity(source, raw), "title": clean(raw.get("title", ""))}
    if source in ("wikipedia-core", "wikipedia-more"):
        if re.match(r"^(List|Lists|Index|Outline) of ", out["title"]):
            return None
        out["lead"], out["body"] = _paragraphs(raw["text"])
    elif source == "wikinews":
        text = re.split(r"\n(?:Sources|Related news|References|External [Ll]inks|See also)\.?\s*\n", raw["text"] + "\n")[0]
        if "\n" in text and "\n\n" not in text and max(map(len, text.split("\n"))) < 100:
            text = text.replace("\n", " ")
        raw_sentences = [s for p in text.split("\n") for s in engine.split(clean(p))]
        debris = sum(bool(_DEBRIS.search(s)) for s in raw_sentences)
        if not raw_sentences or debris > 0.25 * len(raw_sentences) or is_debris(raw_sentences[0]):
            return None
        lead, body = _paragraphs(text)
        out["lead"], out["body"] = [], lead + body
    elif source == "scitldr":
        out["lead"], out["body"] = [], [engine.split(clean(raw["source"].replace("\n", " ")))]
        out["summary"] = [clean(s) for s in raw["summaries"] if len(s) > 20]
    elif source == "openstax":
        lead, body = _paragraphs(re.sub(r"^By the end of this section.*\n", "", raw["text"]))
        out["lead"], out["body"] = [], lead + body
        out["summary"] = [clean(raw["summary"])] if len(raw["summary"]) > 80 else []
    elif source == "qmsum":
        turns = [re.sub(r" ([,.?!'])", r"\1", clean(t)) for t in raw["transcript"]]
        out["lead"], out["body"] = [], [[s] for t in turns if len(t) > 40 for s in engine.split(t)[:6]]
        out["summary"] = [clean(raw["summary"])]
        out["id"] = raw["id"] + "/" + raw["query"]
    elif source == "novels":
        out["lead"], out["body"] = [], [engine.split(clean(p)) for p in re.split(r"\n\s*\n", raw["text"])]
        out["body"] = [p for p in out["body"] if p and sum(map(len, p)) > 60]
    else:
        raise ValueError(f"corpus: no reader for source {source!r}; add one to record()")
    count = sum(map(len, out["lead"])) + sum(map(len, out["body"]))
    return out if count >= 3 else None


def records(data, source, part, limit=None, skip=lambda raw: False):
    """Clean records of one part (`train`, `validation`, `test`) of a source, each text once."""
    seen, count = set(), 0
    for raw in read(data, source):
        if skip(raw) or bucket(source, identity(source, raw)) != part:
            continue
        out = record(source, raw)
        if out is None:
            continue
        flat = [s for p in out["lead"] + out["body"] for s in p]
        key = hashlib.blake2b(" ".join(flat)[:300].lower().encode(), digest_size=8).digest()
        if key in seen:
            continue
        seen.add(key)
        yield out
        count += 1
        if limit is not None and count >= limit:
            return
