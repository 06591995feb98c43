"""Via on the wire, and loops found by it: a gateway before itself, two before each other, and chains that are none."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import pytest

from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.proxy.requests import get
from tests.upstream_fixture import OK, Response, Upstream, running_upstream, wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
{listen}
upstreams:
  tutor:
    endpoints: [{{url: "http://127.0.0.1:{port}"}}]
{more}
routes:
  - {{name: a, paths: [/a], methods: [GET, POST], upstream: tutor, auth: public}}
"""
OWN = re.compile(rb"1\.[01] tutor-gateway-[0-9a-f]{16}-public")


def gateway_before(port: int, more: str = "", listen: str = "") -> contextlib.AbstractAsyncContextManager[Running]:
    return running_gateway(ENTRY.format(port=port, more=more, listen=listen), policies=POLICIES)


class Relay:
    """A port that leads to another one, which is known only later."""

    def __init__(self) -> None:
        self.to = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._pipe(reader, back), self._pipe(there, writer))

    @staticmethod
    async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        finally:
            writer.close()

    async def end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def relay() -> AsyncIterator[Relay]:
    made = Relay()
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.end()


async def ask(gateway: Running, request: bytes = b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n") -> Response:
    async with wire(gateway.port) as client:
        return await client.ask(request)


async def sent(fake: Upstream, request: bytes, listen: str = "") -> list[bytes]:
    async with gateway_before(fake.port, listen=listen) as gateway:
        assert (await ask(gateway, request)).status == 200
    return fake.requests[-1].all(b"via")


async def test_the_upstream_learns_who_passed_the_request_on() -> None:
    async with running_upstream() as fake:
        (alone,) = await sent(fake, get("/a"))
        assert OWN.fullmatch(alone)
        (more,) = await sent(fake, b"GET /a HTTP/1.1\r\nhost: a\r\nVia: 1.0 fred\r\nvia: 1.1 b (c, d)\r\n\r\n")
        assert more.startswith(b"1.0 fred, 1.1 b (c, d), ") and OWN.fullmatch(more.rpartition(b", ")[2])
        (old,) = await sent(fake, b"GET /a HTTP/1.0\r\nhost: a\r\n\r\n")
        assert OWN.fullmatch(old) and old.startswith(b"1.0 ")
        (named,) = await sent(fake, get("/a"), "listen: {via: acme}")
        assert named.startswith(b"1.1 acme-")


async def test_requests_of_one_connection_have_it_once_each_whatever_they_change() -> None:
    async with running_upstream() as fake, gateway_before(fake.port) as gateway, wire(gateway.port) as client:
        for number in range(3):
            await client.ask(
                b"GET /a HTTP/1.1\r\nhost: a\r\nvia: 1.0 fred\r\nx-request-id: request-%d\r\n\r\n" % number
            )
        await client.ask(b"GET /a HTTP/1.1\r\nhost: a\r\nvia: 1.0 joe\r\nx-request-id: request-9\r\n\r\n")
    values = [request.all(b"via") for request in fake.requests]
    assert [len(found) for found in values] == [1] * 4
    assert [found[0].split(b",")[0] for found in values] == [b"1.0 fred"] * 3 + [b"1.0 joe"]


@pytest.mark.parametrize(
    ("theirs", "via"),
    [
        (b"", b"1.1 tutor-gateway"),
        (b"via: 1.1 varnish\r\n", b"1.1 varnish, 1.1 tutor-gateway"),
        (b"via: 1.1 a\r\nVia: 1.0 b\r\n", b"1.1 a, 1.0 b, 1.1 tutor-gateway"),
        (b"via:\r\n", b"1.1 tutor-gateway"),
    ],
)
async def test_the_client_learns_who_passed_the_response_on(theirs: bytes, via: bytes) -> None:
    response = OK.replace(b"\r\ncontent-length", b"\r\n" + theirs + b"content-length")
    async with running_upstream(response) as fake, gateway_before(fake.port) as gateway, wire(gateway.port) as client:
        for number in range(3):
            fake.response = response.replace(b"\r\ncontent-length", b"\r\netag: %d\r\ncontent-length" % number)
            assert (await client.ask(get("/a")))[b"via"] == via
        assert b"via" not in await client.ask(get("/nowhere")), "what the gateway says itself came by nobody"


async def test_a_gateway_before_itself_makes_one_request_of_one() -> None:
    more = "    retries: {attempts: 3, on: [connect, reset, 500, 502, 503, 504, 508]}"
    async with relay() as there, gateway_before(there.port, more) as gateway:
        there.to = gateway.port
        response = await ask(gateway, b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}")
        assert response.status == 508
        assert b'"loop_detected"' in response.body
        assert gateway.seen.reasons == ["loop_detected", ""], "refused where it came in again, and passed back"
        streamed = b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n" + bytes(100_000)
        assert (await ask(gateway, streamed)).status == 508
        assert len(gateway.seen.exchanges) == 4


async def test_two_gateways_before_each_other() -> None:
    async with (
        relay() as first,
        relay() as second,
        gateway_before(second.port) as one,
        gateway_before(first.port) as two,
    ):
        first.to, second.to = one.port, two.port
        response = await ask(one)
        assert (response.status, one.seen.reasons, two.seen.reasons) == (508, ["loop_detected", ""], [""])


async def test_a_chain_of_two_gateways_of_one_name_is_no_loop() -> None:
    async with running_upstream() as fake, gateway_before(fake.port) as inner, gateway_before(inner.port) as outer:
        response = await ask(outer)
        assert (response.status, response[b"via"]) == (200, b"1.1 tutor-gateway, 1.1 tutor-gateway")
        (via,) = fake.requests[-1].all(b"via")
        assert len(set(OWN.findall(via))) == 2


@pytest.mark.parametrize("via", [b"1.1 tutor-gateway", b"1.1 tutor-gateway-0123456789abcdef-public", b"x" * 4000, b","])
async def test_no_client_gets_a_loop_by_guessing(via: bytes) -> None:
    async with running_upstream() as fake, gateway_before(fake.port) as gateway:
        assert (await ask(gateway, b"GET /a HTTP/1.1\r\nhost: a\r\nvia: %b\r\n\r\n" % via)).status == 200


async def test_a_client_learns_nothing_to_provoke_one_with() -> None:
    async with running_upstream() as fake, gateway_before(fake.port) as gateway, wire(gateway.port) as client:
        client.send(get("/a") + get("/nowhere"))
        await client.response()
        await client.response()
        (via,) = fake.requests[-1].all(b"via")
        instance = via.split(b"-")[2]
        client.send(get("/a"))
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert instance not in head


STANDING_IN = """\
version: 1
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:9"}], fallback: spare}
  spare: {endpoints: [{url: "URL"}]}
fallbacks: {spare: {upstream: spare}}
routes:
  - {name: a, paths: [/a], upstream: tutor, auth: public}
  - {name: b, paths: [/b], upstream: spare, auth: public}
"""


async def test_the_response_of_an_upstream_that_stands_in_has_it_and_so_have_those_behind_it() -> None:
    async with running_upstream() as spare, running_gateway(STANDING_IN.replace("URL", spare.url)) as gateway:
        async with wire(gateway.port) as client:
            for path in ("/b", "/a", "/b", "/a"):
                assert (await client.ask(get(path)))[b"via"] == b"1.1 tutor-gateway", path
        assert spare.connections == 1
