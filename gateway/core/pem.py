"""Keys and certificates as PEM text (RFC 7468), in all the shapes in which variables and files hold them.

Variables cannot hold line ends everywhere, so people write ``\\n`` for them, or blanks; other systems add text in front, a
byte order mark, CRLF. All of that has one reading, which is the one that is used.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from typing import NamedTuple

_MARK = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----")
_WIDTH = 64


class Block(NamedTuple):
    """One block: its label, such as ``PUBLIC KEY``, its text without what is around it, and the bytes that it stands for,
    empty where it is encrypted or cannot be read."""

    label: str
    text: str
    der: bytes

    @property
    def is_private(self) -> bool:
        return self.label.endswith("PRIVATE KEY")


def blocks(text: str) -> list[Block]:
    """The blocks of ``text``, in their order; none where it holds no PEM."""
    if "-----BEGIN" not in text:
        return []
    if "\\n" in text:
        text = text.replace("\\r", "").replace("\\n", "\n")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = []
    begun: re.Match[str] | None = None
    for mark in _MARK.finditer(text):
        if mark[1] == "BEGIN":
            begun = mark
        elif begun is not None and begun[2] == mark[2]:
            found.append(_block(mark[2], text[begun.end() : mark.start()]))
            begun = None
    return found


def _block(label: str, body: str) -> Block:
    if ":" in body:  # fields of RFC 1421, by which OpenSSL once encrypted keys
        return Block(label, f"-----BEGIN {label}-----\n{body.strip()}\n-----END {label}-----\n", b"")
    digits = "".join(body.split())
    lines = [digits[at : at + _WIDTH] for at in range(0, len(digits), _WIDTH)]
    try:
        der = b64decode(digits, validate=True)
    except Error:
        der = b""
    return Block(label, "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "")), der)
