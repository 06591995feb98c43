"""The verbs over Redis: one memory for all replicas (this file is redis-py's door).

A verb is one Lua script over all keys of its call, and what the requests of one turn of the event loop ask for shares
one round trip. Nothing is retried here: who waits 50 ms for Redis is served by the embedded store (``fallback``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from hiredis import Reader
from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from gateway.core.units import parse_duration
from gateway.state.redis.cluster import Cluster
from gateway.state.redis.connection import PipelinedConnection, command
from gateway.state.redis.leases import HOLD, Lease, Lent
from gateway.state.redis.lockouts import SharedAttempts
from gateway.state.redis.pipeline import Call, Pipeline, Script, Transport, Unreachable, resolve, unreachable
from gateway.state.redis.revocations import SharedRevocations
from gateway.state.rules.gcra import NEVER, SECOND, Take, Taken, decide, decide_one, distinct, ticks
from gateway.state.store import StateError

TIMEOUT = 0.04
"""Seconds that a request waits for Redis; with falling over to the embedded store it is served within 50 ms."""

_CONNECT = 2.0  # seconds for opening a connection: TLS, Sentinel and a cluster's map take longer than a request may

_TAKE = Script("take")
_REFUND = Script("refund")
_LEASE = Script("lease")

Told = Callable[[Sequence[Taken] | Unreachable], None]


class RedisStore(Pipeline, SharedAttempts, SharedRevocations):
    """The Redis at ``url``: ``redis://``, ``rediss://`` (TLS), ``redis+sentinel://host:port,.../master`` or
    ``redis+cluster://host:port,...``. ``key`` is the secret under which keys are hashed, the same on every replica;
    ``timeout`` in seconds, for which ``?wait=200ms`` in the address may say something else. Belongs to one event loop;
    connects when first asked. Raises StateError.
    """

    def __init__(self, url: str, key: bytes, timeout: float = TIMEOUT) -> None:
        if not key:
            raise StateError("state.redis needs state.key: every replica has to hash names under the same one")
        url, self._timeout = _waiting(url, timeout)
        super().__init__(self._timeout)
        self._client, self._clustered, self._sentinels = _client(url)
        self._carrier: Transport = (
            Cluster(self._client, NoScriptError, _CONNECT, self._ended, self._failed)
            if self._clustered
            else PipelinedConnection(self._connect, Reader, _CONNECT, self._ended, self._failed)
        )
        self._hash = _hasher(key)
        self._spelled = lru_cache(maxsize=8192)(self._spell)
        self._worker = os.urandom(8)  # whose leases they are
        self._apart: set[asyncio.Task[None]] = set()

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``Store.take``. Raises Unreachable."""
        answer: asyncio.Future[Sequence[Taken]] = asyncio.get_running_loop().create_future()
        self.begin_take(takes, now, partial(resolve, answer))
        return await answer

    def begin_take(self, takes: Sequence[Take], now: float, told: Told) -> None:
        """``take`` for who does not wait: ``told`` is called with the answers, or with what there is in their place.

        In a cluster the keys of one call may live on different servers, where no script reaches them all: then each is
        taken by its own script, still in one round trip, and what was charged is given back when another refused.
        """
        moment = ticks(now)
        if self._clustered:
            self._ask_apart(takes, moment, told)
        elif len(takes) == 1:
            head, tail = self._spelled(takes[0])
            digits = b"%d" % moment
            spelled = b"%b$%d\r\n%b\r\n%b" % (head, len(digits), digits, tail)
            self._call(Call(_TAKE, spelled, partial(_told_one, takes[0], moment, told)))
        else:
            names = distinct([self._record(take) for take in takes])
            spelled = self._carrier.spell(_TAKE, names, [b"%d" % moment, *_prices(takes)])
            self._call(Call(_TAKE, spelled, partial(_told_all, takes, moment, told)))

    def _record(self, take: Take) -> bytes:
        return b"gw1:r:" + self._hash(take.key)

    def _spell(self, take: Take) -> tuple[bytes, bytes]:
        """The command of a take that comes alone, before the moment and after."""
        whole: bytes = self._carrier.spell(_TAKE, [self._record(take)], [b"", *_prices([take])])
        head, tail = whole.split(command(b"").removeprefix(b"*1\r\n"))
        return head, tail

    def _ask_apart(self, takes: Sequence[Take], moment: float, told: Told) -> None:
        names = distinct([self._record(take) for take in takes])
        task = asyncio.get_running_loop().create_task(self._take_apart(takes, names, moment, told))
        self._apart.add(task)
        task.add_done_callback(self._apart.discard)

    async def _take_apart(self, takes: Sequence[Take], names: list[bytes], moment: float, told: Told) -> None:
        calls = [
            self._run(_TAKE, [name], [b"%d" % moment, *_prices([take])])
            for take, name in zip(takes, names, strict=True)
        ]
        try:
            tats = [_tat(found[0]) for found in await _all(calls)]
        except BaseException as error:  # who asked waits for a word, whatever went wrong
            told(unreachable(error))
            if not isinstance(error, Exception):
                raise
            return
        charged = [
            (name, b"%d" % (_interval(take) * take.cost))
            for take, name, tat in zip(takes, names, tats, strict=True)
            if decide_one(take, tat, moment)[0].ok
        ]
        if 0 < len(charged) < len(takes):
            # When this fails the units stay charged: too little gets through then, never too much.
            with contextlib.suppress(Unreachable):
                await _all([self._run(_REFUND, [name], [b"%d" % moment, price]) for name, price in charged])
        told(decide(takes, tats, moment)[0])

    async def lend(self, take: Take, more: int, last: Lease, now: float) -> Lent:
        """See ``leases.Lender.lend``."""
        name = self._record(take)
        unit = _interval(take)
        words = [b"%d" % word for word in (ticks(now), unit, unit * take.burst)]
        words += [self._worker, last.name, b"%d" % last.used, b"%d" % take.cost, b"%d" % more]
        words.append(b"%d" % ticks(now + HOLD))
        # Its braces put the second key where a cluster keeps the first.
        units, ahead, out = await self._run(_LEASE, [name, b"gw1:l:{%b}" % name], words)
        return Lent(units, float(ahead), out)

    async def ping(self) -> None:
        """Ask for a sign of life, opening connections if need be; raises Unreachable after some two seconds."""
        await self._carrier.ping()

    async def close(self) -> None:
        """Gives the connections back. Calling it twice is harmless."""
        self._patience.close()
        for task in tuple(self._apart):
            task.cancel()
        await self._carrier.close()
        for client in (self._client, self._sentinels):
            if client is not None:
                with contextlib.suppress(RedisError, OSError):
                    await client.aclose()

    def _digest(self, of: bytes) -> bytes:
        return self._hash(of)

    async def _connect(self) -> asyncio.StreamWriter:
        """A connection as redis-py opens it: logged in, encrypted, to the master that the sentinels name."""
        connection: Any = self._client.connection_pool.make_connection()
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        # Nothing public hands a connection over; left where it is, redis-py closes it when it forgets the connection.
        writer: asyncio.StreamWriter = connection._writer
        connection._reader = connection._writer = None
        return writer


