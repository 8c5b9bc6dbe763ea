#!/usr/bin/env python3
"""How much of a page's furniture gets into summaries: held-out news set in navigation, notices, captions, prices and comments.

    cargo build --release --example tasks --example language
    ./pages.py --data DIR [--engine OTHER] [--model nanolm-default.gguf] [-n 80] [--html]

Every page is made with a fixed seed. For the article alone and for its page the engine gives key points, tldr and headline. Printed
are the shares of them that stand in the furniture, and how much of the clean article's key points the page's still say.
"""

import argparse
import html
import json
import random
from pathlib import Path

import numpy as np

import corpus
import engine
import rouge
from cases import run

HERE = Path(__file__).parent
SEED = 20261128
NAV = "Home|News|World|Politics|Business|Sport|Culture|Science|Weather|Opinion|Video|Podcasts|Travel|Jobs|Puzzles|Local|Health|Contact".split("|")
COOKIES = [
    "We use cookies and similar technologies to run this site and to understand how you use it. You can change your choice at any time.\nAccept all\nManage preferences",
    "This website uses cookies to ensure you get the best experience. By continuing to browse you agree to our use of cookies.\nOK",
    "We and our partners store and access information on your device. Read our privacy policy.\nReject\nAccept cookies",
]
SHARE = ["Share\nFacebook\nX\nWhatsApp\nEmail", "Share this article\nCopy link\nPrint", "Facebook Twitter LinkedIn Reddit\n12 shares", "Save for later\nListen\n4 min read"]
BYLINES = ["By Maria Kern, Staff Writer\nPublished 14 March 2024, 09:12", "Tom Adeyemi in Lagos\nUpdated 3 hours ago", "Posted by admin on June 3, 2022", "Last modified on Tue 4 May 2021 11.02 BST"]
CAPTIONS = [
    "Residents gather outside the town hall. Photograph: Jonas Weil/Example Press", "Image: The scene on Thursday evening (Example Agency)",
    "File photo of the building at the centre of the dispute", "A spokesperson addresses reporters in the capital. Photo: R. Osei", "[Image caption: the harbour seen from the north]",
]
PRICES = ["Wireless headphones\n$64.99 $89.99 You save 28%\nAdd to cart", "Garden chair, set of two\n€49,90\nIn stock\nFree shipping", "Annual subscription from £4.99 a month\nSubscribe now"]
NEWSLETTER = ["Get the morning briefing\nSign up to our newsletter for the stories that matter, in your inbox every day.\nEnter your email address\nSign up", "Support independent journalism. Become a member today.\nDonate"]
RELATED = [
    "Related articles\nFive ways to save energy this winter\nThe village that moved twice\nWhat we know about the new rail line",
    "Most read\n1 Storm closes northern ports\n2 How a choir found its voice\n3 Quiz of the week", "More stories\nFarmers count the cost of a dry spring\nInside the museum of lost things",
]
COMMENTS = [
    "Comments (3)\nbluebird77\n2 hours ago\nI have lived here all my life and nothing ever changes. They should listen to people for once.\nReply\nPeter K.\nGreat article, thanks for sharing this with us!\nReply",
    "2 comments\nanna_r: So true. My sister said the same thing last year.\nReply · Like\nguest: This is why nobody trusts them any more.\nReply · Like", "Leave a comment\nYour email address will not be published. Required fields are marked *\nName\nEmail\nPost comment",
]
FOOTERS = [
    "About us | Contact | Careers | Privacy policy | Terms of use\n© 2024 Example Media Group. All rights reserved.", "Copyright 2023 The Daily Example Ltd. Registered in England No. 1234567.\nBack to top",
    "Follow us\nFacebook\nInstagram\nYouTube\n© Example News Network 2022\nThis material may not be published, broadcast, rewritten or redistributed.",
]


