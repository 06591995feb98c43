"""The fields of an upstream's response: which of them reach the client, and how a repeated set is read quickly.

A backend repeats most of its fields on every response, as clients do on requests (``proxy.message.head``). So a response
is read by what differs from the one before it on the same connection.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import chain

from gateway.core.date import DATE, Date
from gateway.core.fields import (
    FRAMING,
    HOP_BY_HOP,
    LOWER,
    Malformed,
    Pair,
    connection_options,
    free_of_controls,
    is_token,
)

# The gateway decides these itself. alt-svc would lead clients round the gateway; the x-accel and sendfile families are
# orders to a server in front of the upstream.
_DROPPED = re.compile(
    rb"access-control-.*|server|x-powered-by|x-aspnet(?:mvc)?-version|x-runtime|alt-svc|x-accel-.*|x-sendfile|"
    rb"x-lighttpd-send-.*|x-reproxy-.*"
)
_STOPPED = FRAMING | {b""}

MOST_FIELDS = 1000
"""Fields of a head, or of the trailers, of one response."""

MOST_BYTES = 64 * 1024
"""Bytes of the names and values of these fields together."""

LONGEST_VARY = 1024
"""Bytes of an upstream's Vary that are merged with the gateway's own, and remembered; a longer one stands for ``*``, which
is stricter (RFC 9110 12.5.5)."""

# What differs from one response to the next, and the spellings that backends use.
_VARYING_NAMES = frozenset((b"content-length", b"date", b"etag", b"x-correlation-id", b"x-request-id"))
_IDS = (b"x-correlation-id", b"x-request-id")
_VARYING = {spelling: name for name in _VARYING_NAMES for spelling in (name, name.title())}


class _ResponseNames(dict[bytes, bytes]):
    """Lower-case name by spelling, b"" for a field that the client does not get. Raises Malformed for no token."""

    def __missing__(self, sent: bytes) -> bytes:
        if is_token(sent) is None:
            raise Malformed("a field name is not a token")
        name = sent.lower()
        dropped = name not in FRAMING and (name in HOP_BY_HOP or _DROPPED.fullmatch(name))
        return b"" if dropped else name


_NAMES = _ResponseNames()
_NAMES.update({spelling: _NAMES[spelling] for spelling in LOWER})


def response_pairs(raw: Iterable[Pair]) -> tuple[list[Pair], dict[bytes, bytes]]:
    """The fields of a response that go on to the client, and those that frame it on its connection.

    Pairs are lower-case, in order, repeated ones apart. Left out: hop-by-hop ones, everything Connection names,
    access-control-*, what names the software, and the framing ones (content-length, transfer-encoding, connection,
    keep-alive, trailer, upgrade; repeated ones joined with ``, `` so that two lengths never look like one).
    Raises Malformed for a name that is no token, a control byte other than HTAB in a value, and for too much.
    """
    raw = tuple(raw)
    if len(raw) > MOST_FIELDS or sum(map(len, chain.from_iterable(raw))) > MOST_BYTES:
        raise Malformed("the fields are too many or too large")
    names = _NAMES
    if not free_of_controls([value for _, value in raw]):
        raise Malformed("a field value holds a control byte")
    pairs: list[Pair] = []
    framing: dict[bytes, bytes] = {}
    repeated: dict[bytes, list[bytes]] = {}
    stopped = _STOPPED
    for sent, value in raw:
        name = names[sent]
        if name not in stopped:
            pairs.append((name, value))
        elif name:
            if name in framing:
                repeated.setdefault(name, [framing[name]]).append(value)
            else:
                framing[name] = value
    framing.update({name: b", ".join(values) for name, values in repeated.items()})
    connection = framing.get(b"connection", b"keep-alive")
    if connection != b"keep-alive" and connection != b"close":
        named = connection_options(connection)
        pairs = [pair for pair in pairs if pair[0] not in named]
    return pairs, framing


class ResponseFields:
    """``raw`` as sent; ``pairs`` and ``framing`` as ``response_pairs`` gives them, neither to be changed.

    ``repeatable``: no field that varies occurs twice, so the next response may be read by what differs. ``ids``: the values
    of x-correlation-id and x-request-id, b"" for one that is not there; empty without either. ``via`` is what the gateway
    adds to that field on the way to the client, empty for a response of its own. ``until`` is the moment of ``Date.clock``
    until which ``pairs`` hold for another response of the same ``raw``: for less than a second where Date was not sent, and
    was added.
    """

    __slots__ = ("_lines", "_replaced", "framing", "ids", "pairs", "raw", "repeatable", "until", "via")

    def __init__(
        self,
        raw: list[Pair],
        pairs: list[Pair],
        framing: dict[bytes, bytes],
        repeatable: bool,
        ids: tuple[bytes, ...] = (),
        via: bytes = b"",
        until: float = math.inf,
    ) -> None:
        self.raw = raw
        self.pairs = pairs
        self.framing = framing
        self.repeatable = repeatable
        self.ids = ids
        self.via = via
        self.until = until
        self._replaced: frozenset[bytes] | None = None
        self._lines = b"", b""

    @classmethod
    def of(cls, pairs: Iterable[Pair], via: bytes = b"") -> ResponseFields:
        """Fields that the gateway makes itself: ``pairs``, whose names are lower-case. The responses that are read after it
        on a connection have its ``via``."""
        return cls([], list(pairs), {}, False, (), via)

    def lines(self, replaced: frozenset[bytes]) -> tuple[bytes, bytes]:
        """The lines of a response's head for the fields that are not ``replaced``, and the value of a replaced Vary.

        The result is kept for the next response with the same fields: most have them, until Date changes once a second.
        """
        if replaced is not self._replaced:
            self._replaced = replaced
            pairs = self.pairs
            vary = b",".join([value for name, value in pairs if name == b"vary" and name in replaced])
            if self.via and b"via" not in replaced:  # RFC 9110 7.6.3: appended, whatever is there already
                passed = [value for name, value in pairs if name == b"via" and value]
                pairs = [pair for pair in pairs if pair[0] != b"via"]
                pairs.append((b"via", b", ".join([*passed, self.via])))
            self._lines = (
                b"".join([b"%b: %b\r\n" % pair for pair in pairs if pair[0] not in replaced]),
                vary if len(vary) <= LONGEST_VARY else b"*",
            )
        return self._lines


NO_FIELDS = ResponseFields.of(())


def read_incremental(raw: list[Pair], before: ResponseFields | None, date: Date = DATE) -> ResponseFields:
    """What ``read_fields`` gives; ``before`` are the fields of the previous response. Raises Malformed as ``response_pairs``."""
    if before is not None and before.repeatable and len(raw) == len(before.raw):
        if raw == before.raw and date.clock() < before.until:
            return before
        fields = _changed(raw, before, date)
        if fields is not None:
            return fields
    return read_fields(raw, date, before.via if before is not None else b"")


def read_fields(raw: list[Pair], date: Date | None, via: bytes = b"") -> ResponseFields:
    """The fields ``raw``, with ``date`` where they have none (RFC 9110 6.6.1), and with one Date where they have several.

    ``date`` is None for an informational response. Raises Malformed as ``response_pairs``.
    """
    pairs, framing = response_pairs(raw)
    # By name and not by spelling: ``ETag`` beside ``Etag`` is one field twice.
    varying = [name for sent, _ in raw if (name := sent.lower()) in _VARYING_NAMES]
    named = dict(pairs)
    ids = tuple([named.get(name, b"") for name in _IDS]) if not named.keys().isdisjoint(_IDS) else ()
    until = math.inf
    if date is not None and b"date" not in named:
        pairs.append(date.field())
        until = date.until()
    elif varying.count(b"date") > 1:
        first = next(pair for pair in pairs if pair[0] == b"date")
        pairs = [pair for pair in pairs if pair[0] != b"date" or pair is first]
    return ResponseFields(raw, pairs, framing, len(varying) == len(set(varying)), ids, via, until)


def _changed(raw: list[Pair], before: ResponseFields, date: Date) -> ResponseFields | None:
    """``raw`` where it differs from ``before`` in the values of varying fields only; None where it differs in more."""
    values: dict[bytes, bytes] = {}
    for pair, old in zip(raw, before.raw):  # noqa: B905  # as long as each other
        if pair != old:
            name = _VARYING.get(pair[0])
            if name is None or pair[0] != old[0]:
                return None
            values[name] = pair[1]
    if not free_of_controls(values.values()) or sum(map(len, values.values())) > MOST_BYTES // 16:
        return None  # as a whole it is refused, or read, by the rules for all
    pairs, framing = before.pairs, before.framing
    length = values.pop(b"content-length", None)
    if length is not None:
        framing = framing | {b"content-length": length}
    ids, until = before.ids, before.until
    if until != math.inf:
        values[b"date"] = date.field()[1]
        until = date.until()
    if values:
        if ids:
            ids = tuple([values.get(name, value) for name, value in zip(_IDS, ids, strict=True)])
        pairs = [(name, values.get(name, value)) for name, value in pairs]
    return ResponseFields(raw, pairs, framing, True, ids, before.via, until)
