"""Identifies a request: by its id, and by the correlation id that joins it to others. Always on, the first stage."""

from __future__ import annotations

import os
import re

from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.policy.base.stage import Stage

# An id that a client may choose: too long to collide by accident, and nothing in it breaks a log line or a field.
_ACCEPTABLE = re.compile(rb"[A-Za-z0-9._-]{8,128}").fullmatch

_ID_BYTES = 16  # 128 bits cannot be guessed
_BATCH = 256  # one system call makes this many ids

_NAMES = frozenset((b"x-request-id", b"x-correlation-id"))
_SLICES = tuple(slice(start, start + 2 * _ID_BYTES) for start in range(0, 2 * _ID_BYTES * _BATCH, 2 * _ID_BYTES))

_unused: list[str] = []
# A forked worker with unused ids would give out the same ones as its siblings.
os.register_at_fork(after_in_child=_unused.clear)


def new_id() -> str:
    """32 hexadecimal digits of the system's randomness."""
    try:
        return _unused.pop()
    except IndexError:
        digits = os.urandom(_ID_BYTES * _BATCH).hex()
        _unused.extend(map(digits.__getitem__, _SLICES))
        return _unused.pop()


class Identity(Stage):
    """Sets ``exchange.id`` and ``exchange.correlation``, the client's own where that is acceptable, and adds both to every
    response, refusals included. Never refuses."""

    __slots__ = ()

    def on_request(self, exchange: Exchange) -> None:
        fields = exchange.fields
        sent = fields.get(b"x-request-id")
        exchange.id = own = new_id() if sent is None or not _ACCEPTABLE(sent) else sent.decode("ascii")
        sent = fields.get(b"x-correlation-id")
        exchange.correlation = sent if sent is not None and _ACCEPTABLE(sent) else own.encode("ascii")

    def on_response(self, exchange: Exchange) -> None:
        raw = b"x-request-id: %b\r\nx-correlation-id: %b\r\n" % (exchange.id.encode("ascii"), exchange.correlation)
        exchange.response_headers.append(FieldLines(_NAMES, raw))


def build() -> Identity:
    """The stage; it has no settings."""
    return Identity()
