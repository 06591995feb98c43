"""A client that sends exactly the bytes it is given, whole or one by one, and reads the responses strictly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from tests.data_plane_fixture import ENTRY, POLICIES_MORE
from tests.eventually import WITHIN
from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import OK, Received, Response, Script, Upstream, running_upstream

HOST = b"host: gateway\r\n"
JSON = b"content-type: application/json\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
LOGIN = b"POST /api/trpc/auth.login HTTP/1.1"
BEHIND = b"GET /files/behind HTTP/1.1\r\nhost: gateway\r\n\r\n"
PROBE = b"GET /files/probe HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n"
PROBED = b"GET /files/probe HTTP/1.1"

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [\x20-\x7e]*")
_FIELD = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]+: [\t\x20-\x7e\x80-\xff]*")
# Hop-by-hop fields, which no request to an upstream may carry.
_STOPS_HERE = frozenset(
    b"connection keep-alive te trailer upgrade http2-settings expect forwarded proxy-authorization proxy-connection".split()
)


def head(line: bytes = b"GET /api/info HTTP/1.1", fields: bytes = HOST) -> bytes:
    """A request head as given, well-formed or not."""
    return line + b"\r\n" + fields + b"\r\n"


def login(fields: bytes, body: bytes = b"{}") -> bytes:
    """A login with the framing fields and the body as given."""
    return head(LOGIN, HOST + JSON + fields) + body


@contextlib.asynccontextmanager
async def serving(
    response: bytes = OK, script: Script | None = None, limits: str = "connections: 50"
) -> AsyncIterator[tuple[Running, Upstream]]:
    """The gateway of the data plane's tests, with ``limits`` as in ``listen.limits`` of the configuration."""
    policies = POLICIES.replace("response_headers:\n", POLICIES_MORE + "response_headers:\n")
    async with running_upstream(response, script) as upstream:
        entry = ENTRY.format(url=upstream.url, response="2s", header_timeout="10s", body_timeout="10s")
        entry = re.sub(r"limits: \{.*\}", "limits: {header_bytes: 8KiB, " + limits + "}", entry)
        async with running_gateway(entry, policies=policies) as gateway:
            yield gateway, upstream


@dataclass
class Transcript:
    """What arrived on a connection until its end. ``reset``: it ended with an error instead of an end of stream."""

    raw: bytes = b""
    reset: bool = False
    responses: list[Response] = field(default_factory=list)


async def settle() -> None:
    """Let everything that is on its way between the sockets of this process arrive."""
    for _ in range(30):
        await asyncio.sleep(0)


