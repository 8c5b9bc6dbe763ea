"""The sentence splitter: text to sentences, the same in training and in the engine.

The salience task labels sentences, so the model sees the same sentences in the browser as in training only if both
sides split alike. The rule is small, deterministic and defined on code points; `tests/golden/sentences.json` holds
cases (UTF-8 byte offsets) that both implementations must reproduce. Print that file with `python sentences.py`.

White space is the Unicode property White_Space (Rust's `char::is_whitespace`); an upper-case letter is one with the
property Uppercase; a letter is an alphabetic character; a digit is ASCII `0`-`9`.

1. Paragraphs are what lies between `\n` and `\r` characters. No sentence crosses a paragraph.
2. Inside a paragraph scan from the left. An *ender* is a maximal run of one or more of `. ! ? …` with a following
   run of zero or more closers `" ' ” ’ ) ] »`. A sentence ends after the closers if what follows is one or more white
   space characters, then zero or more openers `" ' “ ‘ « ( [ ¿ ¡`, then an upper-case letter or a digit.
3. Exceptions, only where the run is exactly one `.` and no closer follows. Let *word* be the non-white-space
   characters between the previous white space (or the start of the sentence) and that `.`, without leading openers.
   There is no end if
   a. *word* is in ABBREVIATIONS (case-sensitive), or
   b. the part of *word* after its last `.` (all of it if it has none) is one single letter, and *word* is not `I`, or
   c. *word* is one or more digits and starts the sentence (`1. Introduction`).
4. A maximal run of `。 ！ ？` with a following run of closers `」 』 ） ”` ends a sentence, whatever follows.
5. The end of the paragraph ends a sentence. Sentences are trimmed of white space; empty ones are dropped.
6. While a trimmed sentence has more than 400 code points it is cut: at the largest index i with 1 <= i <= 400 whose
   character is white space, or at i = 400 if there is none; the parts are trimmed, and the rest is cut again.
"""

import json
import re
import sys

ABBREVIATIONS = frozenset(
    "Mr Mrs Ms Dr Prof St Jr Sr vs etc e.g i.e No Nos Fig fig Figs al approx ca cf Gen Col Lt Sgt Capt Maj Cmdr Adm "
    "Rev Hon Gov Sen Rep Pres Inc Ltd Co Corp Bros Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mt Ft U.S U.K U.N "
    "Ph.D Vol vol pp Ave Blvd Rd Dept Univ Assn".split()
)
MAX_CHARS = 400
OPENERS = "\"'“‘«([¿¡"
CLOSERS = "\"'”’)]»"
SPACE = "\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

_SPACE_CHARS = "\t\n\x0b\x0c\r \u0085\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_SPACE_SET = frozenset(_SPACE_CHARS)
_ENDER = re.compile(
    rf"([.!?…]+)([{re.escape(CLOSERS)}]*)(?=[{SPACE}]+[{re.escape(OPENERS)}]*([^{SPACE}{re.escape(OPENERS)}]))"
    r"|[。！？]+[」』）”]*"
)


def _is_exception(paragraph, start, dot):
    """Whether the single `.` at `dot` does not end the sentence that starts (untrimmed) at `start`."""
    while start < dot and paragraph[start] in _SPACE_SET:
        start += 1
    at = dot
    while at > start and paragraph[at - 1] not in _SPACE_SET:
        at -= 1
    first = at == start
    word = paragraph[at:dot].lstrip(OPENERS)
    if word in ABBREVIATIONS:
        return True
    tail = word.rsplit(".", 1)[-1]
    if len(tail) == 1 and tail.isalpha() and word != "I":
        return True
    return first and word != "" and all("0" <= c <= "9" for c in word)


def _trim(text, start, end):
    while start < end and text[start] in _SPACE_SET:
        start += 1
    while end > start and text[end - 1] in _SPACE_SET:
        end -= 1
    return start, end


def _emit(text, start, end, out):
    start, end = _trim(text, start, end)
    while end - start > MAX_CHARS:
        cut = next((i for i in range(MAX_CHARS, 0, -1) if text[start + i] in _SPACE_SET), MAX_CHARS)
        out.append(_trim(text, start, start + cut))
        start, end = _trim(text, start + cut, end)
    if end > start:
        out.append((start, end))


def spans(text):
    """Sentences of `text` as (start, end) code point offsets, trimmed, in order."""
    out = []
    base = 0
    for paragraph in re.split(r"[\n\r]", text):
        start = 0
        for match in _ENDER.finditer(paragraph):
            if match.group(1) is not None:
                follows = match.group(3)
                if not (follows.isupper() or "0" <= follows <= "9"):
                    continue
                if match.group(1) == "." and not match.group(2) and _is_exception(paragraph, start, match.start()):
                    continue
            _emit(text, base + start, base + match.end(), out)
            start = match.end()
        _emit(text, base + start, base + len(paragraph), out)
        base += len(paragraph) + 1
    return out


