"""Finds the one client address of a request, and how the client came where a trusted proxy says it. Always on.

The fields of strangers say nothing: none of them reaches the upstream, which gets what is known of the connection instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.core.fields import Pair
from gateway.core.forwarded import written
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.proxies import REMEMBERED, Network, TrustedProxies
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.base.trusted_fields import (
    ANY_FIELDS,
    ForwardingField,
    agreed,
    read_forwarded,
    read_x_forwarded,
)

_LONGEST_REMEMBERED = 128  # bytes; longer fields are parsed each time, so that memory stays bounded

_Values = tuple[bytes, ...]  # of ANY_FIELDS, in their order
_NOTHING: _Values = (b"",) * len(ANY_FIELDS)  # an empty field is a list of no elements (RFC 9110 section 5.6.1)


class Client(Stage):
    """Sets ``exchange.client``, and ``exchange.forwarded`` where a trusted proxy says more than the connection does; may
    refuse with ``forwarded_malformed``. ``fields``: which fields the trusted proxies write; the others are not read.
    """

    __slots__ = ("_known", "_peers", "_proxies", "_read_fields")

    def __init__(self, trusted: Iterable[Network] = (), fields: Iterable[ForwardingField] = ANY_FIELDS) -> None:
        self._proxies = TrustedProxies(trusted)
        read = frozenset(fields)
        self._read_fields = tuple(name.encode() if name in read else b"" for name in ANY_FIELDS)  # b"" names no field
        self._peers = self._proxies.peers
        self._known: dict[tuple[_Values, str, bytes], tuple[str, FieldLines]] = {}

    def on_request(self, exchange: Exchange) -> Refusal | None:
        peer = self._peers.get(exchange.peer)
        if peer is None:
            peer = self._proxies.peer(exchange.peer)
        exchange.client = peer[0]
        return self._believe(exchange) if peer[1] else None  # of anybody else the fields are worth nothing

    def _believe(self, exchange: Exchange) -> Refusal | None:
        """Take what the fields of a request say, which a trusted proxy has sent."""
        get = exchange.fields.get
        values = tuple([get(name, b"") for name in self._read_fields])
        if values == _NOTHING:
            return None
        key = values, exchange.client, exchange.forwarded.raw
        known = self._known.get(key)
        if known is None:
            try:
                known = self._read(values, exchange)
            except ValueError as error:
                return refuse("forwarded_malformed", str(error))
            if sum(map(len, values)) <= _LONGEST_REMEMBERED:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[key] = known
        exchange.client, exchange.forwarded = known
        return None

    def trusts(self, address: str) -> bool:
        """Whether ``address`` is that of a trusted proxy."""
        return self._proxies.peer(address)[1]

    def _read(self, values: _Values, exchange: Exchange) -> tuple[str, FieldLines]:
        """The client, and the lines that inform an upstream. Raises ValueError for fields that cannot be read."""
        client, proto, host, port, forwarded = (value.decode("latin-1") for value in values)
        stated = read_x_forwarded(self._proxies, client, proto, host, port)
        if forwarded:
            stated = agreed(stated, read_forwarded(self._proxies, forwarded))
        found = stated.client or exchange.client
        if not forwarded and not any(stated[1:]):
            return found, exchange.forwarded
        scheme = stated.proto.encode() or dict(exchange.forwarded.pairs)[b"x-forwarded-proto"]
        pairs: list[Pair] = [(b"x-forwarded-proto", scheme)]
        if stated.host:
            pairs.append((b"x-forwarded-host", stated.host.encode()))
        if stated.port:
            pairs.append((b"x-forwarded-port", stated.port.encode()))
        if forwarded:
            pairs.append((b"forwarded", written(found, scheme.decode(), stated.host)))
        return found, FieldLines.of(pairs)


def build(tools: Tools) -> Client:
    """The stage for the proxies of ``listen.trusted_proxies``."""
    return Client(tools.trusted_proxies, tools.trusted_fields)