async def connected(port: int) -> socket.socket:
    """A plain non-blocking socket: a stream would lose what arrived before a reset."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock


async def send(sock: socket.socket, data: bytes, drip: bool = False) -> bool:
    """Send until done, or until the gateway resets the connection: then False.

    ``drip``: byte by byte (long ones in 256 pieces).
    """
    loop = asyncio.get_running_loop()
    size = max(1, len(data) // 256) if drip else max(1, len(data))
    try:
        for start in range(0, len(data), size):
            await loop.sock_sendall(sock, data[start : start + size])
            await asyncio.sleep(0)
    except ConnectionError:
        return False
    await settle()
    return True


async def read_to_end(sock: socket.socket, heads_only: frozenset[int] = frozenset()) -> Transcript:
    """Everything until the gateway ends the connection, within ``WITHIN`` seconds. Responses must be valid HTTP."""
    transcript = Transcript()
    async with asyncio.timeout(WITHIN):
        try:
            while data := await asyncio.get_running_loop().sock_recv(sock, 65536):
                transcript.raw += data
        except ConnectionError:
            transcript.reset = True
    transcript.responses = parsed(transcript.raw, heads_only)
    return transcript


def parsed(raw: bytes, heads_only: frozenset[int] = frozenset()) -> list[Response]:
    """The responses in ``raw``, read strictly; ``heads_only`` has the numbers of those to a HEAD request."""
    responses: list[Response] = []
    while raw:
        text, end, raw = raw.partition(b"\r\n\r\n")
        assert end, f"an unfinished head: {text!r}"
        line, *lines = text.split(b"\r\n")
        found = _STATUS_LINE.fullmatch(line)
        assert found, f"no status line: {line!r}"
        assert all(_FIELD.fullmatch(one) for one in lines), lines
        pairs = [(name, value.strip()) for name, _, value in (one.partition(b":") for one in lines)]
        status, named = int(found[1]), dict(pairs)
        body = b""
        if status >= 200 and status != 204 and len(responses) not in heads_only:
            assert [name for name, _ in pairs].count(b"content-length") == 1
            length = int(named[b"content-length"])
            body, raw = raw[:length], raw[length:]
            assert len(body) == length
        responses.append(Response(status, pairs, body))
    return responses


def reason_of(response: Response) -> str:
    """The named reason of a refusal, whose shape must be one of the two that clients can read; else ``""``."""
    if response.status < 400:
        return ""
    refusal = json.loads(response.body)
    if response[b"content-type"] == b"application/problem+json":
        assert refusal["status"] == response.status
        assert refusal["title"] and refusal["detail"]
    else:
        assert response[b"content-type"] == b"application/json"
        refusal = refusal["error"]["json"]["data"]
        assert (refusal["httpStatus"], refusal["path"]) == (response.status, None)
    assert refusal["request_id"] == response[b"x-request-id"].decode()
    assert response[b"cache-control"] == b"no-store"
    reason: str = refusal["reason"]
    return reason


def well_formed(received: Received) -> None:
    """An upstream request of ours has one meaning: one Host, at most one framing, nothing hop-by-hop."""
    names = [name for name, _ in received.fields]
    assert names == [name.lower() for name in names]
    assert all(_FIELD.fullmatch(name + b": " + value) for name, value in received.fields)
    assert names.count(b"host") == 1
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
    assert not _STOPS_HERE & set(names)
    assert received.all(b"x-forwarded-for") == [b"127.0.0.1"]


async def send_and_read(
    port: int, data: bytes, drip: bool, ends: bool, heads_only: frozenset[int] = frozenset()
) -> Transcript:
    """Send ``data`` on a new connection and read to its end; where it goes on (``ends`` is false), a good request ends it."""
    with contextlib.closing(await connected(port)) as sock:
        await send(sock, data, drip)
        if not ends:
            await send(sock, PROBE)
        return await read_to_end(sock, heads_only)


Expected = Sequence[tuple[int, str]]


async def check(
    data: bytes, responses: Expected, ends: bool, upstream_sees: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Send ``data`` whole and dripping: both must be answered alike, and the gateway must go on serving.

    ``responses``: status and reason of each. ``ends``: whether the gateway closes behind them. ``upstream_sees``: line
    and body of each request that passes.
    """
    async with serving() as (gateway, upstream):
        for drip in (False, True):
            before = len(upstream.requests)
            transcript = await send_and_read(gateway.port, data, drip, ends, _heads(data))
            way = "dripping" if drip else "whole"
            answered = [(response.status, reason_of(response)) for response in transcript.responses]
            assert answered == [*responses, *([] if ends else [(200, "")])], way
            for response in transcript.responses[:-1]:
                assert b"connection" not in response or response.status == 100, way
            assert transcript.responses[-1][b"connection"] == b"close", way
            seen = [(one.line, one.body) for one in upstream.requests[before:]]
            assert seen == [*upstream_sees, *([] if ends else [(PROBED, b"")])], way
        assert [response.status for response in (await send_and_read(gateway.port, PROBE, False, True)).responses] == [
            200
        ]
        for received in upstream.requests:
            well_formed(received)
        assert gateway.seen.events == []
        assert gateway.seen.begun == len(gateway.seen.exchanges)


def _heads(data: bytes) -> frozenset[int]:
    return frozenset({0}) if data.startswith(b"HEAD ") else frozenset()
