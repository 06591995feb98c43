"""The Origin of a head that is refused before it is read whole, so that a page of an allowed origin can read the refusal.

Browsers send Origin behind the target and most other fields: where one of these is too long, it is still to come.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

SECONDS = 0.25  # that a client has for the rest of its head, which is on its way
MOST_BYTES = 64 * 1024  # of it that are looked through
_LONGEST = 400  # bytes of the field with its name

_ORIGIN = re.compile(rb"\norigin:[ \t]*+([!-~]{1,300})[ \t]*+(?=\r?\n)", re.IGNORECASE)
_END = re.compile(rb"\n\r?\n")


def origin_in(data: bytes) -> bytes | None:
    """The one Origin in a piece of a head, None where there is none or more than one."""
    end = _END.search(data)
    found = _ORIGIN.findall(data, 0, len(data) if end is None else end.end())
    return found[0] if len(found) == 1 else None


class LateOrigin:
    """Looks through what arrives of a head. Calls ``on_over`` once, with the Origin or None: when it is found, at the end of
    the head, when as much or as long has been waited as is bounded, or by ``end``; never after ``cancel``."""

    __slots__ = ("_before", "_left", "_on_over", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_over: Callable[[bytes | None], None]) -> None:
        self._before = b""
        self._left = MOST_BYTES
        self._on_over = on_over
        self._timer = loop.call_later(SECONDS, self.end)

    def took(self, data: bytes) -> None:
        """Look through ``data``, the next bytes."""
        self._left -= len(data)
        data = self._before + data
        self._before = data[-_LONGEST:]
        origin = origin_in(data)
        if origin is not None or self._left < 0 or _END.search(data) is not None:
            self.end(origin)

    def end(self, origin: bytes | None = None) -> None:
        """Wait no longer."""
        self.cancel()
        self._on_over(origin)

    def cancel(self) -> None:
        """Be over, without a word."""
        self._timer.cancel()
