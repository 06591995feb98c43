"""An upstream that fails, over real sockets: what clients get, what reaches it, and how it comes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.core.exchange import Exchange
from gateway.demo.toolkit import DemoToolkit
from gateway.policy.base.stage import Stage
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.proxy.own_route import use_stages
from tests.upstream_fixture import Response, running_upstream, wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  toolkit:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 300ms, response: 300ms}}
    request_headers: {{set: {{authorization: Bearer key}}}}
    breaker: external
  stt:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 300ms, response: 300ms}}
    request_headers: {{set: {{authorization: Bearer key}}}}
    breaker: external
    fallback: stt-mock
  tutor:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 300ms, response: 300ms}}
    trpc: {{prefix: /api/trpc}}
    breaker: external
    fallback: stt-mock
routes:
  - {{name: text, paths: [/text], methods: [POST], upstream: toolkit, rewrite: /text/llm/, auth: public}}
  - {{name: speech, paths: [/speech], methods: [POST], upstream: stt, rewrite: /stt/transcribe/, auth: public}}
  - {{name: lessons, procedures: ["lessons.*"], upstream: tutor, auth: public}}
"""
RESTING = """\
breakers:
  external: {failures: 5, recover_after: 60s, count: [connect, timeout, broken, 500]}
fallbacks:
  stt-mock: {json: {text: "", mock: true}}
"""
MOCK = {"text": "", "mock": True}


@dataclass
class Breaking:
    gateway: Running
    toolkit: DemoToolkit
    now: float = 1_767_268_800.0

    async def post(self, path: str, body: bytes = b"{}") -> Response:
        async with wire(self.gateway.port) as client:
            head = (
                f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            )
            return await client.ask(head.encode() + b"\r\n" + body)


@contextlib.asynccontextmanager
async def breaking(url: str = "", policies: str = RESTING) -> AsyncIterator[Breaking]:
    async with DemoToolkit() as toolkit:
        made = Breaking(None, toolkit)  # type: ignore[arg-type]  # the gateway needs its clock first
        entry = ENTRY.format(url=url or toolkit.url)
        async with running_gateway(entry, policies=POLICIES + policies, wall=lambda: made.now) as made.gateway:
            yield made


MODES = [
    ("fail", 500, ""),
    ("hang", 504, "upstream_timeout"),
    ("reset", 502, "upstream_broken"),
    ("garbage", 502, "upstream_broken"),
]


@pytest.mark.parametrize(("mode", "status", "reason"), MODES)
async def test_the_fallback_stands_in_where_nothing_came_and_while_it_rests(
    mode: str, status: int, reason: str
) -> None:
    async with breaking() as here:
        here.toolkit.set_mode(mode)
        first = await here.post("/speech")
        if reason:
            assert (first.status, json.loads(first.body), first[b"x-gateway-fallback"]) == (200, MOCK, b"stt-mock")
        else:
            assert (first.status, b"x-gateway-fallback" in first) == (status, False), "the upstream's own answer"
        for _ in range(4):
            await here.post("/speech")
        resting = await here.post("/speech")
        assert (resting.status, json.loads(resting.body)) == (200, MOCK)
        assert resting[b"x-gateway-fallback"] == b"stt-mock"
        last = here.gateway.seen.exchanges[-1]
        assert (last.status, last.reason, last.fallback) == (200, "upstream_resting", "stt-mock")
        assert here.toolkit.requests == 5
        here.toolkit.set_mode("ok")
        assert (await here.post("/text")).status == 200, "the other upstream has a circuit of its own"


async def test_of_200_waiting_clients_one_tries_the_upstream_and_it_comes_back() -> None:
    async with breaking() as here:
        here.toolkit.set_mode("fail")
        for _ in range(5):
            await here.post("/speech")
        here.toolkit.set_mode("hang")
        here.now += 60
        crowd = [asyncio.create_task(here.post("/speech")) for _ in range(200)]
        await eventually(lambda: here.toolkit.requests > 5)
        here.toolkit.set_mode("ok")
        responses = await asyncio.gather(*crowd)
        real = [response for response in responses if b"x-gateway-fallback" not in response]
        late = here.toolkit.requests - 6  # those that came when the try had gone well already
        assert len(real) == 1 + late
        assert {response.status for response in responses} == {200}
        assert json.loads((await here.post("/speech")).body)["text"] == "hola mundo"


async def test_a_try_that_fails_lets_it_rest_again_and_only_one_call_was_spent() -> None:
    async with breaking() as here:
        here.toolkit.set_mode("hang")
        for _ in range(5):
            await here.post("/speech")
        here.now += 60
        responses = await asyncio.gather(*(here.post("/speech") for _ in range(200)))
        assert here.toolkit.requests == 6
        assert all(response[b"x-gateway-fallback"] == b"stt-mock" for response in responses)
        here.now += 59
        await here.post("/speech")
        assert here.toolkit.requests == 6


