"""The egress listener over real sockets: what it takes, from whom, and what it shares with the public one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from gateway.demo.toolkit import DemoToolkit
from gateway.proxy.server.server import Server
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, Recorder, Running, running_gateway
from tests.upstream_fixture import Response, wire

KEY = "a-toolkit-key-that-nobody-may-see"
ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {{egress: {{host: 127.0.0.1, port: 0}}}}
upstreams:
  toolkit:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 300ms, response: 200ms}}
    request_headers: {{set: {{authorization: "Bearer ${{TOOLKIT_API_KEY}}"}}}}
    breaker: external
    fallback: resting
  tutor:
    endpoints: [{{url: "{url}"}}]
    trpc: {{prefix: /api/trpc}}
defaults: {{auth: access-token, cors: app, rate_limits: [per-client], body: json, response_headers: secure}}
routes:
  - {{name: text, paths: [/api/text], methods: [POST], upstream: toolkit, rewrite: /text/llm/, auth: public}}
  - {{name: lessons, procedures: ["lessons.*"], upstream: tutor}}
  - {{name: toolkit-out, listener: egress, paths: [/text/llm/, /text/llm], methods: [POST], upstream: toolkit, rewrite: /text/llm/, body: any}}
  - {{name: closed-out, listener: egress, paths: [/images/edit/], methods: [POST], deny: "not needed"}}
"""
RESTING = """\
breakers:
  external: {failures: 3, recover_after: 60s, count: [connect, timeout, broken, 500]}
fallbacks:
  resting: {status: 503, json: {error: resting}}
"""


@dataclass
class Place:
    gateway: Running
    toolkit: DemoToolkit
    egress: Server
    seen: Recorder
    port: int

    async def out(
        self, path: str = "/text/llm/", method: str = "POST", host: str = "127.0.0.1", more: str = ""
    ) -> Response:
        """A call as the backend makes it."""
        return await self._ask(self.port, method, path, f"host: {host}\r\n{more}")

    async def public(self, path: str = "/api/text") -> Response:
        """A call as a client makes it."""
        return await self._ask(self.gateway.port, "POST", path, "host: a\r\n")

    @staticmethod
    async def _ask(port: int, method: str, path: str, fields: str) -> Response:
        head = f"{method} {path} HTTP/1.1\r\n{fields}content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
        async with wire(port) as client:
            return await client.ask(head.encode())


@contextlib.asynccontextmanager
async def place() -> AsyncIterator[Place]:
    policies = POLICIES.replace("bodies:\n", "bodies:\n  any: {max: 10MB}\n") + RESTING
    async with (
        DemoToolkit(KEY) as toolkit,
        running_gateway(ENTRY.format(url=toolkit.url), {"TOOLKIT_API_KEY": KEY}, policies=policies) as gateway,
    ):
        seen = Recorder()
        egress = Server(gateway.server.dispatcher.limits, seen)
        egress.swap(gateway.runtime.egress)
        sock = socket.create_server(("127.0.0.1", 0))
        await egress.start(sock)
        try:
            yield Place(gateway, toolkit, egress, seen, sock.getsockname()[1])
        finally:
            await egress.drain(1.0)


def reason(response: Response) -> str:
    found: str = json.loads(response.body)["reason"]
    return found


@pytest.mark.parametrize("more", ["", "authorization: Bearer backends-own\r\n", "authorization: Basic eDp5\r\n"])
async def test_the_backend_is_answered_and_the_key_is_put_in_place_of_its_own(more: str) -> None:
    async with place() as here:
        response = await here.out(more=more)
        assert (response.status, json.loads(response.body)) == (200, {"completion": "Hola. Soy la demostración."})
        assert not [name for name, _ in response.fields if name.startswith(b"access-control-")]
        (_, target, fields) = here.toolkit.heads[0]
        assert target == "/text/llm/"
        assert [value for name, value in fields if name.lower() == b"authorization"] == [f"Bearer {KEY}".encode()]
        assert KEY.encode() not in response.body + b"".join(value for _, value in response.fields)
        assert [exchange.route.name for exchange in here.seen.exchanges] == ["toolkit-out"]
        assert here.gateway.seen.exchanges == []


async def test_a_call_may_come_once_through_each_listener() -> None:
    """A service that a client's request leads to may call back by way of egress; what comes round there is a loop."""
    async with place() as here:
        await here.public()
        await here.out()
        public, egress = [
            value.decode() for _, _, found in here.toolkit.heads for name, value in found if name == b"via"
        ]
        assert (await here.out(more=f"via: {public}\r\n")).status == 200
        refused = await here.out(more=f"via: {public}, {egress}\r\n")
        assert (refused.status, reason(refused)) == (508, "loop_detected")