def page(rng, title, paragraphs, as_html):
    """(source, furniture as a list of texts)."""
    pick = rng.choice
    nav = "\n".join(rng.sample(NAV, rng.randint(5, 12)))
    top = [("nav", pick(["Main menu\n", "Menu\n", "Skip to content\n", ""]) + nav)]
    if rng.random() < 0.8:
        top.insert(rng.randint(0, 1), ("div", pick(COOKIES)))
    after_title = [("p", pick(BYLINES)), ("div", pick(SHARE)), ("figcaption", pick(CAPTIONS))]
    bottom = [("div", pick(NEWSLETTER))] if rng.random() < 0.6 else []
    bottom += [("aside", pick(RELATED)), ("section", pick(COMMENTS)), ("footer", pick(FOOTERS))]
    body = [("p", p) for p in paragraphs]
    between = []
    if len(body) > 3:
        between = [(rng.randint(1, len(body) - 1), ("aside", pick(PRICES)))] + ([(2, ("figcaption", pick(CAPTIONS)))] if rng.random() < 0.5 else [])
    for at, item in sorted(between, key=lambda x: -x[0]):
        body.insert(at, ("furniture:" + item[0], item[1]))
    furniture = [text for _, text in top + after_title + bottom] + [text for tag, text in body if tag.startswith("furniture")]
    parts = top + [("h1", title)] + after_title + [(tag.replace("furniture:", ""), text) for tag, text in body] + bottom
    if not as_html:
        return pick(["\n", "\n\n"]).join(text for _, text in parts), furniture
    shown = (f"<{tag}>" + "<br>".join(html.escape(line) for line in text.split("\n")) + f"</{tag}>" for tag, text in parts)
    return f"<!DOCTYPE html><html><head><title>{html.escape(title)}</title></head><body>\n" + "\n".join(shown) + "\n</body></html>", furniture


def sentences(pages):
    """How many of the sentences that summaries choose from are the furniture's, and how many of the article's are left out."""
    bad = total = left_out = 0
    for p in pages:
        found = [html.unescape(s) for s in engine.ask(do="article", text=p["page"])["sentences"]]
        clean = engine.ask(do="article", text="\n\n".join(p["article"]))["sentences"]
        article = " ".join(p["article"])
        bad += sum(s not in article and s not in p["title"] for s in found)
        total, left_out = total + len(found), left_out + sum(s not in found for s in clean)
    return {"n": total, "from furniture, %": round(100 * bad / total, 1), "of the article left out": left_out}


def words(text):
    return set(rouge.tokens(text))


def from_furniture(text, article, furniture):
    """Whether an output is the furniture's: more of its words stand in a piece of it than in any part of the article."""
    mine = words(text)
    share = lambda other: len(mine & words(other)) / max(1, len(mine))
    return bool(mine) and max(map(share, furniture)) > max(map(share, article))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--engine", default=str(HERE.parents[1] / "target/release/examples/tasks"))
    parser.add_argument("--model", default=str(HERE.parent / "npm/model/nanolm-default.gguf"))
    parser.add_argument("-n", type=int, default=80)
    parser.add_argument("--sentences", action="store_true", help="only what there is to choose from, without the model")
    parser.add_argument("--html", action="store_true", help="pages as HTML, not as the text that a browser copies")
    args = parser.parse_args()
    rng, pages = random.Random(SEED), []
    for record in corpus.records(args.data, "wikinews", "test"):
        paragraphs = [" ".join(p) for part in ("lead", "body") for p in record[part]]
        if 4 <= len(paragraphs) <= 14 and 120 < len(" ".join(paragraphs).split()) < 600:
            source, furniture = page(rng, record["title"], paragraphs, args.html)
            pages.append({"article": paragraphs, "title": record["title"], "page": source, "furniture": furniture})
        if len(pages) == args.n:
            break
    out = {"sentences": sentences(pages)}
    for task in () if args.sentences else ("key-points", "tldr", "headline"):
        texts = [text for p in pages for text in ("\n\n".join(p["article"]), p["page"])]
        results = run(args.engine, args.model, [{"task": task, "text": text} for text in texts])
        shown = [[point["text"] for point in r.get("points", [])] if task == "key-points" else [r["written"]] for r in results]
        clean, dressed = shown[::2], shown[1::2]
        plain = lambda text: html.unescape(text)
        bad = [from_furniture(plain(text), [p["title"], *p["article"]], p["furniture"]) for p, texts in zip(pages, dressed) for text in texts]
        overlap = [rouge.Reference(" ".join(a)).scores(rouge.tokens(" ".join(map(plain, b))))[0] for a, b in zip(clean, dressed)]
        out[task] = {
            "n": len(bad), "from furniture, %": round(100 * float(np.mean(bad)), 1), "overlap with the clean article's, ROUGE-1": round(float(np.mean(overlap)), 1),
            "empty": sum(not any(texts) for texts in dressed),
        }
    print(json.dumps({"engine": args.engine, "pages": len(pages), "html": args.html, "tasks": out}, indent=1))


if __name__ == "__main__":
    main()
