"""An upstream on a real socket that says what the upstream of a dry run says."""

from __future__ import annotations

import asyncio

from gateway.core.failure import CallFailure
from gateway.review.dry_run.response import ScriptedResponse
from tests.upstream_fixture import Upstream


class Backend:
    """The upstreams of the real gateway, which say what the dry run's say."""

    def __init__(self) -> None:
        self.response = ScriptedResponse()

    async def talk(self, upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await upstream.read(reader)
            if self.response.failure is CallFailure.RESET:
                return
            writer.write(b"no HTTP\r\n\r\n" if self.response.failure else self.response.octets())
            await writer.drain()
