"""The busiest clients of a run: who sends most requests, who is refused most, and who fills the shares of upstreams.

A worker counts each of its requests for the user who is signed in, or for the address where nobody is, in a memory that has a
bound whatever clients do (A. Metwally, D. Agrawal, A. El Abbadi, Efficient Computation of Frequent and Top-k Elements in Data
Streams, ICDT 2005, with many evictions at once). Operators see hashes: a user's is the ``principal`` of the access line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address
from socket import AF_INET6, inet_ntop, inet_pton
from typing import Any, Protocol, TypedDict

from gateway.ops.plain import rfc3339
from gateway.policy.base.bucket import LENGTH_BYTES, REMEMBERED, address_key
from gateway.policy.base.shares import ClientKey

MOST = 256
"""Clients that a worker counts apart."""

SHOWN = 50
"""Clients that are shown, and of each upstream that are shown to hold calls."""

PERIOD = 60.0
"""Seconds after which counting begins anew; what is shown is of the last one to two periods."""


class _Counts:
    """The counts of one period. ``over``: so many requests at most may be those of clients that were given up before."""

    __slots__ = ("floor", "rows", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.rows: dict[str, list[int]] = {}  # client -> requests, refusals, over
        self.floor = 0  # the most requests of any client that was given up

    def add(self, clients: Mapping[str, int], refused: bool) -> None:
        rows = self.rows
        for client, times in clients.items():
            row = rows.get(client)
            if row is None:
                row = rows[client] = [self.floor, 0, self.floor]
            row[0] += times
            if refused:
                row[1] += times
        if len(rows) > 2 * MOST:  # seldom, so that many evictions share one sorting
            kept = sorted(rows.items(), key=lambda item: -item[1][0])
            self.floor = max(self.floor, kept[MOST][1][0])
            self.rows = dict(kept[:MOST])


class ClientRow(TypedDict):
    """A client as operators see it: a hash, whether it is a ``user`` or an ``address`` (of IPv6 a /64), how many requests it has sent,
    of which up to ``over`` may be another's, and how many were refused, for whatever reason."""

    client: str
    kind: str
    requests: int
    over: int
    refusals: int


class BusiestClients:
    """Counts the requests of one worker by client. ``wall`` gives Unix seconds."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._now = self._before = _Counts(wall())

    @property
    def counted(self) -> int:
        """Clients that are counted apart."""
        return len(self._now.rows) + (len(self._before.rows) if self._before is not self._now else 0)

    def add(self, clients: Iterable[str], refused: bool) -> None:
        """Count one request for each of ``clients``, a user's name or an address."""
        now = self._wall()
        if not 0.0 <= now - self._now.since < PERIOD:
            self._before, self._now = self._now, _Counts(now)
        counted = Counter(clients)
        for client in [client for client in counted if ":" in client]:
            # before it is counted: of a /64 that sends from ever other addresses none would ever be busy
            times = counted.pop(client)
            counted[_first_address(client)] += times
        self._now.add(counted, refused)

    def report(self, name: Callable[[str], str]) -> dict[str, Any]:
        """Since when, and the busiest clients under their hashes, which ``name`` gives."""
        periods = [self._now] if self._before is self._now else [self._before, self._now]
        sums: dict[str, list[int]] = {}
        for counts in periods:
            for client, row in counts.rows.items():
                before = sums.get(client, [0, 0, 0])
                sums[client] = [a + b for a, b in zip(before, row, strict=True)]
        busiest = sorted(sums.items(), key=lambda item: -item[1][0])[:SHOWN]
        rows: dict[str, ClientRow] = {}
        for client, (requests, refusals, over) in busiest:
            text, kind = identified(client)
            shown = ClientRow(client=name(text), kind=kind, requests=requests, over=over, refusals=refusals)
            _add(rows, shown)
        return {"since": periods[0].since, "clients": list(rows.values())}


_NO_NETWORKS = (bytes(8), bytes.fromhex("0064ff9b00000000"))
"""The /64 of loopback and of IPv4 written as IPv6, mapped (RFC 4291 2.5.5.2) or translated (RFC 6052 2.1): none of one client."""


def _first_address(client: str) -> str:
    """The first address of the /64 of an IPv6 client; a user, and IPv4 that is written as IPv6, as ``identified`` reads them."""
    try:
        packed = inet_pton(AF_INET6, client)  # some 20 times as fast as ``ipaddress``
    except (OSError, ValueError):
        return client.partition("%")[0] if "%" in client and identified(client)[1] == "address" else client
    if packed[:8] in _NO_NETWORKS:
        text, _ = identified(client)
        return text.partition("/")[0]
    return inet_ntop(AF_INET6, packed[:8] + bytes(8))


@lru_cache(maxsize=REMEMBERED)
def identified(client: str) -> tuple[str, str]:
    """The text that a client is hashed by, and its kind. IPv6 clients of one /64 are one."""
    try:
        ip_address(client.partition("%")[0])
    except ValueError:
        return client, "user"
    return _address(address_key(client)), "address"


def holder(client: ClientKey) -> tuple[str, str]:
    """The same of a holder of calls to an upstream; ``service`` is the backend itself, or a trusted proxy."""
    if client is None:
        return "", "service"
    return (client, "user") if isinstance(client, str) else (_address(client), "address")


class Limited(Protocol):
    """What clients share: how many of it one of them or all may have, how many are taken, and by whom."""

    @property
    def limit(self) -> int: ...
    @property
    def taken(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    def held_by(self, most: int) -> Sequence[tuple[ClientKey, int]]: ...


def share(worker: int, upstream: str | None, limited: Limited, name: Callable[[str], str]) -> dict[str, Any]:
    """Who has what of the calls to ``upstream`` in a worker, under the hashes that ``name`` gives. None for the requests of
    which one address may have so many in flight; its limit is that of each."""
    holders = []
    for client, calls in limited.held_by(SHOWN):
        text, kind = holder(client)
        holders.append({"client": name(text) if text else None, "kind": kind, "calls": calls})
    counts = {"limit": limited.limit, "taken": limited.taken, "waiting": limited.waiting}
    return {"worker": worker, "upstream": upstream, **counts, "holders": holders}


def _address(key: bytes) -> str:
    packed = key[LENGTH_BYTES:]
    if len(packed) == 4:
        return str(IPv4Address(packed))
    return str(IPv6Network((packed.ljust(16, b"\0"), 64))) if len(packed) == 8 else packed.decode("utf-8", "replace")


def _add(rows: dict[str, ClientRow], row: ClientRow) -> None:
    """Add ``row`` to the one of the same client among ``rows``."""
    before = rows.get(row["client"])
    if before is None:
        rows[row["client"]] = row.copy()
    else:
        before["requests"] += row["requests"]
        before["over"] += row["over"]
        before["refusals"] += row["refusals"]


def merged_clients(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the workers of a run report, as one."""
    rows: dict[str, ClientRow] = {}
    for row in (row for report in reports for row in report["clients"]):
        _add(rows, row)
    busiest = sorted(rows.values(), key=lambda row: -row["requests"])[:SHOWN]
    since = min((report["since"] for report in reports), default=0.0)
    return {
        "since": rfc3339(since) if reports else None,
        "clients": busiest,
        "shares": [share for report in reports for share in report["shares"]],
    }
