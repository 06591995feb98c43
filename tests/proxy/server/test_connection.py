"""What a client sees when the gateway itself breaks."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.data_plane_fixture import serving
from tests.proxy.requests import get
from tests.upstream_fixture import wire


async def test_a_fault_after_the_answer_ends_the_connection_and_no_other() -> None:
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # it tells of the task that ended
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") as (gateway, _):
        observer: Any = gateway.server.dispatcher.observer
        whole = observer.done

        def broken(*seen: object) -> None:
            raise RuntimeError("the watcher is broken")

        async with wire(gateway.port) as client:
            observer.done = broken
            assert (await client.ask(get("/files/a"))).body == b"ok"
            async with asyncio.timeout(2):
                assert await client.reader.read() == b""
        observer.done = whole
        async with wire(gateway.port) as client:
            assert (await client.ask(get("/files/a"))).body == b"ok"
