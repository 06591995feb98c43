"""A Redis behind a name of which addresses are dead: reached by every shape of address, on real servers."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from redis.asyncio.connection import Connection, ConnectionPool, UnixDomainSocketConnection

from gateway.core.addresses import Resolver
from gateway.state.redis.by_name import by_name
from gateway.state.redis.pipeline import Unreachable
from gateway.state.redis.store import RedisStore
from gateway.state.redis.url import clients_for
from tests.black_hole import black_hole
from tests.named_upstream import HOST, Names
from tests.state.redis.attempts import FIVE, NOON
from tests.state.redis_fixture import KEY, Server, certificate, server

TCP_OPTIONS = (socket.TCP_NODELAY, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)


async def reached(url: str, names: Names) -> bool:
    store = RedisStore(url, KEY, timeout=2.0, resolver=Resolver(names))
    try:
        await store.ping()
        return bool((await store.take([FIVE], NOON))[0].ok)
    finally:
        await store.close()


@pytest.mark.parametrize("dead", [["::1"], ["127.0.0.2"], ["::1", "127.0.0.2"]], ids=str)
async def test_a_server_behind_a_name_with_dead_addresses(any_redis: Server, dead: list[str]) -> None:
    any_redis.say("FLUSHALL")
    with black_hole(dead[-1], any_redis.port):
        assert await reached(f"redis://{HOST}:{any_redis.port}", Names([*dead, "127.0.0.1"]))


async def test_a_cluster_behind_such_a_name(any_cluster: list[Server]) -> None:
    with black_hole("::1", any_cluster[0].port):
        assert await reached(f"redis+cluster://{HOST}:{any_cluster[0].port}", Names(["::1", "127.0.0.1"]))


async def test_tls_at_the_address_that_has_it(tmp_path: Path) -> None:
    paths = certificate(tmp_path / "tls")
    options = ("--tls-cert-file", str(paths[0]), "--tls-key-file", str(paths[1]), "--tls-auth-clients", "no")
    with server(tmp_path / "redis", *options, tls=True) as secured, black_hole("127.0.0.2", secured.port):
        url = f"rediss://{HOST}:{secured.port}?ssl_ca_certs={paths[0]}&ssl_check_hostname=false"
        assert await reached(url, Names(["127.0.0.2", "127.0.0.1"]))


async def test_all_dead_is_an_outage_with_its_cause_and_in_its_time() -> None:
    with pytest.raises(Unreachable, match=r"refused|Connect call failed"):
        await reached(f"redis://{HOST}:9", Names(["::1", "127.0.0.1"]))
    with black_hole("127.0.0.2", 16379), pytest.raises(Unreachable, match=r"in time|Timeout"):
        await reached(f"redis://{HOST}:16379", Names(["127.0.0.2"]))


async def test_a_name_server_that_fails_leaves_the_last_known_address(any_redis: Server) -> None:
    names = Names(["127.0.0.1"])
    store = RedisStore(f"redis://{HOST}:{any_redis.port}", KEY, timeout=2.0, resolver=Resolver(names))
    await store.ping()
    names.error = OSError("no name server")
    any_redis.say("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    for _ in range(2):
        try:
            await store.ping()
            break
        except Unreachable:
            continue  # the kill was noticed only now
    else:
        raise AssertionError("not reached again")
    await store.close()


@pytest.mark.parametrize("query", ["", "?socket_keepalive=false"])
async def test_the_socket_has_the_options_that_redis_py_gives_it(query: str) -> None:
    """Else a connection whose peer is gone without a word stays for as long as nobody uses it."""
    peer = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    pool = ConnectionPool.from_url(f"redis://127.0.0.1:{peer.sockets[0].getsockname()[1]}{query}")
    shown = []
    for kind in (Connection, by_name(Connection, Resolver())):
        made = kind(**pool.connection_kwargs)
        await made._connect()
        sock = made._writer.get_extra_info("socket")
        names = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE), *((socket.IPPROTO_TCP, each) for each in TCP_OPTIONS))
        shown.append([sock.getsockopt(*name) for name in names])
        await made.disconnect()
    peer.close()
    assert shown[0] == shown[1]
    assert shown[1][:2] == [0 if query else 1, 1]


def test_sentinels_and_what_they_name_are_found_so_and_a_unix_socket_is_not() -> None:
    clients = clients_for("redis+sentinel://one:1,two:2/master?tls=true")
    assert clients.server is not None and clients.sentinels is not None
    pools = [one.connection_pool for one in (clients.server, *clients.sentinels.sentinels)]
    assert [pool.connection_class.__name__ for pool in pools] == [
        "SentinelManagedSSLConnectionByName",
        "SSLConnectionByName",
        "SSLConnectionByName",
    ]
    assert by_name(UnixDomainSocketConnection, Resolver()) is UnixDomainSocketConnection
