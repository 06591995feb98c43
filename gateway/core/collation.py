"""One spelling for all texts that a database may take for the same account, by the collation of Unicode (UTS 10).

Compared without case and accents, as MySQL does by default, more is the same than what is folded for a decoder
(``core.spelling``): marks through and around a letter, digits of any script, letters with a stroke, signs that belong to the
sound of a word. Texts that are folded too far share a count; those that are not folded far enough are one account with
many counts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from gateway.core.spelling import folded

# Signs without a weight of their own that are no marks, or whose compatibility forms hold a blank or a letter.
_IGNORED = (
    "\u00b7\u0345\u0387\u0640\u07fa\u0824\u0828\u180a\u1cd3\u1cf2\u1cf3\u2d7f\ufc5e-\ufc63\ufcf2-\ufcf4\ufe70-\ufe7f"
)
# Letters above or below another one: for ``folded`` they are accents.
_ABOVE = "\u0363-\u036f\u1abf\u1acc-\u1ace\u1dca\u1dd3-\u1df4"
_FIRST = re.compile(f"[{_IGNORED}{_ABOVE}]")

# Marks that make another word of a text: without them Indic and other scripts would lose their vowels.
_WRITTEN = re.compile("VOWEL SIGN|LETTER|MEDIAL|CONSONANT|SUBJOINED|SARA |MAI (?:HAN-AKAT|KAN\\Z|KON)").search
_UNWRITTEN = re.compile("SUPERSCRIPT| MARK|JOINER|SELECTOR").search
_LATIN = re.compile(
    r"(?:(?:LATIN|MODIFIER) (?:[A-Z-]+ )*?LETTER|SQUARED) (?:[A-Z-]+ )*?(ETH|[A-Z]{1,2})(?: |\Z)"
).search
_LATIN_BLOCKS = re.compile(
    "[\u00a0-\u02ff\u1d00-\u1dbf\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f"
    "\U00010780-\U000107bf\U0001df00-\U0001dfff\U0001f100-\U0001f1ff]"
).match
_ODD = {"\ua79b": "a", "\ua79d": "o", "\ua79f": "u", "\ua7c1": "a", "\u018d": "zw", "\u01be": "ts"}


@lru_cache(maxsize=16)  # a request asks several times for the same one
def collated(text: str) -> str:
    """``text`` as ``folded`` has it, and without what a collation overlooks besides. Folding twice is folding once.

    The caller bounds the length. Raises ValueError as ``folded``.
    """
    if text.isascii():
        return folded(text)
    text = folded(_FIRST.sub(lambda found: _primary(found[0]), text))
    while not text.isascii():
        bare = folded("".join(map(_primary, text)))
        if bare == text:
            break
        text = bare
    return text


def _primary(character: str) -> str:
    """What is left of one character where a collation takes the least differences for none.

    Of one that is not assigned nothing, as a later version of Unicode may know it as a mark.
    """
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category in ("Cf", "Cn", "Co") or (category != "Mn" and _FIRST.match(character)):
        return ""
    if category[0] == "N":
        value = unicodedata.numeric(character)
        return str(int(value + 0.5)) if -1 < value < 9.5 else character  # Tibetan has signs for the half of each digit
    return _by_name(character) if category[0] == "M" or _LATIN_BLOCKS(character) else character


@lru_cache(maxsize=4096)  # more than there are such characters
def _by_name(character: str) -> str:
    odd = _ODD.get(character)
    if odd is not None:
        return odd
    name = unicodedata.name(character, "")
    latin = _LATIN(name)
    if latin is not None:
        return "d" if latin[1] == "ETH" else latin[1].lower()
    is_mark = unicodedata.category(character)[0] == "M"
    return "" if is_mark and (not _WRITTEN(name) or _UNWRITTEN(name)) else character
