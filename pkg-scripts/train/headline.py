"""A headline out of a sentence: what to leave out, by exactly the rules of `src/language/en/headline.rs`.

Every word gets a chance of standing in a headline, by a logistic model of a few counted things (NAMES) and of some
single words; its weights stand in the model file as `headline_words`. Of the ways to shorten the sentence that keep its
grammar, the one with the best expected F1 against a headline of the usual length is taken. What may go:

- a dateline: up to six words and a dash, if five words follow;
- time phrases (on Tuesday, yesterday, on May 12), and what `tasks.compress` takes away;
- an adverbial before the first comma, if what follows it has a verb;
- a relative clause or an apposition between commas before the verb;
- after the verb, prepositional units without a verb, and everything from some unit on;
- articles, `has` before a participle, forms of `be` before a participle, as headlines do.

A unit begins behind a comma, and with a preposition or a conjunction, but with none that turns the meaning around
(without, against, if, unless): what that belongs to never stays without it. A verb is what the lists below and the ending
`ed` say; no more is known of grammar, so some headlines limp. Held against the engine by `tests/golden/headline.json`,
which `python headline.py > tests/golden/headline.json` writes.
"""

import json
import math
from collections import Counter

import features
import sentences
import tasks

NAMES = (
    "function", "capital", "digit", "position", "log_count", "count_share", "once", "chars", "log_length",
    "capital_log_count", "function_position", "start",
)
USUAL = 8.5  # words of a headline
MOST, LEAST = 16, 5
DATELINE = 6
OVER, UNDER = 0.02, 0.05  # what a word too many or too few costs

_set = lambda text: frozenset(text.split())
PREPOSITIONS = _set(
    "in on at for after during with by from near since following amid over under between before about into through "
    "across around within despite due toward towards via per until among along outside inside off onto upon"
)
CLAUSES = _set("who whom whose which where when while whilst although though because but and or that")
COORDINATING = _set("and or but")
LEADING = PREPOSITIONS | _set("according because when while although as if")
ARTICLES = _set("the a an")
NEEDS_ARTICLE = _set("few lot number row half total day")
HAVING, BEING = _set("has have had"), _set("was were is are be")
AUXILIARIES = HAVING | BEING - {"be"} | _set("will would can could may might must shall should does did do")
PASTS = _set(
    "became began broke brought built came caught chose cut drew drove fell felt fought found gave got grew heard held hit kept "
    "knew led left lost made meant met paid put ran rose said saw says say sank sent set shot shut sold sought spent spoke spread "
    "stood struck swept took told threw threatens urged went withdrew won wrote announces calls plans warns"
)
# Past participles that are past tenses too, and those that are not.
SAME = _set("shot held won lost found left made met sent set cut hit put said told struck built brought caught sold hurt led paid kept")
ONLY = _set("taken given shown seen known begun sworn chosen born thrown driven stolen hidden written broken fallen")
NOT_BEFORE_VERB = ARTICLES | PREPOSITIONS | _set("of and or newly its his their her")
DAYS = _set("monday tuesday wednesday thursday friday saturday sunday today yesterday tomorrow tonight")
MONTHS = _set("january february march april may june july august september october november december")
DAY_PARTS = _set("morning afternoon evening night")
BEFORE_DAY = _set("on last this next since by until early late earlier later")
KEEPS_TIME = PREPOSITIONS | _set("of and or to")
UNFINISHED = _set(
    "a an the of in on at to for from by with and or but that which who is are was were be been has have had will would "
    "may can could as into its his her their this these those than not also about between under over more most when where "
    "while because if how what it they"
)
DASHES = ("-", "–", "—")
_OPENERS, _CLOSERS = "\"'“‘([", "\"'”’)],;:.!?"


class Word:
    """A piece of the sentence between white space: what is shown, the word in it, and whether a comma follows it."""

    def __init__(self, text):
        self.text = text
        self.core = text.lstrip(_OPENERS).rstrip(_CLOSERS)
        self.low = self.core.lower()
        self.comma = text[-1] in ",;:" or text in DASHES


def _is_number(word):
    return word.core != "" and all("0" <= c <= "9" for c in word.core)


def without_times(pieces):
    """The pieces without time phrases; a comma behind one moves to the word before it."""
    words, out, at = [Word(p) for p in pieces], [], 0
    low = lambda k: words[k].low if k < len(words) else ""
    while at < len(words):
        end = at
        while low(end) in BEFORE_DAY and end < at + 2:
            end += 1
        if low(end) in DAYS:
            end += 1
            end += low(end) in DAY_PARTS and not words[end - 1].comma
            if low(end) in MONTHS and end + 1 < len(words) and _is_number(words[end + 1]):
                end += 2
        elif low(at) == "on" and low(at + 1) in MONTHS and at + 2 < len(words) and _is_number(words[at + 2]):
            end = at + 3
        else:
            out.append(pieces[at])
            at += 1
            continue
        if out and Word(out[-1]).low in KEEPS_TIME:
            out += pieces[at:end]
        elif out and pieces[end - 1][-1] in ",;:" and out[-1][-1].isalnum():
            out[-1] += ","
        at = end
    return out