def split(text):
    """Sentences of `text` as strings."""
    return [text[start:end] for start, end in spans(text)]


def byte_spans(text):
    """Sentences of `text` as [start, end] UTF-8 byte offsets."""
    at = [0]
    for char in text:
        at.append(at[-1] + len(char.encode("utf-8")))
    return [[at[start], at[end]] for start, end in spans(text)]


CASES = [
    "", " ", "\n\n", "Hello", "Hello world.", "  Hello world.  ", "One. Two. Three.", "One.Two.Three.",
    "One. two. Three.", "First line\nSecond line", "First.\r\nSecond.\r\n", "A\n\n\nB\n", "Tab.\tNext one.",
    "Is it? Yes! Really?! Well... Fine.", "Wait… What? “Yes.” He left.", "He said \"Stop.\" Then he ran.",
    "He said, \"Stop.\" then he ran.", "It ended (badly.) The rest is known.", "It ended [sic]. 'Twas late.",
    "It ended. (The end.) [Really.] «Oui.» “Yes.”", "Mr. Smith met Dr. Jones. They talked.", "Prof. A. B. Carter won. So did I. Then we left.",
    "J. Smith and J.R. Jones. Both came.", "World War I. The war ended in 1918. It was long.", "Vitamin C. The body needs it.",
    "He moved to the U.S. In 1990 he left.", "The U.K. Parliament met. The U.N. Council did not.", "See Fig. 3 and No. 5. Both matter.",
    "Smith et al. Found it. Others did not.", "Apples, pears, etc. Were sold.", "Use e.g. Rust or i.e. C. Good.",
    "Pi is 3.14. It costs 2.5 dollars. 20 people came.", "1. Introduction\n2. Methods. We did 3. Then more.", "  12. Item twelve. Done.",
    "In 1990. The year after.", "At 5 p.m. The train left. At 6 a.m. it came back.", "Ph.D. Students work. She has a Ph.D. in physics.",
    "Visit example.com. It works. See www.example.com/a.b?c=d. OK?", "Version 2.0.1 is out. Get it!", "i think so. you too? yes! ok.",
    "¿Qué pasa? ¡Nada! Él dijo que sí. Ávila es bonita.", "Il a dit : « Oui. » Puis il est parti.", "Er kam. Öl war teuer. Straße frei.",
    "今天天气很好。我们去公园吧！好吗？好", "他说：“走吧。”然后就走了。「本当？」はい。", "混ざった text。Next one. 次。", "Это тест. Вот второй. а это нет.",
    "Caf\u00e9. Cafe\u0301. Emoji 😀. 😀 next. Done 🎉! Yes.", "Non\u00a0breaking.\u00a0Space here.\u2003Wide one.", "No end here", "...", "... And then. . . Well.", "?! What",
    "\"Quoted start.\" 'Another.' \"third.\"", "Inc. Magazine wrote. Acme Inc. bought Beta Co. Ltd. And so on.", "St. Louis is far. Mt. Everest is high. Ft. Worth too.",
    "On Jan. 5 and Sept. 6. It rained. May. June.", "She (b. 1970) sang. He (d. 1980.) did not.", "The answer is \"no.\" 5 people left.", "(Dr. Who) came. \"Mr. X\" left. (J. Smith) stayed.",
    "Word " * 90 + "end. Short one.", "x" * 950, "a" * 399 + " " + "b" * 10, "a" * 400 + " " + "b" * 10, "a" * 401, "é " * 250 + "fin.", "Yes.) No. Maybe.\") Sure.", "Hm.\u200bZero width. Next.",
    "Line one.\u2028Line two. end", "Wow!!! Great... OK?? Fine.", "a. B. c. D. eee. Fff.",
]

if __name__ == "__main__":
    json.dump(
        {
            "source": "pkg-scripts/train/sentences.py",
            "command": "python pkg-scripts/train/sentences.py > tests/golden/sentences.json",
            "max_chars": MAX_CHARS,
            "openers": OPENERS,
            "closers": CLOSERS,
            "abbreviations": sorted(ABBREVIATIONS),
            "cases": [{"text": text, "sentences": byte_spans(text)} for text in CASES],
        },
        sys.stdout,
        ensure_ascii=False,
        indent=1,
    )
    sys.stdout.write("\n")