async def test_a_client_that_leaves_its_try_makes_room_for_the_next() -> None:
    async with breaking() as here:
        here.toolkit.set_mode("fail")
        for _ in range(5):
            await here.post("/speech")
        here.toolkit.set_mode("hang")
        here.now += 60
        trying = asyncio.create_task(here.post("/speech"))
        await eventually(lambda: here.toolkit.requests > 5)
        trying.cancel()
        await eventually(lambda: len(here.gateway.seen.exchanges) >= 6)
        here.toolkit.set_mode("ok")
        assert b"x-gateway-fallback" not in await here.post("/speech")


async def test_clients_that_leave_do_not_open_it() -> None:
    async with breaking() as here:
        here.toolkit.set_mode("hang")
        leaving = [asyncio.create_task(here.post("/speech")) for _ in range(20)]
        await eventually(lambda: here.toolkit.requests >= 20)
        for client in leaving:
            client.cancel()
        await eventually(lambda: len(here.gateway.seen.exchanges) >= 20)
        assert {exchange.status for exchange in here.gateway.seen.exchanges} == {0}
        here.toolkit.set_mode("ok")
        assert b"x-gateway-fallback" not in await here.post("/speech")


async def test_a_malformed_upload_answered_503_does_not_open_it_where_the_breaker_ignores_it() -> None:
    answered = b"HTTP/1.1 503 \r\ncontent-length: 0\r\n\r\n"
    ignoring = RESTING.replace("500]}", "503], ignore: {speech: [503]}}")
    async with running_upstream(answered) as upstream, breaking(upstream.url, ignoring) as here:
        for _ in range(20):
            assert (await here.post("/speech")).status == 503
        assert len(upstream.requests) == 20
        for _ in range(20):
            await here.post("/text")
        assert len(upstream.requests) == 25, "on every other route it counts"


async def test_what_clients_send_wrong_does_not_open_it() -> None:
    async with breaking() as here:
        for _ in range(20):
            assert (await here.post("/speech%ff")).status == 400
        async with (
            running_upstream(b"HTTP/1.1 422 \r\ncontent-length: 0\r\n\r\n") as upstream,
            breaking(upstream.url) as other,
        ):
            for _ in range(20):
                assert (await other.post("/speech")).status == 422
        assert (await here.post("/speech")).status == 200


async def test_trpc_calls_get_a_result_each() -> None:
    async with breaking("http://127.0.0.1:1") as here:
        response = await here.post(
            "/api/trpc/lessons.submit,lessons.submit?batch=1", b'{"0":{"json":1},"1":{"json":1}}'
        )
        assert (response.status, json.loads(response.body)) == (200, [{"result": {"data": {"json": MOCK}}}] * 2)
        assert response[b"x-gateway-fallback"] == b"stt-mock"


class Spied:
    """A transport that notes when something leaves."""

    def __init__(self, transport: Any, order: list[str]) -> None:
        self._transport = transport
        self._order = order

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._order.append("answered")
        self._transport.write(data)


@pytest.mark.parametrize("ending", ["", "connection: close\r\n"], ids=["kept", "closed"])
@pytest.mark.parametrize("path", ["/text", "/speech"])
@pytest.mark.parametrize("failure", ["gone", "500"])
async def test_a_client_that_has_the_response_finds_the_failure_counted(
    failure: str, path: str, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else another worker could still let a call through that the client makes because of the response."""
    order: list[str] = []
    broken = b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"
    request = f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n"
    async with running_upstream(broken) as upstream:
        url = "http://127.0.0.1:1" if failure == "gone" else upstream.url
        async with breaking(url) as here, wire(here.gateway.port) as client:
            await client.ask(f"{request}\r\n{{}}".encode())  # after which there is a kept connection
            record_outcome = here.gateway.store.record_outcome

            def noted(*arguments: Any) -> Any:
                order.append("counted")
                return record_outcome(*arguments)

            monkeypatch.setattr(here.gateway.store, "record_outcome", noted)
            (connection,) = here.gateway.server.clients
            connection.transport = Spied(connection.transport, order)  # type: ignore[assignment]  # all that is asked of it
            response = await client.ask(f"{request}{ending}\r\n{{}}".encode())
    assert response.status == {"gone": 502, "500": 500}[failure] if path == "/text" else 200
    assert order == ["counted", "answered"]


class Faulty(Stage):
    """A stage with a fault on the way back."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def on_response(self, exchange: Exchange) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [(ZeroDivisionError, 500, "internal_error"), (MemoryError, 503, "upstream_busy")],
    ids=["bug", "no memory"],
)
async def test_a_fault_of_the_gateway_after_a_failed_call_does_not_open_it(
    error: type[Exception], status: int, reason: str
) -> None:
    async with breaking("http://127.0.0.1:1") as here:
        breaker = here.gateway.runtime.breakers["tutor"]
        use_stages(here.gateway, [breaker, Faulty(error)])
        for _ in range(6):
            assert (await here.post("/text")).status == status
        assert breaker.circuit().state == "closed"
        seen = here.gateway.seen
        assert {exchange.reason for exchange in seen.exchanges} == {reason}
        assert len(seen.shortages) == (6 if error is MemoryError else 0)
        assert len(seen.events) == 6 - len(seen.shortages), "a bug, or a shortage, and never both"
