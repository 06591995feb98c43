"""Finds the one client address of a request. Always on.

``X-Forwarded-For`` grows on the right: each proxy appends the address that it was called from. So only the entries of
trusted proxies can be believed, and the search goes from the right to the first address that is not one of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.proxies import REMEMBERED, Address, Network, TrustedProxies, parse_address
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools

# No honest chain of trusted proxies is longer; without a bound a header of 16 KiB costs thousands of parses.
MAX_HOPS = 32

_LONGEST_REMEMBERED = 128  # bytes; longer fields are parsed each time, so that memory stays bounded

# 1.2.3.4:55, [::1] and [::1]:4 are what proxies write when they add the port.
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?").fullmatch


def _entry(text: str) -> Address | None:
    """One element of the header, with or without a port."""
    match = _WITH_PORT(text)
    if match is None:
        return parse_address(text) if text.count(":") > 1 else None
    if int(match[3] or 0) > 65535:
        return None
    if match[1] is None:
        return parse_address(match[2])
    address = parse_address(match[1])
    # brackets are for IPv6 only (RFC 3986 section 3.2.2); no honest proxy writes "[1.2.3.4]"
    return address if ":" in match[1] else None


class Client(Stage):
    """Sets ``exchange.client``; may refuse with ``forwarded_malformed``."""

    __slots__ = ("_clients", "_peers", "_proxies")

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        self._proxies = TrustedProxies(trusted)
        self._peers = self._proxies.peers
        self._clients: dict[bytes, str] = {}

    def on_request(self, exchange: Exchange) -> Refusal | None:
        peer = self._peers.get(exchange.peer)
        if peer is None:
            peer = self._proxies.peer(exchange.peer)
        exchange.client = peer[0]
        if not peer[1]:
            return None  # the client itself wrote the field, so it is worth nothing
        header = exchange.fields.get(b"x-forwarded-for")
        if not header:  # an empty field is a list of no elements (RFC 9110 section 5.6.1)
            return None
        client = self._clients.get(header)
        if client is None:
            nearest = self._nearest(header)
            if isinstance(nearest, Refusal):
                return nearest
            client = nearest
            if len(header) <= _LONGEST_REMEMBERED:
                if len(self._clients) >= REMEMBERED:
                    self._clients.clear()
                self._clients[header] = client
        exchange.client = client
        return None

    def trusts(self, address: str) -> bool:
        """Whether ``address`` is that of a trusted proxy."""
        return self._proxies.peer(address)[1]

    def _nearest(self, header: bytes) -> str | Refusal:
        """The first address from the right that is not a trusted proxy; the leftmost one when all are."""
        client = ""
        rest, more, hops = header.decode("latin-1"), True, 0
        while more:
            hops += 1
            if hops > MAX_HOPS:
                return refuse("forwarded_malformed", f"more than {MAX_HOPS} trusted hops")
            before, separator, text = rest.rpartition(",")
            rest, more = before, bool(separator)
            address = _entry(text.strip(" \t"))
            if address is None:
                return refuse("forwarded_malformed", f"hop {hops} from the right is not an address")
            client = str(address)
            if not self._proxies.trusts(address):
                return client
        return client


def build(tools: Tools) -> Client:
    """The stage for the proxies of ``listen.trusted_proxies``."""
    return Client(tools.trusted_proxies)
