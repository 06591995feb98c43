"""A connection that was not made for want of the gateway's own means is nobody else's failure."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.config.upstream_settings import HealthCheckSettings
from gateway.core.shortage import Shortage
from gateway.proxy.pool.discovery import DnsDiscovery
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.health_check import HealthChecker
from gateway.proxy.pool.own_shortage import own_shortage
from gateway.proxy.pool.pool import Pool
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.upstream import Upstream
from tests.no_descriptors import no_descriptors
from tests.proxy.upstream_calls import call, responded, slug
from tests.upstream_fixture import running_upstream


class Watched:
    """A pool with one endpoint, and the shortages that it reports."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.shortages: list[tuple[Shortage, str]] = []
        self.endpoint = Endpoint(host, port, tls)
        self.pool = Pool(
            [self.endpoint],
            connect=5,
            response=5,
            silence=5,
            idle=4,
            max_connections=10,
            on_shortage=lambda kind, where: self.shortages.append((kind, where)),
        )
        self.upstream = Upstream(UpstreamAttempt("tutor", self.pool))


@asynccontextmanager
async def failing(error: Exception) -> AsyncIterator[Watched]:
    """A pool whose every attempt to connect fails with ``error``."""
    watched, loop = Watched("127.0.0.1", 9), asyncio.get_running_loop()

    async def create_connection(*_: object, **__: object) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "create_connection", create_connection)
        yield watched


async def test_without_a_descriptor_a_healthy_upstream_is_busy_and_none_of_its_failures_is_counted() -> None:
    async with running_upstream() as fake:
        watched = Watched("127.0.0.1", fake.port)
        with no_descriptors():
            assert slug(await call(watched.upstream)) == "upstream_busy"
        assert watched.shortages == [(Shortage.DESCRIPTORS, f"connecting to 127.0.0.1:{fake.port}")]
        assert watched.endpoint.failures == 0
        response = responded(await call(watched.upstream))
        response.finish()
        assert watched.pool.connector.opening == 0
        await watched.pool.close()


async def test_a_health_check_without_a_descriptor_says_nothing() -> None:
    async with running_upstream() as fake:
        watched = Watched("127.0.0.1", fake.port)
        checker = HealthChecker(watched.pool, HealthCheckSettings(path="/health"), lambda *_, **__: None)
        with no_descriptors():
            assert await checker.check(watched.endpoint) is None
        assert watched.endpoint.failures == 0


async def test_a_lookup_without_a_descriptor_says_nothing_about_the_name() -> None:
    events: list[str] = []
    watched = Watched("localhost", 9)
    names = DnsDiscovery(watched.pool, 30, lambda name, **_: events.append(name))
    with no_descriptors():
        assert slug(await call(watched.upstream)) == "upstream_busy"
        await names.look_up(watched.endpoint)
    assert {kind for kind, _ in watched.shortages} == {Shortage.DESCRIPTORS}
    assert (events, watched.endpoint.failures) == ([], 0)
    await names.look_up(watched.endpoint)
    assert events == ["resolved"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EMFILE, "Too many open files"), Shortage.DESCRIPTORS),
        (OSError(errno.ENFILE, "Too many open files in system"), Shortage.DESCRIPTORS),
        (OSError(errno.ENOBUFS, "No buffer space available"), Shortage.MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), Shortage.MEMORY),
        (MemoryError(), Shortage.MEMORY),
        (RuntimeError("can't start new thread"), Shortage.THREADS),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), Shortage.PORTS),
        (OSError("Multiple exceptions: [Errno 111] refused, [Errno 24] Too many"), Shortage.DESCRIPTORS),
    ],
    ids=repr,
)
async def test_each_kind_is_busy_and_reported(error: Exception, kind: Shortage) -> None:
    async with failing(error) as watched:
        refused = await call(watched.upstream)
        assert slug(refused) == "upstream_busy"
        assert watched.shortages == [(kind, "connecting to 127.0.0.1:9")]
        assert watched.endpoint.failures == 0


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ECONNREFUSED, "refused"),
        OSError(errno.EHOSTUNREACH, "no route"),
        OSError(errno.ENETUNREACH, "no network"),
        socket.gaierror(socket.EAI_NONAME, "not known"),
        ssl.SSLCertVerificationError(1, "unable to get local issuer certificate"),
        ssl.SSLError(1, "wrong version number"),
    ],
    ids=repr,
)
async def test_what_is_not_ours_stays_the_upstreams(error: Exception) -> None:
    async with failing(error) as watched:
        assert slug(await call(watched.upstream)) == "upstream_unreachable"
        assert (watched.shortages, watched.endpoint.failures) == ([], 1)


async def test_a_bug_stays_one() -> None:
    async with failing(RuntimeError("not what anybody thought of")) as watched:
        with pytest.raises(RuntimeError, match="thought of"):
            await watched.pool.connect(watched.endpoint)
        assert (watched.shortages, watched.pool.connector.opening) == ([], 0)


async def test_a_certificate_that_could_not_be_checked_for_want_of_a_descriptor_is_not_the_upstreams() -> None:
    error = ssl.SSLCertVerificationError(1, "unable to get local issuer certificate")
    with no_descriptors():
        assert await own_shortage(error, "127.0.0.1", 9) is Shortage.DESCRIPTORS
        assert await own_shortage(socket.gaierror(socket.EAI_AGAIN, "try again"), "localhost", 9) is (
            Shortage.DESCRIPTORS
        )
    assert await own_shortage(error, "127.0.0.1", 9) is None


async def test_no_address_of_the_family_is_not_a_want_of_ports() -> None:
    """Class E has no route anywhere: connecting fails before a port is looked for, as it does to ::1 without IPv6."""
    error = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    assert await own_shortage(error, "127.0.0.1", 9) is Shortage.PORTS
    assert await own_shortage(error, "ff02::1%nowhere", 9) is None
    assert await own_shortage(error, "nowhere.invalid", 9) is None
