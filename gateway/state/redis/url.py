"""The addresses of ``state.redis``, and the clients of redis-py for them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.core.addresses import Resolver
from gateway.core.units import parse_duration
from gateway.state.redis.address import files_of
from gateway.state.redis.bounds import BoundedParser
from gateway.state.redis.by_name import by_name
from gateway.state.store import StateError

CONNECT = 2.0  # seconds for opening a connection: TLS, Sentinel and a cluster's map take longer than a request may


class RedisClients(NamedTuple):
    """redis-py's client of one server or of a cluster, and the sentinels' if there are any."""

    server: Redis | None
    cluster: RedisCluster | None = None
    sentinels: Sentinel | None = None

    async def connect(self) -> asyncio.StreamWriter:
        """A connection as redis-py opens it: logged in, encrypted, to the master that the sentinels name."""
        assert self.server is not None
        connection: Any = self.server.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # it has no types
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        # A private attribute: redis-py has no public way to hand a connection over, and logins, TLS, sentinels and
        # unix sockets would have to be written again without it. Left where it is, redis-py closes the writer with its
        # own object.
        writer: asyncio.StreamWriter = connection._writer
        connection._reader = connection._writer = None
        return writer

    async def close(self) -> None:
        """Gives the connections back."""
        for client in self:
            if client is not None:
                with contextlib.suppress(RedisError, OSError):
                    await client.aclose()


def split_wait(url: str, timeout: float) -> tuple[str, float]:
    """``url`` without ``wait``, and how many seconds a request waits: ``timeout`` where it says nothing. Raises
    StateError."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] != "wait"]
    words = parse_qs(parts.query).get("wait")
    if not words:
        return url, timeout
    try:
        return urlunsplit(parts._replace(query=urlencode(query))), parse_duration(words[-1])
    except ValueError as error:
        raise StateError(f"state.redis: wait: {error}") from None


def clients_for(url: str, resolver: Resolver | None = None) -> RedisClients:
    """The client for ``url``, not connected yet; ``resolver`` looks its names up. Raises StateError; the password is in no sentence."""
    options: dict[str, Any] = {
        "socket_connect_timeout": CONNECT,
        "socket_timeout": None,  # the whole round trip has its time, not each read
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,  # what a connection would say of itself costs every new one two round trips
    }
    resolver = resolver or Resolver()
    try:
        parts = urlsplit(url)
        if parts.scheme == "redis+sentinel":
            return _behind_sentinels(parts, options, resolver)
        if parts.scheme == "redis+cluster":
            nodes = [ClusterNode(host, port) for host, port in _hosts(parts, 6379)]
            cluster = RedisCluster(startup_nodes=nodes, **_login(parts), **_tls(parts), **options)
            # It takes no parser, and gives what is here to the connections that it makes.
            cluster.connection_kwargs["parser_class"] = BoundedParser
            kind = cluster.connection_kwargs.get("connection_class", Connection)
            cluster.connection_kwargs["connection_class"] = by_name(kind, resolver)
            for node in cluster.nodes_manager.startup_nodes.values():
                node.connection_kwargs["parser_class"] = BoundedParser
                node.connection_class = by_name(node.connection_class, resolver)
            return RedisClients(None, cluster)
        if "ssl_keyfile" in files_of(url):
            options["ssl_password"] = ""  # without any, OpenSSL asks on the terminal for the passphrase of a key
        return RedisClients(_by_name(Redis.from_url(url, parser_class=BoundedParser, **options), resolver))
    except (ValueError, TypeError, RedisError) as error:
        raise StateError(f"state.redis is no address of a Redis: {type(error).__name__}") from None


def _by_name(client: Redis, resolver: Resolver) -> Redis:
    """``client``, whose connections are made so (``state.redis.by_name``)."""
    pool = client.connection_pool
    pool.connection_class = by_name(pool.connection_class, resolver)
    return client


def _behind_sentinels(parts: SplitResult, options: dict[str, Any], resolver: Resolver) -> RedisClients:
    """The password is the data servers'; ``?sentinel_password=`` is the sentinels' own."""
    master, _, database = parts.path.strip("/").partition("/")
    if not master:
        raise ValueError("no master is named")
    own = {"password": word[0]} if (word := parse_qs(parts.query).get("sentinel_password")) else {}
    tls = _tls(parts)
    sentinels = Sentinel(  # type: ignore[no-untyped-call]  # it has no types
        _hosts(parts, 26379), sentinel_kwargs={**options, **tls, **own}
    )
    for sentinel in sentinels.sentinels:
        _by_name(sentinel, resolver).connection_pool.connection_kwargs["parser_class"] = BoundedParser
    options["parser_class"] = BoundedParser
    server = sentinels.master_for(master, db=int(database or 0), **_login(parts), **tls, **options)
    return RedisClients(_by_name(server, resolver), None, sentinels)


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
