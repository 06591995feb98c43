"""The fields of an answer, read by what differs from the answer before it on the same connection.

A backend repeats most of its fields on every answer, as clients do on requests (``proxy.message.head``).
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.core.exchange import Pair
from gateway.core.fields import answer_pairs, plain

# What differs from one answer to the next, by the spellings that backends use.
_VARYING = {
    spelling: name
    for name in (b"content-length", b"date", b"etag", b"x-correlation-id", b"x-request-id")
    for spelling in (name, name.title())
}


class ResponseFields:
    """``raw`` as sent; ``pairs`` and ``framing`` as ``core.fields.answer_pairs`` gives them, neither to be changed.

    ``steady``: none of the fields that vary is there twice, so the next answer may be read by what differs.
    """

    __slots__ = ("_lines", "_replaced", "framing", "pairs", "raw", "steady")

    def __init__(self, raw: list[Pair], pairs: list[Pair], framing: dict[bytes, bytes], steady: bool) -> None:
        self.raw = raw
        self.pairs = pairs
        self.framing = framing
        self.steady = steady
        self._replaced: frozenset[bytes] | None = None
        self._lines = b"", b""

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> ResponseFields:
        """Fields that nobody sent: ``pairs``, whose names are lower-case."""
        return cls([], list(pairs), {}, False)

    def lines(self, replaced: frozenset[bytes]) -> tuple[bytes, bytes]:
        """The lines of an answer's head for what is not ``replaced``, and what Vary says where that is.

        Kept for the next answer that has the same fields: most have, but once a second, when Date changes.
        """
        if replaced is not self._replaced:
            self._replaced = replaced
            self._lines = (
                b"".join([b"%b: %b\r\n" % pair for pair in self.pairs if pair[0] not in replaced]),
                b",".join([value for name, value in self.pairs if name == b"vary" and name in replaced]),
            )
        return self._lines


NONE = ResponseFields.of(())


def read(raw: list[Pair], before: ResponseFields | None) -> ResponseFields:
    """The fields ``raw``, when those of the answer before were ``before``. Raises Malformed as ``answer_pairs``."""
    if before is not None and before.steady and len(raw) == len(before.raw):
        if raw == before.raw:
            return before
        found = _changed(raw, before)
        if found is not None:
            return found
    pairs, framing = answer_pairs(raw)
    varying = [_VARYING[sent] for sent, _ in raw if sent in _VARYING]
    return ResponseFields(raw, pairs, framing, len(varying) == len(set(varying)))


def _changed(raw: list[Pair], before: ResponseFields) -> ResponseFields | None:
    values: dict[bytes, bytes] = {}
    for pair, old in zip(raw, before.raw):  # noqa: B905  # as long as each other
        if pair != old:
            name = _VARYING.get(pair[0])
            if name is None or pair[0] != old[0]:
                return None
            values[name] = pair[1]
    if not plain(values.values()):
        return None
    pairs, framing = before.pairs, before.framing
    length = values.pop(b"content-length", None)
    if length is not None:
        framing = framing | {b"content-length": length}
    if values:
        pairs = [(name, values.get(name, value)) for name, value in pairs]
    return ResponseFields(raw, pairs, framing, True)
