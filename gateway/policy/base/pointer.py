"""Values inside JSON documents: found by JSON Pointer (RFC 6901), and taken as what names an account or a count."""

from __future__ import annotations

import math
import re
import string
from typing import Final

from gateway.core.collation import collated
from gateway.core.spelling import BLANK, all_folded, folded

MISSING: Final = object()
"""The value of a pointer to nothing; not the same as null."""

LONGEST: Final = 320
"""Characters of a text that names an account: 64 before the @ and 255 behind it (RFC 5321 section 4.5.3.1)."""

MOST_EXACT: Final = 2**53 - 1
"""Number.MAX_SAFE_INTEGER: beyond it JavaScript takes two integers for one."""

_LONGEST_NUMBER = 64

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]").search
_HALF = re.compile("[\ud800-\udfff]").search
_LETTER = re.compile(r"[^\W\d_]").search
_NO_DIGIT = re.compile("[^0-9]")
_NO_LETTER = str.maketrans("", "", string.punctuation + " ")


def parse_pointer(pointer: str) -> tuple[str, ...]:
    """The reference tokens of ``/a/0/b~1c``. Raises ValueError when it does not begin with a slash."""
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no pointer: it begins with a slash")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def find(document: object, tokens: tuple[str, ...]) -> object:
    """The value that the reference tokens lead to (RFC 6901 section 4), or MISSING.

    Raises ValueError where a member beside the one that is named has its name for a reader who overlooks case and
    punctuation: decoders overlook hyphens and underscores, and mappers of parameters brackets and dots.
    """
    for token in tokens:
        if isinstance(document, dict):
            if token in document and len(document) > 1:
                names = "\0".join(all_folded(document)).translate(_NO_LETTER).split("\0")
                if names.count(loosened(token)) > 1:
                    raise ValueError("the object has a second member of nearly that name")
            document = document.get(token, MISSING)
        elif isinstance(document, list) and token.isdecimal() and token.isascii() and str(int(token)) == token:
            document = document[int(token)] if int(token) < len(document) else MISSING
        else:
            return MISSING
    return document


def loosened(name: str) -> str:
    """The name of a member as the most lenient reader takes it."""
    return folded(name).translate(_NO_LETTER)


def account_name(value: object) -> str:
    """One spelling for all texts that a backend may take for the same account: without case, accents, compatibility forms,
    characters that are not seen, and outer blanks (``core.collation``). Of a text without letters, such as the number of a
    telephone, the digits count: backends overlook what is between them, and zeros before them. Of an address of mail, what
    its provider overlooks is left out, as common middleware does (``normalizeEmail`` of validator.js).

    Raises ValueError for whatever is no text of 1 to ``LONGEST`` characters, or holds a control character: a backend reads
    a list, a number or a text with a NUL in its own way. The sentence quotes nothing.
    """
    if value is MISSING or value is None:
        raise ValueError("nothing names the account")
    if not isinstance(value, str):
        raise ValueError("what names the account is no text")
    if len(value) > LONGEST:
        raise ValueError(f"what names the account is longer than {LONGEST} characters")
    if _CONTROL(value.strip(BLANK)):
        raise ValueError("what names the account holds a control character")
    if _HALF(value):
        raise ValueError("what names the account holds half a surrogate pair")
    spelled = collated(value)
    if not spelled:
        raise ValueError("nothing names the account")
    if "@" in spelled:
        return _mailbox(spelled)
    return spelled if _LETTER(spelled) else _NO_DIGIT.sub("", spelled).lstrip("0") or spelled


def _mailbox(address: str) -> str:
    """One spelling for the addresses of a mailbox: without what follows a plus sign, at Google without dots, at Yahoo without
    what follows a hyphen, and without a dot at the end."""
    local, _, domain = address.rpartition("@")
    domain = domain.rstrip(".")
    bare = local.partition("+")[0]
    if domain in ("gmail.com", "googlemail.com"):
        bare, domain = bare.replace(".", ""), "gmail.com"
    elif domain.startswith("yahoo.") or domain in ("ymail.com", "rocketmail.com"):
        bare = bare.partition("-")[0]
    return f"{bare or local}@{domain}"


def is_plain(value: object) -> bool:
    """Whether an account is spelled as ``account_name`` has it, or as the number of a telephone with its plus sign."""
    name = account_name(value)
    return value == name or (name.isdecimal() and value == f"+{name}")


def account_key(value: object) -> bytes:
    """The key of the account that ``value`` names. Raises ValueError as ``account_name``."""
    return b"s" + account_name(value).encode()


def input_key(value: object) -> bytes:
    """The key of an input that shares a count: a text as ``account_key``, or a whole number that every parser reads alike.

    A number and the texts that are read as it are one key, since a backend that expects one often takes the other. Raises
    ValueError for everything else.
    """
    if isinstance(value, str) and len(value) <= LONGEST:
        number = _number(value.strip(BLANK))
        value = value if number is None else number
    if isinstance(value, float) and value.is_integer() and abs(value) <= MOST_EXACT:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST_EXACT:
        return b"s%d" % value
    return account_key(value)


def _number(text: str) -> float | None:
    """The whole number that a backend may read in ``text``: 5 in "5.0", "05", "5e0", "+5" and "0x5". None for any other."""
    for parse in (float, _of_base):
        try:
            number = parse(text)
        except ValueError:
            continue
        if number.is_integer() and abs(number) <= MOST_EXACT:
            return number
    return None


def _of_base(text: str) -> float:
    return float(int(text, 0)) if len(text) < _LONGEST_NUMBER else math.nan
