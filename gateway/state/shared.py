"""The verbs over Redis: one memory for all replicas (this file is redis-py's door).

A verb is one Lua script over all keys of its call, and what the requests of one turn of the event loop ask for shares
one round trip. Nothing is retried here: who waits 50 ms for Redis is served by the embedded store (``fallback``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from gateway.core.units import parse_duration
from gateway.state.gcra import NEVER, SECOND, distinct, settle, settle_one, ticks
from gateway.state.leases import HOLD, Lease, Lent
from gateway.state.patience import Patience
from gateway.state.shared_attempts import Script, SharedAttempts
from gateway.state.shared_revocations import SharedRevocations
from gateway.state.verbs import StateError, Take, Taken

TIMEOUT = 0.04
"""Seconds that a request waits for Redis; with falling over to the embedded store it is served within 50 ms."""

_ROUNDS = 4  # round trips under way at once; what comes meanwhile waits and shares the next one
_CALLS = 64  # scripts in a round trip: 1 or 2 ms of Redis, so that it answers somebody all the time while it is busy
_CONNECT = 2.0  # seconds for opening a connection: TLS, Sentinel and a cluster's map take longer than a request may


class Unreachable(Exception):
    """Redis did not answer in time, or not with what was asked for. The sentence says why, without secrets."""


_TAKE = Script("take")
_REFUND = Script("refund")
_LEASE = Script("lease")


class _Call(NamedTuple):
    script: Script
    keys: Sequence[bytes]
    arguments: Sequence[Any]
    answer: asyncio.Future[Any]


class SharedStore(SharedAttempts, SharedRevocations):
    """The Redis at ``url``: ``redis://``, ``rediss://`` (TLS), ``redis+sentinel://host:port,.../master`` or
    ``redis+cluster://host:port,...``. ``key`` is the secret under which keys are hashed, the same on every replica;
    ``timeout`` in seconds,
    for which ``?wait=200ms`` in the address may say something else. Belongs to one event loop; connects when first asked. Raises StateError.
    """

    def __init__(self, url: str, key: bytes, timeout: float = TIMEOUT) -> None:
        if not key:
            raise StateError("state.redis needs state.key: every replica has to hash names under the same one")
        url, self._timeout = _waiting(url, timeout)
        self._patience = Patience(self._timeout)
        self._client, self._clustered, self._sentinels = _client(url)
        self._hash = _hasher(key)
        self._worker = os.urandom(8)  # whose leases they are
        self._queue: list[_Call] = []
        self._called = False
        self._rounds: set[asyncio.Task[None]] = set()

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``Store.take``. Raises Unreachable.

        In a cluster the keys of one call may live on different servers, where no script reaches them all: then each is
        taken by its own script, still in one round trip, and what was charged is given back when another refused.
        """
        moment = ticks(now)
        names = distinct([b"gw1:r:" + self._hash(take.key) for take in takes])
        if len(takes) == 1 or not self._clustered:
            found = await self._run(_TAKE, names, [b"%d" % moment, *_prices(takes)])
            if len(takes) == 1:
                return (settle_one(takes[0], _tat(found[0]), moment)[0],)
            return settle(takes, [_tat(tat) for tat in found], moment)[0]
        return await self._take_apart(takes, names, moment)

    async def _take_apart(self, takes: Sequence[Take], names: list[bytes], moment: float) -> Sequence[Taken]:
        calls = [
            self._run(_TAKE, [name], [b"%d" % moment, *_prices([take])])
            for take, name in zip(takes, names, strict=True)
        ]
        tats = [_tat(found[0]) for found in await _all(calls)]
        charged = [
            (name, b"%d" % (_interval(take) * take.cost))
            for take, name, tat in zip(takes, names, tats, strict=True)
            if settle_one(take, tat, moment)[0].ok
        ]
        if 0 < len(charged) < len(takes):
            # When this fails the units stay charged: too little gets through then, never too much.
            with contextlib.suppress(Unreachable):
                await _all([self._run(_REFUND, [name], [b"%d" % moment, price]) for name, price in charged])
        return settle(takes, tats, moment)[0]

    async def lend(self, take: Take, more: int, last: Lease, now: float) -> Lent:
        """See ``leases.Lender.lend``."""
        name = b"gw1:r:" + self._hash(take.key)
        unit = _interval(take)
        words = [b"%d" % word for word in (ticks(now), unit, unit * take.burst)]
        words += [self._worker, last.name, b"%d" % last.used, b"%d" % take.cost, b"%d" % more]
        words.append(b"%d" % ticks(now + HOLD))
        # Its braces put the second key where a cluster keeps the first.
        units, ahead, out = await self._run(_LEASE, [name, b"gw1:l:{%b}" % name], words)
        return Lent(units, float(ahead), out)

    async def ping(self) -> None:
        """Ask for a sign of life, opening connections if need be; raises Unreachable after some two seconds."""
        try:
            async with asyncio.timeout(_CONNECT):
                # All connections that requests will share, so that none of them waits for one to open.
                await asyncio.gather(*(self._client.ping() for _ in range(_ROUNDS)))
        except (RedisError, OSError, TimeoutError) as error:
            raise Unreachable(_why(error)) from None

    async def close(self) -> None:
        """Gives the connections back. Calling it twice is harmless."""
        self._patience.close()
        for task in tuple(self._rounds):
            task.cancel()
        for client in (self._client, self._sentinels):
            if client is not None:
                with contextlib.suppress(RedisError, OSError):
                    await client.aclose()

    def _digest(self, of: bytes) -> bytes:
        return self._hash(of)

    def _run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[Any]) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append(_Call(script, keys, arguments, answer))
        if not self._called and len(self._rounds) < _ROUNDS:
            self._call()
        return answer

    def _call(self) -> None:
        self._called = True
        asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._called = False
        if not self._queue:
            return
        calls, self._queue = self._queue[:_CALLS], self._queue[_CALLS:]
        task = asyncio.get_running_loop().create_task(self._round(calls))
        self._rounds.add(task)
        task.add_done_callback(self._over)
        if self._queue and len(self._rounds) < _ROUNDS:
            self._call()

    def _over(self, task: asyncio.Task[None]) -> None:
        self._rounds.discard(task)
        if task.cancelled():
            self._fail(self._queue, Unreachable("closed"))
        else:
            self._send()

    async def _round(self, calls: Sequence[_Call]) -> None:
        wait, answered = None, False
        try:
            async with asyncio.timeout(None) as limit:
                wait = self._patience.begin(lambda: self._give_up(calls, limit))
                replies = await self._pipeline(calls, "EVALSHA")
                unknown = [place for place, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
                if unknown:  # a server that has just started
                    again = await self._pipeline([calls[place] for place in unknown], "EVAL")
                    for place, reply in zip(unknown, again, strict=True):
                        replies[place] = reply
                answered = True
        except (RedisError, OSError, TimeoutError) as error:
            why = Unreachable(_why(error))
            self._fail(calls, why)
            # What queued up behind has waited as long.
            self._queue, waiting = [], self._queue
            self._fail(waiting, why)
            return
        except BaseException:
            self._fail(calls, Unreachable("cut off"))
            raise
        finally:
            if wait is not None:
                self._patience.end(wait, answered)
        for call, reply in zip(calls, replies, strict=True):
            if call.answer.done():
                continue  # the client has left
            if isinstance(reply, Exception):
                call.answer.set_exception(Unreachable(_why(reply)))
            else:
                call.answer.set_result(reply)

    def _give_up(self, calls: Sequence[_Call], limit: asyncio.Timeout) -> None:
        with contextlib.suppress(RuntimeError):  # the round has just ended
            limit.reschedule(asyncio.get_running_loop().time())
            self._fail(calls, Unreachable(_why(TimeoutError())))  # closing the connection takes its time

    async def _pipeline(self, calls: Sequence[_Call], command: str) -> list[Any]:
        pipeline: Any = self._client.pipeline(transaction=False)
        for script, keys, arguments, _ in calls:
            what = script.sha if command == "EVALSHA" else script.source
            pipeline.execute_command(command, what, len(keys), *keys, *arguments)
        return list(await pipeline.execute(raise_on_error=False))

    @staticmethod
    def _fail(calls: Iterable[_Call], why: Unreachable) -> None:
        for call in calls:
            if not call.answer.done():
                call.answer.set_exception(why)
                call.answer.exception()  # looked at, should nobody wait any more


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


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{type(error).__name__}: {error}"[:200]


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
