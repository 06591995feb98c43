"""Asks a gateway of the package on the path over sockets; prints status and reason of each response. Run by ``test_kinds``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import gateway
from tests.gateway_fixture import running_gateway
from tests.upstream_fixture import running_upstream, wire


async def ask(port: int, method: str, target: str, word: str, body: str) -> tuple[int, str | None]:
    """The status of the response, and the reason in it (problem+json, or the tRPC error format)."""
    head = f"{method} {target} HTTP/1.1\r\nhost: a\r\nx-word: {word}\r\ncontent-length: {len(body)}\r\n"
    async with wire(port) as client:
        response = await client.ask(f"{head}content-type: application/json\r\n\r\n{body}".encode())
    error = json.loads(response.body)
    return response.status, error.get("reason") or error.get("error", {}).get("json", {}).get("data", {}).get("reason")


async def main(entry: Path) -> None:
    """Asks what standard input holds, of a gateway that runs on the configuration ``entry``."""
    async with running_upstream() as upstream, running_gateway(entry, {"UPSTREAM": upstream.url}) as running:
        responses = [await ask(running.port, *request) for request in json.load(sys.stdin)]
    print(json.dumps({"package": str(Path(gateway.__file__).parent), "responses": responses}))


asyncio.run(main(Path(sys.argv[1])))
