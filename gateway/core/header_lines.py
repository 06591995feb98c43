"""Fields of an answer made ready for the wire, so that what is the same on every answer is put together once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from gateway.core.exchange import Pair


class HeaderLines:
    """Some field lines of an answer. ``names`` are what they replace of the upstream's, ``raw`` what they are on the wire.

    ``vary`` is the value of Vary, which is not in ``raw``: it becomes one line with what others say on it.
    """

    __slots__ = ("names", "raw", "vary")

    def __init__(self, names: frozenset[bytes], raw: bytes, vary: bytes = b"") -> None:
        self.names = names
        self.raw = raw
        self.vary = vary

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> HeaderLines:
        """The lines of ``pairs``, whose names are lower-case."""
        pairs = tuple(pairs)
        raw = b"".join([b"%b: %b\r\n" % pair for pair in pairs if pair[0] != b"vary"])
        vary = b",".join([value for name, value in pairs if name == b"vary"])
        return cls(_set(*[name for name, _ in pairs]), raw, vary)

    @property
    def pairs(self) -> list[Pair]:
        """Name and value of each, Vary first."""
        found: list[Pair] = [(b"vary", self.vary)] if self.vary else []
        for line in self.raw.split(b"\r\n")[:-1]:
            name, _, value = line.partition(b": ")
            found.append((name, value))
        return found


@lru_cache(maxsize=256)
def _set(*names: bytes) -> frozenset[bytes]:
    """The same set for the same names: answers that are kept ready differ in values, and the set is half of each."""
    return frozenset(names)
