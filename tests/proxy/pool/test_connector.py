"""A name with addresses of which some are dead, on real sockets: calls reach one that lives, and soon without waiting."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography import x509

from gateway.core.addresses import Resolver
from gateway.core.happy_eyeballs import AT_ONCE
from gateway.core.shortage import Shortage
from gateway.proxy.pool.discovery import DnsDiscovery
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.pool import Pool
from gateway.proxy.upstream.attempt import UpstreamAttempt
from gateway.proxy.upstream.upstream import Upstream
from tests.authority import Authority
from tests.black_hole import black_hole
from tests.eventually import eventually
from tests.named_upstream import HOST, Names, Servers, servers
from tests.no_descriptors import no_descriptors
from tests.proxy.upstream_calls import call, responded, slug
from tests.upstream_fixture import OK


class Named:
    """An upstream at a name whose addresses a test says, followed as without ``resolve``."""

    def __init__(self, found: Servers, names: Names, tls: ssl.SSLContext | None = None, **more: float) -> None:
        self.servers = found
        self.names = names
        self.events: list[tuple[str, str, bool]] = []
        self.shortages: list[Shortage] = []
        times = {"connect": 10.0, "response": 5.0, "silence": 5.0, "idle": 60.0, "max_connections": 10, **more}
        self.endpoint = Endpoint(HOST, found.port, tls)
        self.pool = Pool(
            [self.endpoint],
            resolver=Resolver(names),
            on_address=lambda label, address, why: self.events.append((label, address, bool(why))),
            on_shortage=lambda kind, where: self.shortages.append(kind),
            **times,  # type: ignore[arg-type]  # one of them is a number of connections
        )
        self.upstream = Upstream(UpstreamAttempt("tutor", self.pool))
        self.discovery = DnsDiscovery(self.pool, 30, lambda name, **fields: None, apart=False)

    async def ok(self) -> float:
        """A call that gets its response; the loop's seconds that it took."""
        began = self.pool.loop.time()
        response = responded(await call(self.upstream))
        assert response.status == 200
        response.finish()
        return self.pool.loop.time() - began

    async def fresh(self) -> float:
        """``ok`` on a new connection."""
        for connection in self.endpoint.idle[:]:
            connection.close()
        return await self.ok()

    async def follow(self) -> None:
        """What happens every few seconds."""
        await self.discovery.look_up(self.endpoint)
        await self.pool.connector.retry_unreachable([self.endpoint])


@contextlib.asynccontextmanager
async def named(*addresses: str, serve: tuple[str, ...] = ("127.0.0.1",), **more: float) -> AsyncIterator[Named]:
    async with servers(*serve) as found:
        made = Named(found, Names(list(addresses)), **more)
        yield made
        for connection in list(made.pool.open):
            connection.close()
        await made.pool.close()


@pytest.mark.parametrize(
    "dead",
    [("::1",), ("::1", "127.0.0.2"), ("::1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6")],
    ids=len,
)
@pytest.mark.parametrize("how", ["refuses", "swallows"])
async def test_dead_addresses_are_passed_and_the_next_call_does_not_wait_for_them(
    dead: tuple[str, ...], how: str
) -> None:
    async with named(*dead, "127.0.0.1") as here:
        with contextlib.ExitStack() as stack:
            if how == "swallows":
                for address in dead:
                    stack.enter_context(black_hole(address, here.endpoint.port))
            assert await here.ok() < 8
            assert here.endpoint.failures == 0, "the name is well"
            assert {address for _, address, why in here.events if why} == set(dead)
            for _ in range(5):
                assert await here.fresh() < 0.2
            assert len(here.events) == len(dead), "each once"


async def test_all_dead_is_a_timeout_by_the_time_there_is_and_a_refusal_at_once() -> None:
    async with named("::1", "127.0.0.2", serve=(), connect=0.3) as here:
        assert slug(await call(here.upstream)) == "upstream_unreachable"
        with black_hole("::1", here.endpoint.port):
            assert slug(await call(here.upstream)) == "upstream_connect_timeout"
        assert here.endpoint.failures == 2
        assert here.pool.connector.opening == 0


async def test_an_address_that_comes_back_is_found_without_a_call() -> None:
    async with named("127.0.0.2", "127.0.0.1") as here:
        await here.ok()
        assert here.endpoint.unreachable == {"127.0.0.2"}
        await here.follow()
        assert here.endpoint.unreachable == {"127.0.0.2"}
        await here.servers.start("127.0.0.2")
        await here.follow()
        assert here.endpoint.unreachable == set()
        assert here.events[-1] == (here.endpoint.label, "127.0.0.2", False)
        await here.fresh()
        assert here.servers.requests["127.0.0.2"] == 1


