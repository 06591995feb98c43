"""One spelling for all texts that a second reader may take for the same: names of members, names of accounts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from itertools import chain

BLANK = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
BLANK += "\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What Python's strip() or JavaScript's trim() takes for white space."""

_ACCENT = 200
"""The least canonical combining class of a mark above or below a letter (UAX 44, table 15). The vowel signs and nuktas of
Indic scripts have lower ones: without them the text would be another word."""

# The blocks that have such marks.
_BLOCKS = (
    range(0x300, 0x3100),
    range(0xA600, 0xAC00),
    range(0xFB00, 0xFF00),
    range(0x10000, 0x11C00),
    range(0x16A00, 0x16C00),
    range(0x1BC00, 0x1BD00),
    range(0x1D000, 0x1D300),
    range(0x1E000, 0x1EA00),
)
_SUPPLEMENTARY = "\U00010000"
_ACCENTS = "".join([mark for mark in map(chr, chain(*_BLOCKS)) if unicodedata.combining(mark) >= _ACCENT])

# Accents, controls, and what UAX 44 calls Default_Ignorable_Code_Point: a collation gives none of them any weight. Those of
# the BMP apart: a class with characters of others is searched one by one, ten times as long.
_WITHOUT_WEIGHT = re.compile(
    f"[{''.join([mark for mark in _ACCENTS if mark < _SUPPLEMENTARY])}"
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8]"
)
_WITHOUT_WEIGHT_BEYOND = re.compile(
    f"[{''.join([mark for mark in _ACCENTS if mark >= _SUPPLEMENTARY])}"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_BEYOND = re.compile(f"[{_SUPPLEMENTARY}-\U0010ffff]").search
# Letters that have no decomposition and are another letter with a stroke, or two of them, for the collation of Unicode.
_LETTER = re.compile("[øđħłæœ]").search
_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ħ": "h", "ł": "l", "æ": "ae", "œ": "oe"})


def folded(text: str) -> str:
    """``text`` without case, accents, compatibility forms, characters that are not seen, and outer blanks.

    That is at least what folds for a decoder without case (Go's encoding/json takes the Kelvin sign for a k), for a
    backend that lowers or raises case, and for a collation without case and accents (MySQL's default). Folding twice is
    folding once. Normalization takes time that grows with the square of the combining marks in a row: the caller bounds
    the length. Raises ValueError for a text that compatibility forms make several times as long, up to 18 times.
    """
    if text.isascii() and text.isprintable():
        return text.strip(" ").lower()
    most = 128 + 4 * len(text)
    while True:
        spread = unicodedata.normalize("NFKD", text)
        if len(spread) > most:
            raise ValueError("a text grows too much as it is normalized")
        # Upper case first, as it also unites what lower case keeps apart: a dotless i, a long s.
        spread = unicodedata.normalize("NFKD", spread.upper().casefold())
        bare = _WITHOUT_WEIGHT.sub("", spread)
        if _BEYOND(bare):
            bare = _WITHOUT_WEIGHT_BEYOND.sub("", bare)
        if _LETTER(bare):
            bare = bare.translate(_LETTERS)
        bare = bare.strip(BLANK)
        if bare == text or (bare.isascii() and bare.isprintable()):
            return bare
        text = bare


def all_folded(texts: Collection[str]) -> list[str]:
    """``folded`` of each of ``texts``, which costs a tenth where all are of visible ASCII. Raises as ``folded``."""
    whole = "".join(texts)
    if not (texts and whole.isascii() and whole.isprintable()):
        return list(map(folded, texts))
    names = "\0".join(texts).lower().split("\0")
    return list(map(str.strip, names)) if " " in whole else names
