"""Responses without a body, informational ones and trailers on their way through the gateway, and what a call leaves."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from gateway.core.exchange import Exchange, WholeResponse
from gateway.policy.base.stage import Stage
from gateway.proxy.upstream.call import UpstreamCall
from gateway.state.lmdb.store import LmdbStore
from tests.data_plane_fixture import ENTRY, POLICIES_MORE, serving
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, running_gateway
from tests.proxy.own_route import use_stages
from tests.proxy.requests import get, post
from tests.state.lmdb.transactions import transactions
from tests.upstream_fixture import Upstream, running_upstream, wire

ANY = "/files/a"


@pytest.mark.parametrize("length", [b"", b"content-length: 5\r\n"])
async def test_head_has_a_response_without_a_body_and_with_the_length_of_one(length: bytes):
    async with serving(b"HTTP/1.1 200 OK\r\netag: a\r\n" + length + b"\r\n") as (gateway, upstream):
        async with wire(gateway.port) as client:
            for _ in range(2):  # the second would read a body that the first left over
                client.send(get("/api/info").replace(b"GET", b"HEAD", 1))
                answer = await client.response(head_only=True)
                assert (answer.status, answer[b"etag"]) == (200, b"a")
                assert (b"content-length" in answer) == bool(length)
                assert b"transfer-encoding" not in answer
            if length:
                assert answer[b"content-length"] == b"5"
        assert [received.line.split()[0] for received in upstream.requests] == [b"HEAD", b"HEAD"]
        assert not length or upstream.connections == 1


@pytest.mark.parametrize(("status", "more"), [(204, b""), (304, b"etag: a\r\n"), (304, b"content-length: 9\r\n")])
async def test_a_response_that_never_has_a_body_keeps_both_connections(status: int, more: bytes):
    async with (
        serving(b"HTTP/1.1 %d X\r\n%b\r\n" % (status, more)) as (gateway, upstream),
        wire(gateway.port) as client,
    ):
        for _ in range(3):
            answer = await client.ask(get(ANY, "if-none-match: a"))
            assert answer.status == status
            assert b"transfer-encoding" not in answer
            assert b"connection" not in answer
            assert status == 304 or b"content-length" not in answer  # RFC 9110 8.6
        assert upstream.connections == 1


async def test_trailers_come_through_except_those_that_would_change_the_response():
    trailers = b"x-sum: 1\r\nset-cookie: a=b\r\nx-powered-by: y\r\ncontent-type: text/html\r\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
    async with serving(head + b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n") as (gateway, upstream):
        async with wire(gateway.port) as client:
            for _ in range(2):
                client.send(get(ANY))
                async with asyncio.timeout(5):
                    received = await client.reader.readuntil(b"\r\n\r\n") + await client.reader.readuntil(b"\r\n\r\n")
                assert received.endswith(b"\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n")
                assert b"transfer-encoding: chunked" in received and b"content-length" not in received
            old = await client.ask(b"GET /files/a HTTP/1.0\r\nhost: g\r\n\r\n")
            assert (old.status, old.body) == (200, b"hello")  # 1.0 knows no chunks, so no trailers
        assert upstream.connections == 1


@pytest.mark.parametrize("trailer", [b"content-length: 9", b"x: \x01", b"x y: 1"])
async def test_a_trailer_that_could_be_read_as_framing_or_not_at_all_breaks_the_response(trailer: bytes):
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with (
        serving(head + b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n") as (gateway, _),
        wire(gateway.port) as client,
    ):
        answer = await client.ask(get(ANY))
        assert (answer.status, gateway.seen.reasons) == (502, ["upstream_broken"])
        assert b"hello" not in answer.body


async def test_early_hints_come_before_the_response_and_carry_links_only():
    final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nset-cookie: a=b\r\nserver: x\r\n\r\n"
    async with (
        serving(b"HTTP/1.1 102 Processing\r\n\r\n" + hints + final) as (gateway, _),
        wire(gateway.port) as client,
    ):
        informational = await client.ask(get(ANY))
        assert (informational.status, informational.fields) == (103, [(b"link", b"</a.css>; rel=preload")])
        assert (await client.response()).status == 200
        old = await client.ask(b"GET /files/a HTTP/1.0\r\nhost: g\r\n\r\n")  # HTTP/1.0 knows no 1xx
        assert old.status == 200


async def test_nothing_is_left_behind_by_calls_of_any_ending():
    async def moody(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line = (await fake.read(reader)).line
            if b"/cut" in line:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
                return
            if b"/wait" in line:
                await reader.read()
                return
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async with serving(script=moody, response="200ms") as (gateway, _):
        before = len(asyncio.all_tasks())
        for _ in range(10):
            for request in (
                get("/files/a"),
                get("/files/cut"),
                get("/files/wait"),
                get("/nowhere"),
                post("/files/a", b"x" * 200_000),
                post("/files/a", b"x" * 200_000)[:-1000],
                post("/api/trpc/auth.login", b"{}")[:-1],
                b"GET / HT",
            ):
                async with wire(gateway.port) as client:
                    client.send(request)
                    await client.writer.drain()  # and the client leaves, wherever its request is by now
        async with asyncio.timeout(10):
            while (
                gateway.server.connections or gateway.server.dispatcher.in_flight or len(asyncio.all_tasks()) > before
            ):
                await asyncio.sleep(0.01)
        assert gateway.seen.begun == len(gateway.seen.exchanges)
        assert gateway.seen.events == []
        pool = gateway.runtime.upstreams["tutor"].pool
        assert pool.connector.opening == 0
        assert [endpoint.in_flight for endpoint in pool.endpoints] == [0]
        assert len(pool.open) == sum(len(endpoint.idle) for endpoint in pool.endpoints) <= 80


async def test_a_client_that_leaves_ends_its_call_on_a_kept_connection_too():
    requests = 0

    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while await fake.read(reader):
            requests += 1
            if requests == 1:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async with serving(script=script) as (gateway, upstream):
        async with wire(gateway.port) as client:
            assert (await client.ask(get(ANY))).body == b"ok"
            client.send(get(ANY))
            await eventually(lambda: requests == 2)
            client.reset()
        await asyncio.wait_for(upstream.gone.wait(), 5)
        await eventually(lambda: not gateway.server.dispatcher.in_flight)
        assert [exchange.status for exchange in gateway.seen.exchanges] == [200, 0]
        assert gateway.seen.exchanges[1].endpoint == "", "it has not answered, and its time is no upstream's"
        endpoint = gateway.runtime.upstreams["tutor"].endpoints[0]
        assert endpoint is not None and (endpoint.in_flight, endpoint.idle) == (0, [])


@pytest.mark.parametrize(("request_bytes", "statuses"), [(get(ANY), [200, 200]), (post(ANY, b"{}"), [200, 502])])
async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced_for_what_may_be_repeated(
    request_bytes: bytes, statuses: list[int]
):
    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await fake.read(reader)  # and closes without a word

    async with serving(script=script) as (gateway, upstream), wire(gateway.port) as client:
        assert [(await client.ask(request_bytes)).status for _ in range(2)] == statuses
        assert len(upstream.requests) == (3 if statuses[1] == 200 else 2)


async def test_responses_of_one_iteration_are_each_their_own_and_one_bug_is_one_response(
    monkeypatch: pytest.MonkeyPatch,
):
    async with serving() as (gateway, _):
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(wire(gateway.port)) for _ in range(8)]
            for client in clients:
                assert (await client.ask(get(ANY))).status == 200  # so that there are kept connections
            upstream = gateway.runtime.upstreams["tutor"]
            start = upstream.start

            def broken(call: UpstreamCall) -> Any:
                if call.exchange.path == "/files/broken":
                    raise ZeroDivisionError
                return start(call)

            monkeypatch.setattr(upstream, "start", broken)
            for number, client in enumerate(clients):
                client.send(get("/files/broken" if number == 3 else f"/files/{number}"))
            answers = [await client.response() for client in clients]
        assert [answer.status for answer in answers] == [200] * 3 + [500] + [200] * 4
        assert gateway.server.dispatcher.in_flight == 0
        assert [name for name, _ in gateway.seen.events] == ["bug"]


async def test_the_limits_of_one_iteration_are_exact_and_share_a_transaction(tmp_path: Path):
    store = LmdbStore(tmp_path, size=1 << 20)
    async with running_upstream() as upstream, contextlib.AsyncExitStack() as stack:
        entry = ENTRY.format(url=upstream.url, response="2s", header_timeout="10s", body_timeout="10s")
        policies = POLICIES.replace("100000/minute", "5/day").replace("bodies:", "bodies:\n" + POLICIES_MORE.rstrip())
        gateway = await stack.enter_async_context(running_gateway(entry, policies=policies, store=store))
        clients = [await stack.enter_async_context(wire(gateway.port)) for _ in range(8)]
        await eventually(lambda: len(gateway.server.clients) == 8)
        begun = transactions(store)
        for connection in gateway.server.clients:
            connection.data_received(get(ANY))
        answers = [await client.response() for client in clients]
        assert sorted(answer.status for answer in answers) == [200] * 5 + [429] * 3
        assert sorted(dict(answer.fields)[b"x-ratelimit-remaining"] for answer in answers) == [b"0"] * 4 + [
            b"1",
            b"2",
            b"3",
            b"4",
        ]
        assert len(begun) == 1
    store.close()


class Seeing(Stage):
    """Notes the responses that it sees."""

    def __init__(self, collects: bool) -> None:
        self.collects = collects
        self.seen: list[WholeResponse] = []

    def on_response_whole(self, exchange: Exchange, response: WholeResponse) -> None:
        assert exchange.status == response.status
        self.seen.append(response)


@pytest.mark.parametrize("collects", [False, True])
async def test_a_stage_sees_a_whole_response_before_it_is_passed_on(collects: bool) -> None:
    answer = b"HTTP/1.1 404 X\r\nETag: a\r\ncontent-length: 2\r\nserver: x\r\n\r\nno"
    async with serving(answer) as (gateway, upstream), wire(gateway.port) as client:
        stage = Seeing(collects)
        use_stages(gateway, [stage])
        for _ in range(2):  # on a new connection and on a kept one
            response = await client.ask(get(ANY, "accept-encoding: br", "range: bytes=0-1"))
            assert (response.status, response[b"etag"], response.body) == (404, b"a", b"no")
        assert [(one.status, one.body) for one in stage.seen] == [(404, b"no")] * 2
        assert [[name for name, _ in one.fields] for one in stage.seen] == [[b"etag", b"date"]] * 2
        assert [one.fields[0] for one in stage.seen] == [(b"etag", b"a")] * 2
        steered = {name.lower() for received in upstream.requests for name, _ in received.fields}
        assert ({b"accept-encoding", b"range"} <= steered) is not collects
        assert upstream.connections == 1


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ((b"transfer-encoding: chunked\r\n\r\n2\r\nno\r\n", b"0\r\n\r\n"), b"no"),
        ((b"content-length: 100000\r\n\r\n", b"x" * 100_000), None),
    ],
    ids=["of unknown length", "large"],
)
@pytest.mark.parametrize("collects", [False, True])
async def test_a_response_that_is_streamed_is_seen_only_by_a_stage_that_collects(
    collects: bool, pieces: tuple[bytes, bytes], body: bytes | None
) -> None:
    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + pieces[0])
        pool = gateway.runtime.upstreams["tutor"].pool
        await eventually(lambda: any(connection.streaming for connection in pool.open))
        writer.write(pieces[1])

    async with serving(script=script) as (gateway, _), wire(gateway.port) as client:
        stage = Seeing(collects)
        use_stages(gateway, [stage])
        response = await client.ask(get(ANY))
        assert (response.status, response.whole, len(response.body)) == (200, True, len(body or pieces[1]))
        assert [(one.status, one.body) for one in stage.seen] == ([(200, body)] if collects else [])
