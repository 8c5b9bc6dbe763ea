"""Held-out (or training) texts with what people wrote of them, for `fit` and `evaluate`; and the engine that runs them.

- encyclopaedia: the body of an article, its lead removed; reference the lead (tldr: the lead's first sentence).
- news: the article without its first sentence; reference the headline and that first sentence (tldr: that sentence).
  headline: the whole article; reference its headline.
- science: an abstract; references the authors' one-sentence summaries, the best match counts.
- meetings: a passage of a transcript; reference the summary that answers a query on it.

A text is cut to what one chunk of the model holds, so that every system sees the same.
"""

import json
import subprocess

import corpus
import engine
import tasks

SOURCES = {"encyclopaedia": ("wikipedia-core", "wikipedia-more"), "news": ("wikinews",), "science": ("scitldr",), "meetings": ("qmsum",)}
DOMAINS = tuple(SOURCES)


def chunk(tokenizer, sentence_list):
    """The sentences, as the engine finds them, that fit one chunk."""
    found = engine.split("\n".join(sentence_list))[: tasks.MAX_SENTENCES]
    used, count = 1, 0
    for encoding in tokenizer.encode_batch([" " + s for s in found], add_special_tokens=False):
        if used + len(encoding.ids) + 1 > tasks.MAX_PREFIX:
            break
        used += len(encoding.ids) + 1
        count += 1
    return found[:count]


def _case(domain, r):
    lead, body = ([s for p in r[part] for s in p] for part in ("lead", "body"))
    if domain == "encyclopaedia":
        return {"text": body, "references": [" ".join(lead)], "tldr": lead[:1]} if len(lead) >= 2 and len(body) >= 8 else None
    if domain == "news":
        if len(body) < 7 or len(r["title"]) < 15:
            return None
        return {"text": body[1:], "references": [r["title"] + ". " + body[0]], "tldr": body[:1], "whole": body, "headline": r["title"]}
    if not r.get("summary") or len(body) < (4 if domain == "science" else 8):
        return None
    return {"text": body, "references": r["summary"], "tldr": r["summary"]}


def cases(data, tokenizer, domain, part, limit):
    """Up to `limit` cases of a part (train, validation, test): id, title, domain, text, references, tldr, maybe whole and headline."""
    out, sources = [], SOURCES[domain]
    for source in sources:
        count = 0
        for r in corpus.records(data, source, part):
            case = _case(domain, r)
            if case is None:
                continue
            for key in ("text", "whole"):
                if key in case:
                    case[key] = chunk(tokenizer, case[key])
            if len(case["text"]) <= 3:
                continue
            out.append(case | {"domain": domain, "title": r["title"], "id": f"{source}:{r['id']}"[:120]})
            count += 1
            if count >= limit // len(sources):
                break
    return out


def run(program, model, requests, parts=()):
    """Results of the engine (`cargo build --release --example tasks`) on the CPU, in the order of the requests; `parts` are given to
    the model first."""
    lines = "".join(json.dumps(r | {"id": i}) + "\n" for i, r in enumerate(requests))
    done = subprocess.run([program, model, "cpu", *parts], input=lines, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr.strip()}")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    failed = next((r for r in results if "error" in r), None)
    if failed or len(results) != len(requests):
        raise RuntimeError(f"{program}: {failed or f'{len(results)} results for {len(requests)} requests'}")
    return results


def text_of(sentence_list):
    """The text that the engine splits into just these sentences."""
    return "\n".join(sentence_list)