def without_dateline(pieces):
    """The pieces behind a dash near the beginning (`GAZA - The army ...`)."""
    dash = next((k for k, p in enumerate(pieces[: DATELINE + 1]) if p in DASHES), None)
    return pieces if dash is None or len(pieces) < dash + 1 + LEAST else pieces[dash + 1 :]


def values(words, counts, others):
    """NAMES of each word; `counts`: how many of the `others` other sentences have a content word."""
    out, n = [], len(words)
    for k, word in enumerate(words):
        content = features.content_words(features._WORD.findall(word.core))
        count = max((counts.get(c, 0) for c in content), default=0)
        function, capital = float(not content), float(k > 0 and word.core[:1].isupper())
        position = k / max(1, n - 1)
        out.append([
            function, capital, float("0" <= word.core[:1] <= "9"), position, math.log1p(count), count / max(1, others),
            float(count == 0), min(len(word.core), 10) / 10, math.log(max(n, 5) / 20), capital * math.log1p(count),
            function * position, float(k == 0),
        ])
    return out


def chances(words, counts, others, weights):
    """The chance of each word to stand in the headline."""
    out = []
    for word, row in zip(words, values(words, counts, others)):
        z = weights["bias"] + sum(weights[name] * x for name, x in zip(NAMES, row)) + weights["words"].get(word.low, 0.0)
        out.append(1 / (1 + math.exp(-z)))
    return out


def is_verb(words, k):
    word = words[k]
    if word.core != word.low:
        return False
    if word.low in AUXILIARIES or word.low in PASTS:
        return True
    return k > 0 and len(word.low) > 4 and word.low.endswith("ed") and words[k - 1].low not in NOT_BEFORE_VERB


def light(words):
    """Which words headlines leave out."""
    out = []
    for k, word in enumerate(words):
        next1, next2 = (words[k + i].low if k + i < len(words) else "" for i in (1, 2))
        past = lambda w: len(w) > 3 and w.endswith("ed") or w in SAME
        passive = (past(next1) or next1 in ONLY) and not word.comma
        out.append(
            word.low in ARTICLES and next1 not in NEEDS_ARTICLE
            or word.low in HAVING and k > 0 and not word.comma and not (words[k - 1].low == "to" or words[k - 1].low in AUXILIARIES) and (past(next1) or next1 == "been" and (past(next2) or next2 in ONLY))
            or word.low == "been" and k > 0 and out[k - 1] and words[k - 1].low in HAVING and passive
            or word.low in BEING and k > 0 and passive
        )
    return out


def units(words):
    """(start, end) of each unit. One that ends unfinished takes the next along."""
    starts = [0] + [k for k in range(1, len(words)) if words[k - 1].comma or words[k].low in PREPOSITIONS or words[k].low in CLAUSES]
    out = []
    for start, end in zip(starts, starts[1:] + [len(words)]):
        last = words[out[-1][1] - 1] if out else None
        if out and not last.comma and (last.low in UNFINISHED or last.low.endswith("ing")):
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out


def plan(words):
    """(units, first unit, group of each unit or None where it must stay). Groups go as a whole."""
    parts = units(words)
    verbs = [any(is_verb(words, k) for k in range(*u)) for u in parts]
    ends_with_comma = [words[end - 1].comma for _, end in parts]
    first = 0
    if words[0].low in LEADING:
        comma = next((j for j, is_end in enumerate(ends_with_comma) if is_end), len(parts))
        if any(verbs[comma + 1 :]):
            first = comma + 1
    group, j, has_verb = [None] * len(parts), first, False
    while j < len(parts):
        low = words[parts[j][0]].low
        if has_verb:
            group[j] = j
        elif j > first and ends_with_comma[j - 1] and (low in CLAUSES - COORDINATING - {"that"} or low in ARTICLES or not verbs[j]):
            comma = next((i for i in range(j, len(parts)) if ends_with_comma[i]), len(parts))
            if any(verbs[comma + 1 :]):
                group[j : comma + 1] = [j] * (comma + 1 - j)
                j = comma + 1
                continue
        has_verb = has_verb or verbs[j] and (low not in CLAUSES or low in COORDINATING)
        j += 1
    return parts, verbs, first, group, has_verb


def _may_end(words, parts, verbs, first, end):
    """Whether a headline may end with unit `end`."""
    last = words[parts[end][1] - 1]
    if last.low in UNFINISHED:
        return False
    if parts[end][1] >= 2 and words[parts[end][1] - 2].low == "to":
        return False
    clause = max((j for j in range(first, end + 1) if words[parts[j][0]].low in CLAUSES and words[parts[j][0]].low not in COORDINATING), default=None)
    if clause is not None and not any(verbs[clause : end + 1]):
        return False
    if end + 1 < len(parts):
        following = words[parts[end + 1][0]].low
        if following in COORDINATING and not last.comma and not verbs[end + 1]:
            return False
        if following in PREPOSITIONS and last.low.endswith("ed"):
            return False
    return True


