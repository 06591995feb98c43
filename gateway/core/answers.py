"""The fields of an answer, read by what differs from the answer before it on the same connection.

A backend repeats most of its fields on every answer, as clients do on requests (``proxy.admit``).
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.core.exchange import Pair
from gateway.core.fields import answer_pairs, plain

# What differs from one answer to the next, by the spellings that backends use.
_VARYING = {
    spelling: name
    for name in (b"content-length", b"date", b"etag", b"x-correlation-id", b"x-request-id")
    for spelling in (name, name.title())
}


class Fields(NamedTuple):
    """``raw`` as sent; ``pairs`` and ``framing`` as ``core.fields.answer_pairs`` gives them, neither to be changed.

    ``steady``: none of the fields that vary is there twice, so the next answer may be read by what differs.
    """

    raw: list[Pair]
    pairs: list[Pair]
    framing: dict[bytes, bytes]
    steady: bool


def read(raw: list[Pair], before: Fields | None) -> Fields:
    """The fields ``raw``, when those of the answer before were ``before``. Raises Malformed as ``answer_pairs``."""
    if before is not None and before.steady and len(raw) == len(before.raw):
        if raw == before.raw:
            return before
        found = _changed(raw, before)
        if found is not None:
            return found
    pairs, framing = answer_pairs(raw)
    varying = [_VARYING[sent] for sent, _ in raw if sent in _VARYING]
    return Fields(raw, pairs, framing, len(varying) == len(set(varying)))


def _changed(raw: list[Pair], before: Fields) -> Fields | None:
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
    return Fields(raw, pairs, framing, True)
