"""A request as a client sent it: its head before anything is made of it."""

from __future__ import annotations

from typing import Protocol

from gateway.core.fields import Pair
from gateway.core.verdict import Refusal
from gateway.proxy.message.body import RequestBody


class ReceivedRequest:
    """The head of a request: fields as sent, names in their spelling, values with the blanks that follow them.

    ``version`` is ``1.1`` or whatever else was sent. ``keep_alive`` and ``upgrade`` are what Connection, Upgrade and the
    version ask for (RFC 9112 9.3, RFC 9110 7.8). ``whole``: nothing more of the request will arrive. ``reframed``: its
    body is read by a parser of its own. ``body`` is None until some of it is here, or a stage asks for it.
    """

    __slots__ = ("body", "fields", "keep_alive", "method", "reframed", "target", "upgrade", "version", "whole")

    def __init__(
        self, method: str, target: str, version: str, fields: tuple[Pair, ...], keep_alive: bool, upgrade: bool
    ) -> None:
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
        self.keep_alive = keep_alive
        self.upgrade = upgrade
        self.whole = False
        self.reframed = False
        self.body: RequestBody | None = None


def over_limit(target: int, rest: int) -> str:
    """The slug for a head over its limit, of ``target`` bytes of request target and ``rest`` others: whichever is more."""
    return "target_too_long" if target > rest else "headers_too_large"  # RFC 9110 15.5.15, RFC 6585 section 5


class Events(Protocol):
    """What a parser calls: the connection that it reads for."""

    def on_request(self, request: ReceivedRequest) -> None:
        """The head of ``request`` is complete and no other is in progress; its body may still be arriving."""

    def on_end(self) -> None:
        """Nothing more of the request in progress will arrive."""

    def on_error(self, refusal: Refusal) -> None:
        """What follows cannot be read."""

    def write(self, data: bytes) -> None:
        """Send ``data``, which is no part of a response: 100 Continue."""
