"""Where the events of an event stream end (HTML Standard 9.2.6), so that a stream is ended between two of them."""

from __future__ import annotations

_LONGEST = 1024  # bytes of an event that are looked at for whether it has begun


class EventBoundaries:
    """Follows a stream piece by piece. ``between``: no event has begun that has not ended. A comment is none."""

    __slots__ = ("_long", "_rest", "between")

    def __init__(self) -> None:
        self._rest = b""  # since the last event ended
        self._long = False
        self.between = True

    def feed(self, piece: bytes) -> None:
        """Take ``piece``, the next bytes of the stream."""
        data = self._rest + piece
        end = _last_end(data)
        if end:
            self._long = False
        rest = data[end:]
        self._long = self._long or len(rest) > _LONGEST
        self.between = not self._long and _is_nothing(rest)
        self._rest = b"" if self.between else rest[-3:] if self._long else rest

    def remainder(self, piece: bytes) -> bytes:
        """The beginning of ``piece`` up to the end of the event in progress; the whole of it where that does not end there."""
        before = len(self._rest)
        end = _first_end(self._rest + piece)
        return piece[: end - before] if end > before else piece


def _is_nothing(lines: bytes) -> bool:
    """Whether there are comments and empty lines only, the last of which has ended."""
    *whole, last = lines.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return not last and all(line[:1] in (b"", b":") for line in whole)


def _last_end(data: bytes) -> int:
    """Where the last event of ``data`` ends, 0 when none does: behind an empty line, whose end is CR, LF or both."""
    at = max(data.rfind(b"\n\n"), data.rfind(b"\r\r"), data.rfind(b"\n\r"))
    return _behind(data, at)


def _first_end(data: bytes) -> int:
    found = [at for at in (data.find(b"\n\n"), data.find(b"\r\r"), data.find(b"\n\r")) if at >= 0]
    return _behind(data, min(found, default=-1))


def _behind(data: bytes, at: int) -> int:
    if at < 0:
        return 0
    end = at + 2
    return end + 1 if data[end - 1 : end + 1] == b"\r\n" else end
