"""Clients that send and take at a pace of their own, and a gateway whose wall clock is moved by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from gateway.state.rules.circuit import Circuit
from tests.gateway_fixture import POLICIES, Running, running_gateway
from tests.upstream_fixture import OK, Response, Upstream, Wire

KIB = 1024
LONG = 400 * KIB  # bytes of an upload that is sent on before all of it is here
NOON = 1_767_268_800.0

ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {{limits: {{body_timeout: 10s}}}}
upstreams:
  stt:
    endpoints: [{endpoints}]
    timeouts: {{connect: 300ms, response: 300ms}}
{more}
routes:
  - {{name: stt, paths: [/stt, /api/*], methods: [GET, POST], upstream: stt, auth: public, body: audio}}
"""
MORE_POLICIES = """\
breakers:
  external: {failures: 5, recover_after: 60s}
"""


def audio(policies: str = MORE_POLICIES) -> str:
    return POLICIES.replace("bodies:\n", "bodies:\n  audio: {max: 11MB}\n") + policies


def upload_head(length: int = LONG, path: str = "/stt", *fields: str) -> bytes:
    lines = "".join(f"{field}\r\n" for field in fields)
    return (
        f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: multipart/form-data; boundary=x\r\n"
        f"content-length: {length}\r\n{lines}\r\n"
    ).encode()


class Pace:
    """A gateway on a wall clock moved by hand, with slow and honest clients."""

    def __init__(self) -> None:
        self.now = NOON
        self.gateway: Running

    @property
    def circuit(self) -> Circuit:
        return self.gateway.runtime.breakers["stt"].circuit()

    @property
    def state(self) -> str:
        return self.circuit.state

    async def begin(self, stack: contextlib.AsyncExitStack, data: bytes, source: str = "127.0.0.1") -> Wire:
        """A client at ``source`` that sends ``data`` and then stands still."""
        client = Wire(*await asyncio.open_connection("127.0.0.1", self.gateway.port, local_addr=(source, 0)))
        stack.push_async_callback(client.close)
        client.send(data)
        return client

    async def stall(self, stack: contextlib.AsyncExitStack, count: int, data: bytes) -> list[Wire]:
        """So many clients that send ``data`` and then stand still, each at an address of its own."""
        return [await self.begin(stack, data, f"127.0.1.{number + 1}") for number in range(count)]

    async def ask(self, data: bytes, source: str = "127.0.0.9") -> Response:
        async with contextlib.AsyncExitStack() as stack:
            return await (await self.begin(stack, data, source)).response()

    async def honest(self) -> Response:
        return await self.ask(upload_head(2) + b"{}")


@contextlib.asynccontextmanager
async def pace(more: str, *urls: str, policies: str = MORE_POLICIES, total: str = "0s") -> AsyncIterator[Pace]:
    made = Pace()
    endpoints = ", ".join(f'{{url: "{url}"}}' for url in urls)
    entry = ENTRY.format(endpoints=endpoints, more=more)
    if total != "0s":
        entry = entry.replace("response: 300ms", f"response: 300ms, total: {total}")
    async with running_gateway(entry, policies=audio(policies), wall=lambda: made.now) as made.gateway:
        yield made


async def opened(here: Pace, fake: Upstream) -> None:
    """Open the breaker, and let the time for a try come, when the upstream is well again."""
    fake.response = OK.replace(b"200 OK", b"503 Oh")
    for _ in range(5):
        assert (await here.honest()).status == 503
    assert here.state == "open"
    fake.response = OK
    here.now += 61