async def test_calls_that_come_together_are_all_answered() -> None:
    async with place() as here, contextlib.AsyncExitStack() as stack:
        backends = [await stack.enter_async_context(wire(here.port)) for _ in range(5)]
        await eventually(lambda: len(here.egress.clients) == 5)
        for connection in here.egress.clients:  # in one iteration of the loop
            connection.data_received(
                b"POST /text/llm/ HTTP/1.1\r\nhost: 127.0.0.1\r\n"
                b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
            )
        async with asyncio.timeout(5):
            assert [(await backend.response()).status for backend in backends] == [200] * 5


@pytest.mark.parametrize(
    "path", ["/", "/api/text", "/text/llm/x", "/api/trpc/lessons.getAll", "/health", "/health/live"]
)
async def test_what_is_not_a_route_of_its_own_is_not_there(path: str) -> None:
    async with place() as here:
        response = await here.out(path)
        assert (response.status, reason(response)) == (404, "no_route")
        assert here.toolkit.requests == 0
        assert here.seen.exchanges[-1].route.name == "egress-unmatched"


@pytest.mark.parametrize("path", ["/text/llm/", "/text/llm", "/images/edit/"])
async def test_clients_do_not_reach_its_routes(path: str) -> None:
    async with place() as here:
        response = await here.public(path)
        assert (response.status, reason(response)) == (404, "no_route")
        assert here.toolkit.requests == 0


async def test_methods_and_closed_routes_hold_as_anywhere() -> None:
    async with place() as here:
        response = await here.out(method="GET")
        assert (response.status, response[b"allow"]) == (405, b"POST")
        assert (await here.out("/images/edit/")).status == 403
        assert here.toolkit.requests == 0


STRANGERS = [
    ({"more": "origin: https://evil.example\r\n"}, "origin_refused"),
    ({"more": "origin: http://127.0.0.1:8181\r\n"}, "origin_refused"),
    ({"more": "origin: null\r\n"}, "origin_refused"),
    ({"more": "sec-fetch-site: none\r\n"}, "origin_refused"),
    ({"host": "rebound.evil.example"}, "host_refused"),
    ({"host": "rebound.evil.example:8181"}, "host_refused"),
    ({"host": "localhost.evil.example"}, "host_refused"),
    ({"host": "10.0.0.5"}, "host_refused"),
]


@pytest.mark.parametrize(("asked", "slug"), STRANGERS)
@pytest.mark.parametrize("path", ["/text/llm/", "/nothing"])
async def test_a_web_page_or_a_name_pointed_here_learns_nothing(asked: dict[str, str], slug: str, path: str) -> None:
    async with place() as here:
        response = await here.out(path, **asked)
        assert (response.status, reason(response)) == (403, slug)
        preflight = await here.out(
            path,
            method="OPTIONS",
            more="access-control-request-method: POST\r\n" + asked.get("more", ""),
            host=asked.get("host", "localhost"),
        )
        assert (preflight.status, reason(preflight)) == (403, slug)
        assert not [name for name, _ in preflight.fields if name.startswith(b"access-control-")]
        assert here.toolkit.requests == 0


@pytest.mark.parametrize("host", ["localhost", "localhost:8181", "127.0.0.1:8181", "[::1]:8181"])
async def test_this_machine_goes_by_several_names(host: str) -> None:
    async with place() as here:
        assert (await here.out(host=host)).status == 200


@pytest.mark.parametrize("first", ["out", "public"])
async def test_what_one_side_found_out_holds_for_the_other(first: str) -> None:
    async with place() as here:
        here.toolkit.set_mode("hang")
        one, other = (here.out, here.public) if first == "out" else (here.public, here.out)
        began = asyncio.get_running_loop().time()
        for _ in range(3):
            response = await one()
            assert (response.status, reason(response), response[b"x-gateway-fallback"]) == (
                503,
                "upstream_timeout",
                b"resting",
            )
        response = await other()
        assert (response.status, reason(response)) == (503, "upstream_resting")
        assert asyncio.get_running_loop().time() - began < 2
        assert here.toolkit.requests == 3


async def test_both_sides_share_connections() -> None:
    async with place() as here:
        await here.out()
        await here.public()
        runtime = here.gateway.runtime
        assert len(runtime.upstreams["toolkit"].pool.open) == 1


async def test_it_serves_while_the_public_listener_ends() -> None:
    async with place() as here:
        await here.out()
        runtime = here.gateway.runtime
        pool = runtime.upstreams["toolkit"].pool
        for connection in list(pool.open):
            connection.close()
        while pool.open:
            await asyncio.sleep(0)
        await here.gateway.server.drain(1.0)
        await runtime.close()
        assert (await here.out()).status == 200
        here.toolkit.set_mode("hang")
        response = await here.out()
        assert (response.status, reason(response)) == (503, "upstream_timeout"), "time limits hold to the end"
