"""Signs of a second file beside the one that is declared: text that browsers and PHP run, PDF, a ZIP archive at the end.

They are cheap to find and not the whole of it: what is inside of a well-formed picture or recording, away from both of its
ends, is not looked at.
"""

from __future__ import annotations

import re

WINDOW = 4096
"""Octets at either end of a file in which text is looked for. Browsers sniff in the first 1,445 at most, PDF readers in 1,024."""

_TEXT = re.compile(
    rb"<(?:script|style|html|!doctype|iframe|body|object|embed|(?:img|svg|meta|link|form)[\s>/]|\?php|\?=[$`])"
    rb"|javascript:|onerror=|onload=|__halt_compiler|%PDF-|%!PS-Adobe",
    re.IGNORECASE,
).search

_END_RECORD = b"PK\5\6"
_END_LENGTH = 22
_LONGEST_COMMENT = 65535
_OF_ZIP64 = 2**32 - 1
_MOST_RECORDS = 64
"""Chance puts one of these four octets into four gigabytes."""


def foreign_text(window: bytes) -> str:
    """What text in ``window`` makes another program take the file for its own; empty when there is none."""
    found = _TEXT(window)
    return "" if found is None else found[0].decode("latin-1").lower()


class Archive:
    """Looks for the end record of a ZIP archive, by which readers find its directory from the end of a file backwards.

    It holds less than one record.
    """

    __slots__ = ("_at", "_count", "_held", "_total")

    def __init__(self) -> None:
        self._held = b""
        self._total = 0
        self._at = -1  # of the last record
        self._count = 0

    def feed(self, piece: bytes) -> None:
        """Look into the next octets of the file."""
        window = self._held + piece
        start = self._total - len(self._held)
        at = window.find(_END_RECORD)
        last = len(window) - _END_LENGTH
        while 0 <= at <= last and self._count <= _MOST_RECORDS:
            self._count += 1
            if _leads_somewhere(window[at : at + _END_LENGTH], start + at):
                self._at = start + at
            at = window.find(_END_RECORD, at + 1)
        self._total += len(piece)
        self._held = window[max(0, last + 1) :]

    def end(self) -> bool:
        """Whether the file ends in an archive, or has so many false ends of one that the true one was not looked for."""
        if self._count > _MOST_RECORDS:
            return True
        return self._at >= 0 and self._total - self._at <= _END_LENGTH + _LONGEST_COMMENT


def _leads_somewhere(record: bytes, at: int) -> bool:
    """Whether the directory fits before the end record, as every reader requires: four octets alone may be chance."""
    size, offset = int.from_bytes(record[12:16], "little"), int.from_bytes(record[16:20], "little")
    return size <= at or _OF_ZIP64 in (size, offset)