async def test_kept_connections_to_an_address_that_is_gone_end_and_those_under_way_after_their_call() -> None:
    async with named("127.0.0.2", serve=("127.0.0.1", "127.0.0.2")) as here:
        found = here.servers
        first = responded(await call(here.upstream))
        await here.ok()
        here.names.addresses = ["127.0.0.1"]
        await here.follow()
        assert not first.closed, "its call is under way"
        first.finish()
        await eventually(lambda: found.connections["127.0.0.2"] == 0)
        await here.ok()
        assert (found.requests["127.0.0.1"], here.endpoint.failures) == (1, 0)


async def test_a_new_connection_goes_where_the_name_leads_now() -> None:
    async with named("127.0.0.2", serve=("127.0.0.1", "127.0.0.2")) as here:
        found = here.servers
        await here.ok()
        here.names.addresses = ["127.0.0.1"]
        await here.fresh()
        assert found.requests == {"127.0.0.1": 1, "127.0.0.2": 1}


@pytest.mark.parametrize("trouble", ["fails", "hangs", "brings nothing"])
async def test_without_a_name_server_the_last_known_addresses_are_used(trouble: str) -> None:
    async with named("127.0.0.1") as here:
        await here.follow()
        await here.ok()
        here.names.hangs, here.names.addresses = trouble == "hangs", []
        here.names.error = OSError("no name server") if trouble == "fails" else None
        assert await here.fresh() < 2
        if trouble != "hangs":
            await here.follow()
        assert await here.ok() < 2
        assert len(here.pool.open) == 1, "and a kept connection stays"


async def test_a_name_server_that_hangs_has_one_lookup_of_a_name_however_many_call() -> None:
    async with named("127.0.0.1", connect=0.05) as here:
        here.names.hangs = True
        refused = await asyncio.gather(*(call(here.upstream) for _ in range(8)))
        assert {slug(one) for one in refused} == {"upstream_connect_timeout"}
        assert here.names.asked == 1


async def test_extra_attempts_count_as_connections() -> None:
    """Of a thousand calls to dead addresses none has more descriptors than there may be connections."""
    dead = [f"127.0.0.{number}" for number in range(2, 12)]
    async with named(*dead, connect=0.4, max_connections=6) as here:
        most = 0

        def look() -> bool:
            nonlocal most
            most = max(most, here.pool.connector.opening)
            return all(one.done() for one in calls)

        with contextlib.ExitStack() as stack:
            for address in dead:
                stack.enter_context(black_hole(address, here.endpoint.port))
            calls = [asyncio.create_task(call(here.upstream)) for _ in range(6)]
            await eventually(look)
        assert {slug(one.result()) for one in calls} == {"upstream_connect_timeout"}
        assert AT_ONCE <= most <= 7, "one that ends for another may be there for an iteration more"
        assert here.pool.connector.opening == 0


async def test_what_the_gateway_lacks_makes_no_address_unreachable() -> None:
    async with named("127.0.0.1", "127.0.0.2", serve=("127.0.0.1", "127.0.0.2")) as here:
        await here.follow()
        with no_descriptors():
            assert slug(await call(here.upstream)) == "upstream_busy"
        assert (here.endpoint.unreachable, here.endpoint.failures) == (set(), 0)
        assert here.shortages == [Shortage.DESCRIPTORS]


@pytest.mark.parametrize("trouble", ["another name", "run out", "hangs", "no TLS"])
async def test_an_address_where_tls_fails_is_passed(trouble: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "trusted")
    good = authority.server(x509.DNSName(HOST))
    trusting = ssl.create_default_context(cafile=authority.root)
    bad: Callable[[], ssl.SSLContext] = {
        "another name": lambda: authority.server(x509.DNSName("elsewhere.example")),
        "run out": lambda: authority.server(x509.DNSName(HOST), -1),
    }.get(trouble, lambda: good)
    async with servers() as found:
        await found.start("127.0.0.1", good)
        if trouble in ("no TLS", "hangs"):

            def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                found.writers.add(writer)
                if trouble == "no TLS":
                    writer.write(OK)

            found.running["127.0.0.2"] = await asyncio.start_server(serve, "127.0.0.2", found.port)
        else:
            await found.start("127.0.0.2", bad())
        here = Named(found, Names(["127.0.0.2", "127.0.0.1"]), trusting, connect=2.0)
        assert await here.ok() < 1.9, "half of the time, its share, is all that it gets"
        assert here.endpoint.unreachable == {"127.0.0.2"}
        assert await here.fresh() < 0.9
        assert found.requests["127.0.0.1"] == 2
        for connection in list(here.pool.open):
            connection.close()
        await here.pool.close()