def _told_one(take: Take, moment: float, told: Told, found: Any) -> None:
    answers: Sequence[Taken] | Unreachable
    try:
        answers = (decide_one(take, _tat(found[0]), moment)[0],) if isinstance(found, list) else _instead(found)
    except (IndexError, TypeError, ValueError):
        answers = _instead(found)
    told(answers)


def _told_all(takes: Sequence[Take], moment: float, told: Told, found: Any) -> None:
    answers: Sequence[Taken] | Unreachable
    try:
        answers = decide(takes, [_tat(tat) for tat in (found if isinstance(found, list) else ())], moment)[0]
    except (TypeError, ValueError):
        answers = _instead(found)
    told(answers)


def _instead(found: Any) -> Unreachable:
    return unreachable(found if isinstance(found, Exception) else ValueError("that is no answer to what was asked"))


async def _all(answers: Sequence[asyncio.Future[Any]]) -> list[Any]:
    return list(await asyncio.gather(*answers))


def _interval(take: Take) -> float:
    return take.period * SECOND // take.limit


def _prices(takes: Sequence[Take]) -> list[bytes]:
    prices: list[bytes] = []
    for take in takes:
        interval = _interval(take)
        prices += (b"%d" % (interval * take.cost), b"%d" % (interval * take.burst))
    return prices


