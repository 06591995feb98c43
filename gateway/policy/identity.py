"""Names a request: its id and the correlation id that joins it to other requests. Always on, the first stage."""

from __future__ import annotations

import os
import re

from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.policy.base.stage import Stage

# What a client may choose: long enough not to collide by accident, and nothing that could break a log line or a header.
_SANE = re.compile(rb"[A-Za-z0-9._-]{8,128}").fullmatch

_ID_BYTES = 16  # 128 bits cannot be guessed
_BATCH = 256  # one system call makes this many ids

_NAMES = frozenset((b"x-request-id", b"x-correlation-id"))
_SLICES = tuple(slice(start, start + 2 * _ID_BYTES) for start in range(0, 2 * _ID_BYTES * _BATCH, 2 * _ID_BYTES))

_fresh: list[str] = []
# A worker forked with ids left over would give out the same ones as its siblings.
os.register_at_fork(after_in_child=_fresh.clear)


def new_id() -> str:
    """32 hexadecimal digits of the system's randomness."""
    try:
        return _fresh.pop()
    except IndexError:
        noise = os.urandom(_ID_BYTES * _BATCH).hex()
        _fresh.extend(map(noise.__getitem__, _SLICES))
        return _fresh.pop()


def correlation(exchange: Exchange) -> bytes:
    """The client's ``x-correlation-id`` when it is sane, else the request id."""
    sent = exchange.fields.get(b"x-correlation-id")
    return sent if sent is not None and _SANE(sent) else exchange.id.encode("ascii")


class Identity(Stage):
    """Sets ``exchange.id`` and puts both ids on every answer, refusals included. Never refuses."""

    __slots__ = ()

    def on_request(self, exchange: Exchange) -> None:
        sent = exchange.fields.get(b"x-request-id")
        exchange.id = new_id() if sent is None or not _SANE(sent) else sent.decode("ascii")

    def on_response(self, exchange: Exchange) -> None:
        made = exchange.id.encode("ascii")
        sent = exchange.fields.get(b"x-correlation-id")
        joined = sent if sent is not None and _SANE(sent) else made
        raw = b"x-request-id: %b\r\nx-correlation-id: %b\r\n" % (made, joined)
        exchange.response_headers.append(FieldLines(_NAMES, raw))


def build() -> Identity:
    """The stage; it has no settings."""
    return Identity()