def shown(pieces):
    """The headline of the pieces that are left."""
    text = " ".join(pieces).rstrip(" ,;:.–—-")
    if text.count('"') % 2:
        text = text.replace('"', "")
    for opening, closing in ("“”", "()", "[]"):
        if text.count(opening) != text.count(closing):
            text = text.replace(opening, "").replace(closing, "")
    return text[:1].upper() + text[1:]


def cut(sentence, counts, others, weights):
    """The headline made of a sentence; `counts` and `others` as for `values`."""
    words = [Word(p) for p in without_times(without_dateline(tasks.compress(sentence).split()))]
    if not words:
        return sentence
    chance, out = chances(words, counts, others, weights), light(words)
    parts, verbs, first, group, has_verb = plan(words)
    if not has_verb:
        left = [w for w, gone in zip(words, out) if not gone][:MOST]
        while len(left) > 1 and left[-1].low in UNFINISHED:
            left.pop()
        return shown([w.text for w in left]) or sentence

    def value(unit_list):
        kept = [k for j in unit_list for k in range(*parts[j]) if not out[k]]
        return sum(chance[k] for k in kept), len(kept)

    last = max(j for j in range(first, len(parts)) if group[j] is None)
    best, best_units = -math.inf, list(range(first, len(parts)))
    for end in range(last, len(parts)):
        if not _may_end(words, parts, verbs, first, end):
            continue
        free, fixed = {}, []
        for j in range(first, end + 1):
            alone = words[parts[j][0]].low in PREPOSITIONS and not verbs[j] and j < end
            if group[j] is not None and (j < last or alone):
                free.setdefault(group[j], []).append(j)
            else:
                fixed.append(j)
        worth = 0.2
        for _ in range(6):
            kept = fixed + [j for members in free.values() for j in members if value(members)[0] > worth * value(members)[1]]
            total, n = value(kept)
            worth = total / (n + USUAL)
        score = 2 * worth - OVER * max(0, n - MOST) - UNDER * max(0, LEAST - n)
        if score > best:
            best, best_units = score, sorted(kept)
    return shown([words[k].text for j in best_units for k in range(*parts[j]) if not out[k]]) or sentence


def counts_of(sentence_list, chosen):
    """(counts, others) for `cut`: content words of the sentences other than `chosen`."""
    rest = [s for i, s in enumerate(sentence_list) if i != chosen]
    return Counter(w for s in rest for w in set(features.content_words(features._WORD.findall(s)))), len(rest)


EXAMPLE_WEIGHTS = {
    "bias": -0.9, "function": -0.8, "capital": 0.3, "digit": -0.1, "position": -0.5, "log_count": 0.6, "count_share": 1.8, "once": -0.2,
    "chars": -0.3, "log_length": -0.7, "capital_log_count": -0.05, "function_position": 0.4, "start": 0.02, "words": {"people": -1.1, "said": -0.3},
}
TEXTS = [
    "The city council voted on Tuesday to close the old harbour bridge for repairs in the summer. Engineers found cracks in the bridge.",
    "On Wednesday, doctors inserted a feeding tube into Prime Minister Ariel Sharon's stomach (again). Sharon is ill.",
    "President Bush has announced that Andrew Card, White House Chief of Staff, has resigned, and will be replaced by Joshua Bolten. Card had been chief of staff.",
    "In his first speech since being sworn in, Prime Minister Romano Prodi says the invasion of Iraq had been a mistake.",
    "Simon Wiesenthal, founder of the center that bears his name, has passed away this morning at his home in Vienna, Austria.",
    "Three people were killed, Thursday, by a storm between Monday and Friday night in the town of “Å, police said.",
    "A long title of a page without anything that looks like an action in the whole of the town and of the country and its people",
    "Sometime during the night of Friday, January 28, a boy was assaulted on May 12 in Alice Springs",
    "The policeman was discharged without conviction by a judge in New Plymouth. The judge spoke to the policeman.",
    "GAZA CITY – The Israeli army killed three Egyptian soldiers in the south - by mistake.", "He said no - at first.",
    "The army is believed to have killed three soldiers, and could have been warned of them.",
    "Yes.", "On Monday", "The",
]


def main():
    cases = []
    for text in TEXTS:
        parts = sentences.split(text)
        cases.append({"text": text, "headline": cut(parts[0], *counts_of(parts, 0), EXAMPLE_WEIGHTS)})
    print(json.dumps({"source": "pkg-scripts/train/headline.py", "command": "python headline.py", "weights": EXAMPLE_WEIGHTS, "cases": cases}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
