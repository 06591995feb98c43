"""Requests broken at random: the gateway answers in HTTP, and what passes it has one meaning."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway_fixture import Running
from tests.upstream_fixture import Upstream
from tests.wire.raw_client import (
    BEHIND,
    CHUNKED,
    HOST,
    JSON,
    PROBE,
    connected,
    head,
    login,
    read_to_end,
    reason_of,
    send,
    serving,
    well_formed,
)

SEEDS = [
    head(),
    head(b"GET /files/a?b=%20c HTTP/1.1", HOST + b"cookie: a=b\r\nx-request-id: 0123456789\r\n"),
    head(b"GET http://gateway/api/info HTTP/1.1", HOST + b"connection: keep-alive, x-hop\r\nx-hop: 1\r\n"),
    head(b"GET /api/trpc/lessons.a,lessons.b?batch=1&input=%7B%7D HTTP/1.1", HOST + b"x-forwarded-for: 1.2.3.4\r\n"),
    head(b"OPTIONS /api/info HTTP/1.1", HOST + b"origin: https://linguamate.app\r\n"),
    head(b"GET /api/info HTTP/1.1", HOST + b"upgrade: h2c\r\nconnection: upgrade\r\nexpect: 100-continue\r\n"),
    login(b"content-length: 2\r\n"),
    login(CHUNKED, b"2;a=b\r\n{}\r\n0\r\nx: y\r\n\r\n"),
    head(b"PUT /files/a HTTP/1.1", HOST + JSON + b"content-length: 62\r\n") + BEHIND.ljust(62)[:62],
]
# The bytes that parsers disagree about, more often than chance would bring them.
SHARP = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"%",
    b"%2f",
    b"..",
    b"\\",
    b"\xff",
]
SHARP += [
    b"\r\n ",
    b"0",
    b"1",
    b"chunked",
    b"transfer-encoding: chunked\r\n",
    b"content-length: 1\r\n",
    BEHIND,
    b"HTTP/1.1",
]
_LINE = re.compile(rb"(GET|HEAD|POST|PUT|OPTIONS) (/[!-~]*) HTTP/1\.1")

pieces = st.one_of(st.sampled_from(SHARP), st.binary(min_size=1, max_size=3))
edits = st.lists(
    st.tuples(st.sampled_from(["insert", "delete", "replace"]), st.floats(0, 1), pieces, st.integers(1, 8)),
    min_size=1,
    max_size=4,
)


def edited(data: bytes, changes: list[tuple[str, float, bytes, int]]) -> bytes:
    for kind, where, piece, count in changes:
        at = int(where * len(data))
        if kind == "insert":
            data = data[:at] + piece + data[at:]
        elif kind == "delete":
            data = data[:at] + data[at + count :]
        else:
            data = data[:at] + piece + data[at + len(piece) :]
    return data


class Serving:
    """One gateway for all examples of a test."""

    def __init__(self, runner: asyncio.Runner, gateway: Running, upstream: Upstream) -> None:
        self.runner, self.gateway, self.upstream = runner, gateway, upstream

    def __repr__(self) -> str:
        return "<serving>"


@pytest.fixture
def gateway_and_upstream(_brief: None) -> Iterator[Serving]:
    limits = "connections: 500, header_timeout: 300ms, body_timeout: 300ms, keepalive: 300ms"
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        gateway, upstream = runner.run(stack.enter_async_context(serving(limits=limits)))
        try:
            yield Serving(runner, gateway, upstream)
        finally:
            runner.run(stack.aclose())


async def _example(gateway: Running, upstream: Upstream, data: bytes, cut: int) -> None:
    upstream.requests.clear()
    gateway.seen.exchanges.clear()
    heads_only = frozenset(range(20)) if data.lstrip(b"\r\n").startswith(b"HEAD ") else frozenset()
    with contextlib.closing(await connected(gateway.port)) as sock:
        await send(sock, data[:cut])
        await send(sock, data[cut:])
        with contextlib.suppress(OSError):  # it may have been reset already
            sock.shutdown(socket.SHUT_WR)
        transcript = await read_to_end(sock, heads_only)
    with contextlib.closing(await connected(gateway.port)) as sock:
        await send(sock, PROBE)
        assert [response.status for response in (await read_to_end(sock)).responses] == [200]
    for response in transcript.responses:
        if response.status >= 400:
            reason_of(response)
    recorded = [f"{one.path}?{one.query}".rstrip("?") for one in gateway.seen.exchanges]
    assert len(upstream.requests) <= len(recorded)
    for received in upstream.requests:
        found = _LINE.fullmatch(received.line)
        assert found, received.line
        assert found[2].decode().rstrip("?") in recorded
        well_formed(received)
    assert gateway.seen.events == []
    assert upstream.requests[-1].line == b"GET /files/probe HTTP/1.1"


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.sampled_from(SEEDS), changes=edits, at=st.floats(0, 1))
def test_a_request_broken_at_random_is_answered_in_http_and_passes_with_one_meaning(
    gateway_and_upstream, seed, changes, at
):
    data = edited(seed, changes)
    gateway_and_upstream.runner.run(
        _example(gateway_and_upstream.gateway, gateway_and_upstream.upstream, data, int(at * len(data)))
    )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=300), at=st.floats(0, 1))
def test_noise_is_answered_in_http_and_passes_nowhere(gateway_and_upstream, data, at):
    gateway_and_upstream.runner.run(
        _example(gateway_and_upstream.gateway, gateway_and_upstream.upstream, data + b"\r\n\r\n", int(at * len(data)))
    )
    assert len(gateway_and_upstream.upstream.requests) == 1
