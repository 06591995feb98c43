"""Attempts to connect side by side, on both loops: what hangs is overtaken, and nothing of what lost stays open."""

from __future__ import annotations

import asyncio
import os
import ssl

from gateway.core.happy_eyeballs import first_connected, open_transport
from tests.black_hole import black_hole
from tests.eventually import eventually
from tests.named_upstream import servers


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_what_hangs_is_overtaken_and_ended(tls: ssl.SSLContext | None) -> None:
    trusting = None
    if tls is not None:
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with servers("127.0.0.1", tls=tls) as found:
        # Takes connections, and says nothing in them.
        silent = await asyncio.start_server(lambda reader, writer: found.writers.add(writer), "127.0.0.3", found.port)
        found.running["127.0.0.3"] = silent
        before = descriptors()
        with black_hole("127.0.0.2", found.port):
            addresses = ["::1", "127.0.0.2", *(["127.0.0.3"] if tls is not None else []), "127.0.0.1"]
            won = await first_connected(
                addresses,
                lambda address, on_taken: open_transport(
                    asyncio.Protocol, address, found.port, trusting, "gateway", on_taken
                ),
                asyncio.get_running_loop().time() + 2,
                lambda connection: connection[0].close(),
            )
        assert won.address == "127.0.0.1"
        assert set(won.failures) == set(addresses) - {"127.0.0.1"}
        won.value[0].close()
        for writer in list(found.writers):
            writer.close()
        await eventually(lambda: descriptors() <= before)
