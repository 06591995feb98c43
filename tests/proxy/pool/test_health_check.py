"""Active health checks over real sockets: what is asked, what counts as well, and when an endpoint goes and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.upstream_settings import HealthCheckSettings
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.health_check import HealthChecker
from gateway.proxy.pool.pool import Pool
from tests.eventually import eventually
from tests.upstream_fixture import Upstream as Fake
from tests.upstream_fixture import running_upstream

WELL = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
ILL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


class Checked:
    """A pool with its checker, and the events it tells."""

    def __init__(self, *ports: int, **settings: Any) -> None:
        self.events: asyncio.Queue[tuple[str, dict[str, object]]] = asyncio.Queue()
        self.pool = Pool(
            [Endpoint("127.0.0.1", port, None) for port in ports],
            connect=1,
            response=5,
            silence=1,
            idle=4,
            max_connections=10,
        )
        chosen = {"path": "/health", "interval": 0.005, "timeout": 1, **settings}
        self.checker = HealthChecker(
            self.pool,
            HealthCheckSettings.model_validate(chosen),
            lambda name, **fields: self.events.put_nowait((name, fields)),
            lambda: 0.5,
        )

    async def event(self) -> str:
        async with asyncio.timeout(5):
            name, fields = await self.events.get()
        assert fields["endpoint"] == self.pool.endpoints[0].label
        return name


@contextlib.asynccontextmanager
async def checking(*ports: int, **settings: Any) -> AsyncIterator[Checked]:
    made = Checked(*ports, **settings)
    made.checker.start()
    try:
        yield made
    finally:
        await made.checker.stop()
        await made.pool.close()


async def test_an_endpoint_goes_after_so_many_bad_checks_and_comes_back_after_so_many_good_ones():
    async with (
        running_upstream(ILL) as fake,
        running_upstream(WELL) as other,
        checking(fake.port, other.port, unhealthy=3, healthy=4) as checked,
    ):
        first = checked.pool.endpoints[0]
        assert await checked.event() == "endpoint_unhealthy"
        assert len(fake.requests) == 3
        assert not first.healthy
        assert {checked.pool.choose(set()) for _ in range(20)} == {checked.pool.endpoints[1]}
        fake.response = WELL
        before = len(fake.requests)
        assert await checked.event() == "endpoint_healthy"
        assert 4 <= len(fake.requests) - before <= 5
        assert {checked.pool.choose(set()) for _ in range(40)} == set(checked.pool.endpoints)
        assert first.failures == 0


async def test_an_endpoint_that_has_never_responded_is_known_at_once_and_gets_calls_until_it_is_out():
    async def closing(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.close()

    async with (
        running_upstream(script=closing) as dead,
        running_upstream(ILL) as ill,
        checking(dead.port, ill.port, unhealthy=1000) as checked,
    ):
        first, second = checked.pool.endpoints
        await eventually(lambda: first.never_responded and len(ill.requests) > 3)
        assert first.healthy
        assert not second.never_responded, "so many bad responses take it out as are written"
        dead.script, dead.response = None, WELL
        await eventually(lambda: not first.never_responded)
        dead.script, before = closing, len(dead.requests)
        await eventually(lambda: len(dead.requests) > before + 3)
        assert not first.never_responded, "nor does it count again once it was alive"


async def test_one_check_that_says_otherwise_ends_the_row():
    responses = iter([ILL, ILL, WELL, ILL, ILL, WELL, ILL, ILL, ILL])

    async def script(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(next(responses, WELL))

    async with running_upstream(script=script) as fake, checking(fake.port, unhealthy=3) as checked:
        assert await checked.event() == "endpoint_unhealthy"
        assert len(fake.requests) == 9


async def test_a_check_is_one_get_for_the_path_on_a_connection_of_its_own():
    async with running_upstream(WELL) as fake:
        checked = Checked(fake.port)
        assert await checked.checker.check(checked.pool.endpoints[0]) is True
        assert fake.requests[0].line == b"GET /health HTTP/1.1"
        assert fake.requests[0].fields == [
            (b"host", f"127.0.0.1:{fake.port}".encode()),
            (b"connection", b"close"),
        ]
        assert checked.pool.endpoints[0].idle == []
        named = Checked(fake.port, host="backend.example")
        assert await named.checker.check(named.pool.endpoints[0]) is True
        assert fake.requests[1].all(b"host") == [b"backend.example"]


@pytest.mark.parametrize(
    ("status", "expect", "well"),
    [
        (200, None, True),
        (404, None, True),
        (500, None, False),
        (204, ["200"], False),
        (204, ["200-299"], True),
        (301, ["200-299"], False),
        (301, ["200-299", 301], True),
    ],
)
async def test_what_is_expected_is_well(status, expect, well):
    more = {} if expect is None else {"expect": expect}
    async with running_upstream(b"HTTP/1.1 %d \r\ncontent-length: 0\r\n\r\n" % status) as fake:
        checked = Checked(fake.port, **more)
        assert await checked.checker.check(checked.pool.endpoints[0]) is well


async def test_silence_garbage_and_nobody_are_not_well():
    async def hang(fake: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        await reader.read()

    async with running_upstream(script=hang) as fake:
        checked = Checked(fake.port, timeout=0.05)
        began = asyncio.get_running_loop().time()
        assert await checked.checker.check(checked.pool.endpoints[0]) is False
        assert asyncio.get_running_loop().time() - began < 0.5
        fake.script, fake.response = None, b"nonsense\r\n\r\n"
        assert await checked.checker.check(checked.pool.endpoints[0]) is False
    assert await checked.checker.check(checked.pool.endpoints[0]) is False


async def test_a_full_pool_says_nothing_about_the_endpoint():
    async with running_upstream(WELL) as fake:
        checked = Checked(fake.port)
        checked.pool.max_connections = 0
        assert await checked.checker.check(checked.pool.endpoints[0]) is None
        with pytest.raises(UpstreamError, match="are open"):
            await checked.pool.connect(checked.pool.endpoints[0])


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 100))
def test_a_pause_is_the_interval_give_or_take_the_jitter(drawn, jitter, interval):
    check = HealthCheckSettings(path="/health", interval=interval, jitter=jitter)
    seconds = HealthChecker(None, check, print, lambda: drawn).pause()  # type: ignore[arg-type]  # a pause asks no pool
    assert interval * (1 - jitter) - 1e-6 <= seconds <= interval * (1 + jitter) + 1e-6


CAUSES = {
    "status": (ILL, "status", 503),
    "refused": (None, "connect", 0),
    "closed": (b"", "reset", 0),
    "nonsense": (b"hello\r\n\r\n", "broken", 0),
}


@pytest.mark.parametrize(("response", "failure", "status"), CAUSES.values(), ids=CAUSES)
async def test_an_endpoint_that_goes_says_why(response: bytes | None, failure: str, status: int):
    async def talk(_: Fake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response or b"")

    async with contextlib.AsyncExitStack() as stack:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        if response is not None:
            port = (await stack.enter_async_context(running_upstream(script=talk))).port
        checked = await stack.enter_async_context(checking(port, unhealthy=3))
        async with asyncio.timeout(5):
            name, fields = await checked.events.get()
        assert (name, fields["failures"], fields["failure"], fields.get("status", 0)) == (
            "endpoint_unhealthy",
            3,
            failure,
            status,
        )
        assert fields["address"] == f"127.0.0.1:{port}"
        assert fields["error"]
