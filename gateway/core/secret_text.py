"""What comes along with a secret by accident: line ends, quotes, blanks, marks that nobody sees.

A secret that is off by one of them still looks right in every editor, and fits nothing: each token is refused, each login
fails. So it is refused by name where it is read. Exactly one line end is no mistake, since editors and ``echo`` add it.
"""

from __future__ import annotations

import unicodedata

_QUOTES = (('"', '"'), ("'", "'"), ("`", "`"), ("\u201c", "\u201d"), ("\u2018", "\u2019"))
_BYTE_ORDER_MARK = "\ufeff"


def without_line_end(text: str) -> str:
    """``text`` without the one line end (LF, CRLF or CR) that it may have at its end."""
    for end in ("\r\n", "\n", "\r"):
        if text.endswith(end):
            return text.removesuffix(end)
    return text


def secret_flaw(text: str) -> tuple[str, str] | None:
    """What ``text`` has that no secret has, in a sentence that does not repeat it, and a hint; None for nothing.

    ``text`` has lost its line end.
    """
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "is not UTF-8 text", "write it in base64 or hexadecimal digits"
    if text.startswith(_BYTE_ORDER_MARK):
        return "begins with a byte order mark", "save it as UTF-8 without one"
    if "\n" in text or "\r" in text:
        return (
            "holds a line break",
            "write it in one line; | tr -d '\\n' takes those away that openssl and base64 put in",
        )
    if text != text.strip():
        return "begins or ends with a blank", "remove it"
    if len(text) > 1 and (text[0], text[-1]) in _QUOTES:
        return (
            "is in quotes",
            "leave them out: a shell takes them away, but --env-file, systemd and secret files keep them",
        )
    for character in text:
        kind = unicodedata.category(character)
        if kind in ("Cc", "Cf", "Zl", "Zp"):
            return "holds a character that cannot be seen", "type it anew, or make it from letters and digits only"
    return None