def _tat(found: bytes | None) -> float:
    return NEVER if found is None else float(found)


def _hasher(key: bytes) -> Callable[[bytes], bytes]:
    # BLAKE2 takes keys of up to 64 bytes (RFC 7693 2.5); a longer secret is condensed first.
    base = blake2b(key=blake2b(key).digest(), digest_size=16)

    @lru_cache(maxsize=8192)
    def hashed(of: bytes) -> bytes:
        keyed = base.copy()
        keyed.update(of)
        return keyed.hexdigest().encode()

    return hashed


def _waiting(url: str, timeout: float) -> tuple[str, float]:
    """``url`` without ``wait``, and how long a request waits."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] != "wait"]
    words = parse_qs(parts.query).get("wait")
    if not words:
        return url, timeout
    try:
        return urlunsplit(parts._replace(query=urlencode(query))), parse_duration(words[-1])
    except ValueError as error:
        raise StateError(f"state.redis: wait: {error}") from None


def _client(url: str) -> tuple[Any, bool, Any]:
    """The client for ``url``, whether it is a cluster's, and the sentinels' if there are any. Raises StateError; the password is in no sentence."""
    quiet: dict[str, Any] = {
        "socket_connect_timeout": _CONNECT,
        "socket_timeout": None,  # the whole round has its time, not each read
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,  # what a connection would say of itself costs every new one two round trips
    }
    try:
        parts = urlsplit(url)
        if parts.scheme == "redis+sentinel":
            return _behind_sentinels(parts, quiet)
        if parts.scheme == "redis+cluster":
            nodes = [ClusterNode(host, port) for host, port in _hosts(parts, 6379)]
            return RedisCluster(startup_nodes=nodes, **_login(parts), **_tls(parts), **quiet), True, None
        return Redis.from_url(url, **quiet), False, None
    except (ValueError, TypeError, RedisError) as error:
        raise StateError(f"state.redis is no address of a Redis: {type(error).__name__}") from None


def _behind_sentinels(parts: SplitResult, common: dict[str, Any]) -> tuple[Any, bool, Any]:
    """The password is the data servers'; ``?sentinel_password=`` is the sentinels' own."""
    master, _, database = parts.path.strip("/").partition("/")
    if not master:
        raise ValueError("no master is named")
    own = {"password": word[0]} if (word := parse_qs(parts.query).get("sentinel_password")) else {}
    tls = _tls(parts)
    sentinels: Any = Sentinel(  # type: ignore[no-untyped-call]  # it has no types
        _hosts(parts, 26379), sentinel_kwargs={**common, **tls, **own}
    )
    client = sentinels.master_for(master, db=int(database or 0), **_login(parts), **tls, **common)
    return client, False, sentinels


def _hosts(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    """``host:port,host:port``; an IPv6 address stands in brackets."""
    found = []
    for part in parts.netloc.rpartition("@")[2].split(","):
        one = urlsplit(f"//{part}")
        if not one.hostname:
            raise ValueError("a host is missing")
        found.append((one.hostname, one.port or port))
    return found


def _login(parts: SplitResult) -> dict[str, Any]:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    found = {"username": unquote(user), "password": unquote(password)}
    return {key: value for key, value in found.items() if value}


def _tls(parts: SplitResult) -> dict[str, Any]:
    """``?tls=true``, with the file of the authority in ``ssl_ca_certs`` as for ``rediss://``."""
    query = parse_qs(parts.query)
    if query.get("tls") != ["true"]:
        return {}
    return {"ssl": True, **({"ssl_ca_certs": query["ssl_ca_certs"][0]} if "ssl_ca_certs" in query else {})}
