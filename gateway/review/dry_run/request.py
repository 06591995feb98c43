"""What a client sends in a dry run, as the bytes that would come over its connection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from gateway.core.fields import Pair

ADDRESS = "203.0.113.7"
"""Of a client that says nothing of its own: one for documentation (RFC 5737), so no proxy that anybody trusts."""

HOSTS = {"public": b"gateway.example", "egress": b"127.0.0.1"}
"""What Host says where the request does not: the egress listener takes none but this machine's."""

_BREAKS = re.compile(r"[\r\n\0]").search
_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE).match
_LENGTHS = frozenset((b"content-length", b"transfer-encoding"))

Fields = Mapping[str, str] | Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class DryRequest:
    """One request. ``fields`` are sent in their order, behind Host where they have none, which is that of an absolute ``target``
    (RFC 9112, 3.2.2); Content-Length is added for a ``body``
    where none is given. ``address`` is that of the connection. ``claims``: a token that holds them is sent, signed by a key
    that the route's policy accepts (``dry_run.claims``); raises ValueError beside a field Authorization. ``http`` is the version."""

    method: str
    target: str
    fields: Fields = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    address: str = ADDRESS
    claims: Mapping[str, object] | None = field(default=None, repr=False)
    listener: Literal["public", "egress"] = "public"
    http: str = "1.1"

    def __post_init__(self) -> None:
        if not self.method or not self.target:
            raise ValueError("a request has a method and a target")
        for text in (self.method, self.target, *[part for pair in self.pairs for part in pair]):
            if _BREAKS(text):
                raise ValueError("a method, a target and a field are one line each, without a zero byte")
        try:
            ip_address(self.address)
        except ValueError:
            raise ValueError("the address is no IP address") from None
        if self.claims is not None and any(name.lower() == "authorization" for name, _ in self.pairs):
            raise ValueError("give the claims or a field Authorization, not both")

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The fields that are given."""
        return tuple(self.fields.items()) if isinstance(self.fields, Mapping) else tuple(self.fields)

    def lines(self) -> list[Pair]:
        """The fields as they are sent, without those of a token."""
        pairs = [(name.encode(), value.encode()) for name, value in self.pairs]
        names = {name.lower() for name, _ in pairs}
        if b"host" not in names and self.http == "1.1":
            pairs.insert(0, (b"host", self._host()))
        if self.body and not names & _LENGTHS:
            pairs.append((b"content-length", b"%d" % len(self.body)))
        return pairs

    def _host(self) -> bytes:
        """What a client says as Host that sends this target."""
        absolute = _ABSOLUTE(self.target)
        return absolute[1].encode() if absolute is not None else HOSTS[self.listener]

    def octets(self, more: Iterable[Pair] = ()) -> bytes:
        """The request as it is sent, with the fields ``more``."""
        lines = b"".join([b"%b: %b\r\n" % pair for pair in (*self.lines(), *more)])
        return b"%b %b HTTP/%b\r\n%b\r\n%b" % (
            self.method.encode(),
            self.target.encode(),
            self.http.encode(),
            lines,
            self.body,
        )
