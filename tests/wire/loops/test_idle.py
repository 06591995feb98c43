"""The end of idle connections: no request is read behind it, which could have no response."""

from __future__ import annotations

import select

from tests.data_plane_fixture import serving
from tests.proxy.requests import get
from tests.upstream_fixture import wire


async def test_an_idle_connection_ends_before_the_next_request_can_be_read() -> None:
    async with serving() as (gateway, _), wire(gateway.port) as client:
        assert (await client.ask(get("/files/a"))).status == 200
        (connection,) = gateway.server.clients
        assert connection.silent_since
        connection.end_idle()
        # In its next iteration the loop could read a request: the end is on its way before.
        readable, _, _ = select.select([client.writer.get_extra_info("socket").fileno()], [], [], 2)
        assert readable
        assert await client.ended()
