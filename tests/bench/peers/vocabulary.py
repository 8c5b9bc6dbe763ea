"""A vocabulary that every engine reads, and with which a text's tokens are known beforehand.

Token b below 256 is byte b, as GPT-2 writes bytes; nothing merges but bytes 0 and 1 (some readers want one merge), so a prompt of n
letters and spaces is n tokens whose ids are the letters' codes. The others are a capital and three small letters each, so that a
written text falls into its tokens again.
"""

import string

import numpy as np


def _byte_alphabet() -> list[str]:
    """GPT-2's: printable Latin-1 characters stand for themselves, the others for characters from U+0100 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


BYTES = _byte_alphabet()
MERGES = [f"{BYTES[0]} {BYTES[1]}"]
END = "<|endoftext|>"


def tokens(n: int) -> list[str]:
    """The pieces as tokenizer files hold them."""
    low, high = string.ascii_lowercase, string.ascii_uppercase

    def word(i: int) -> str:
        return high[i // 26**3] + low[i // 26**2 % 26] + low[i // 26 % 26] + low[i % 26]

    return [*BYTES, BYTES[0] + BYTES[1], *(word(i) for i in range(n - 258)), END]


def texts(n: int) -> list[str]:
    """What each token stands for, to turn ids into text."""
    return [*(chr(byte) if byte < 128 else "" for byte in range(256)), "", *tokens(n)[257 : n - 1], ""]


def never_written(n: int) -> np.ndarray:
    """Ids of tokens that are no text of their own."""
    return np.array([*range(32), *range(127, 257), n - 1])
