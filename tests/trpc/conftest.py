"""The real tRPC client, a gateway in this process, the real tRPC server: client -> gateway -> server, all on loopback."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.trpc.real_peers import HERE, Node, RealClient, RealServer, start, stop


@pytest.fixture(scope="session")
def packages() -> None:
    """The npm packages, installed from the lock file when they are not there yet."""
    if not (HERE / "node_modules" / "@trpc").is_dir():
        npm = shutil.which("npm")
        assert npm is not None, "npm is not installed; scripts/setup brings it"
        subprocess.run([npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=HERE, check=True, timeout=300)


@pytest.fixture(scope="session")
def server_process(packages: None) -> Iterator[Node]:
    node = start("server.mjs")
    yield node
    stop(node)


@pytest.fixture(scope="session")
def tutor_process(packages: None) -> Iterator[Node]:
    """The real server with the tutor's whole router, which echoes what each procedure has read."""
    node = start("tutor_server.mjs")
    yield node
    stop(node)


@pytest.fixture(scope="session")
def client_process(packages: None) -> Iterator[Node]:
    node = start("client.mjs")
    yield node
    stop(node)


@pytest.fixture
async def server(server_process: Node) -> AsyncIterator[RealServer]:
    async with aiohttp.ClientSession() as session:
        there = RealServer(f"http://127.0.0.1:{server_process.port}", session)
        await there.control("release")
        await there.until(held=0, streamsOpen=0)
        await there.control("reset")
        yield there


@pytest.fixture
async def client(client_process: Node) -> AsyncIterator[RealClient]:
    reader, writer = await asyncio.open_connection("127.0.0.1", client_process.port, limit=2**27)
    made = RealClient(reader, writer)
    listening = asyncio.create_task(made.listen())
    yield made
    writer.close()
    await writer.wait_closed()
    listening.cancel()
