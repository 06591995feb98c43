"""A request whose fields a stage changes: what goes upstream then, and what the stages behind it read."""

from __future__ import annotations

from collections.abc import Collection

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair


class ChangedHead:
    """A head whose fields were changed; ``raw`` are their lines."""

    __slots__ = ("lines", "raw", "upstream", "version")

    def __init__(self, raw: tuple[Pair, ...], version: str) -> None:
        self.raw = raw
        self.version = version
        self.upstream: object = None
        self.lines: dict[bytes, bytes] = {}


def take_out(exchange: Exchange, names: Collection[bytes]) -> None:
    """Take the fields of ``names``, in lower case, out of ``exchange``. The head itself may serve the next request too."""
    exchange.fields = {name: value for name, value in exchange.fields.items() if name not in names}
    if exchange.head is not None:
        kept = [pair for pair in exchange.head.raw if pair[0].lower() not in names]
        exchange.head = ChangedHead(tuple(kept), exchange.head.version)
