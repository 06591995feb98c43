"""Commands beside a good configuration, and whole runs of the gateway: real processes, real ports, a backend in the test's own loop."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from tests.cli.command_line import GOOD
from tests.gateway_run import ENTRY, JWT_SECRET, OPS_TOKEN, Maker, Run
from tests.held_backend import HeldBackend


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An entry file without problems, in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "upstreams.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
async def backend() -> AsyncIterator[HeldBackend]:
    made = HeldBackend()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def runs(tmp_path: Path, backend: HeldBackend) -> AsyncIterator[Maker]:
    """Makes runs with ``workers`` and ``drain``; all of them end with the test."""
    made: list[Run] = []

    async def make(
        workers: int = 1,
        drain: str = "10s",
        entry: str = ENTRY,
        serving: bool = True,
        stdout: int | None = None,
        stderr: int | None = None,
        ulimit: str = "",
    ) -> Run:
        env = {
            **os.environ,
            "JWT_SECRET": JWT_SECRET,
            "GATEWAY_OPS_TOKEN": OPS_TOKEN,
            "UPSTREAM_KEY": "upstream-key-value",
        }
        run = Run(tmp_path, env)
        text = entry.replace("WORKERS", str(workers)).replace("DRAIN", drain).replace("BACKEND", backend.url)
        (tmp_path / "upstreams.yaml").write_text(text)
        await run.start(stdout=stdout, stderr=stderr, ulimit=ulimit)
        made.append(run)
        if serving:
            await run.serving()
        return run

    yield make
    for run in made:
        await run.stop()


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    """A client that makes a new connection for each request, so that every worker gets some."""
    async with ClientSession(connector=TCPConnector(force_close=True), cookie_jar=DummyCookieJar()) as session:
        yield session
