"""Field lines of a response prepared for the wire, so that lines which are the same on every response are made once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from gateway.core.fields import Pair


class FieldLines:
    """Some field lines of a response (RFC 9110 section 5.2). ``names`` are the fields of the upstream that they replace;
    ``raw`` are their bytes on the wire.

    ``vary`` is the value of Vary. It is not in ``raw``, because all of a response's values of Vary become one line.
    """

    __slots__ = ("names", "raw", "vary")

    def __init__(self, names: frozenset[bytes], raw: bytes, vary: bytes = b"") -> None:
        self.names = names
        self.raw = raw
        self.vary = vary

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> FieldLines:
        """The lines of ``pairs``, whose names are lower-case."""
        pairs = tuple(pairs)
        raw = b"".join([b"%b: %b\r\n" % pair for pair in pairs if pair[0] != b"vary"])
        vary = b",".join([value for name, value in pairs if name == b"vary"])
        return cls(_set(*[name for name, _ in pairs]), raw, vary)

    @property
    def pairs(self) -> list[Pair]:
        """Name and value of each line, Vary first."""
        pairs: list[Pair] = [(b"vary", self.vary)] if self.vary else []
        for line in self.raw.split(b"\r\n")[:-1]:
            name, _, value = line.partition(b": ")
            pairs.append((name, value))
        return pairs


@lru_cache(maxsize=256)
def _set(*names: bytes) -> frozenset[bytes]:
    """The same set for the same names: prepared responses differ in values, and the set is half of the memory of each."""
    return frozenset(names)
