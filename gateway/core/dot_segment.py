"""Segments of a path that some reader takes for ``.`` or ``..``, which lead out of what a pattern names."""

from __future__ import annotations

import re
from urllib.parse import unquote

# What NFKC or a best fit (of Windows, where a yen sign is a backslash) makes of a slash or a dot, and what readers drop or do
# not see: controls, blanks and the + of forms, Default_Ignorable_Code_Point of UAX 44, what replaces bytes that are not UTF-8.
SLASH = "/\\\\\xa5\u0337\u0338\u2044\u20a9\u20e5\u2215\u29f8\u29f9\u2216\ufe68\uff0f\uff3c"
_DOT = ".\u2024\u2025\u2026\ufe19\ufe30\ufe52\uff0e"
_DROPPED = (
    "\x01-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f"
    "\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\ufffd"
)
UNSEEN = f"{_DROPPED} +"
# A triplet once something in it is dropped.
_SPLIT_TRIPLET = re.compile(f"%(?:[\x00{_DROPPED}]++[0-9A-F]|[0-9A-F][\x00{_DROPPED}]++[0-9A-F])", re.IGNORECASE).search
_DOT_SEGMENT = re.compile(
    rf"(?:^|[{SLASH}])[\x00{UNSEEN}]*+[{_DOT}][{_DOT}\x00{UNSEEN}]*(?:$|[{SLASH};?#:\x00])"
).search

MOST_TRIPLETS = 1024
"""As many as the longest key of an object store has bytes."""

# What each of them has in a path whose triplets are in upper case: to decode 16 KiB takes 1 ms, this a tenth.
_SIGN = re.compile(r"(?:\.|%E2%80%A[456]|%EF%B(?:8%(?:99|B0)|9%92|C%8E))(?:$|[./+:%])|%25[0-9A-Fa-f]?%").search


def may_lead_up(path: str) -> bool:
    """``leads_up`` of a canonical path, once its triplets are decoded; of one with too many of them where it has any sign of that."""
    if "%" not in path or _SIGN(path) is None:
        return False
    return path.count("%") > MOST_TRIPLETS or leads_up(unquote(path))


def leads_up(text: str) -> bool:
    """Whether some reader of ``text``, a path or the rest of one with its triplets decoded, finds a dot segment in it, now or
    once it has dropped what it does not take and decodes again."""
    return _DOT_SEGMENT(text) is not None or _SPLIT_TRIPLET(text) is not None
