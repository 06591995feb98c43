"""The operators' listener with each field, path and body of a request made of awkward texts, from whoever can reach it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import thread_time
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from gateway.ops.api.app import application
from gateway.ops.api.table import OPERATIONS
from tests.cost.awkward import filled
from tests.ops.api.fake_admin import TOKEN, FakeAdmin
from tests.processor_time import slowdown, undisturbed

ROOM = 7000  # bytes of a field: aiohttp refuses longer ones than 8190
MOST = 0.02  # seconds, of the test's own side too
FEW = (
    '"',
    '\\"',
    ";",
    ",",
    "=",
    "(",
    "%41",
    "/",
    ".",
    ":",
    "a=1;",
    "a*=",
    'a="',
    "[",
    "{",
    " ",
    "\t",
    "a",
    "é",
    "@",
    "&",
)
FIELDS = (
    "content-type",
    "authorization",
    "origin",
    "host",
    "cookie",
    "accept",
    "range",
    "sec-fetch-site",
    "if-none-match",
)


@pytest.fixture
async def server() -> AsyncIterator[tuple[Any, FakeAdmin]]:
    admin = FakeAdmin()
    async with TestServer(application(admin)) as running:
        yield running, admin


def paths() -> list[tuple[str, str]]:
    return [(method, path.partition("{")[0] + ("stt/open" if "{" in path else "")) for method, path, _ in OPERATIONS]


def requests() -> list[bytes]:
    made = []
    for method, path in paths()[:: len(OPERATIONS) // 3]:  # one that reads, and orders
        usual = f"{method} {path} HTTP/1.1\r\nconnection: close\r\n".encode()
        for name in FIELDS:
            for value in filled(ROOM, units=FEW):
                others = b"" if name == "host" else b"host: localhost\r\n"
                others += b"" if name == "authorization" else b"authorization: Bearer " + TOKEN.encode() + b"\r\n"
                made.append(usual + others + b"%b: %b\r\n\r\n" % (name.encode(), value))
        if method == "POST":
            for value in filled(ROOM, 'application/json; a="', units=FEW):
                made.append(usual + b"host: localhost\r\ncontent-length: 2\r\ncontent-type: %b\r\n\r\n{}" % value)
    for value in filled(ROOM, units=FEW):
        made.append(b"GET /v1/%b HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n" % value)
        made.append(b"GET /v1/breakers/%b/open HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n" % value)
        made.append(b"GET /health?%b HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n" % value)
    return made


@pytest.mark.parametrize("bearer", [TOKEN, ""], ids=["with-token", "without-token"])
async def test_an_awkward_request_takes_no_longer_than_it_may(server: tuple[Any, FakeAdmin], bearer: str):
    running, admin = server
    admin.bearer = bearer
    found = []
    with undisturbed():
        for data in requests():
            best = 1.0
            for _ in range(3):
                reader, writer = await asyncio.open_connection(running.host, running.port)
                began = thread_time()
                writer.write(data)
                await reader.read()
                best = min(best, thread_time() - began)
                writer.close()
                if best < MOST:
                    break
            if best > MOST * slowdown():
                found.append(f"{best * 1000:.0f} ms: {data[:120]!a}")
    assert found == []
