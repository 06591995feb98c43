"""Commands beside a good configuration, and whole runs of the gateway: real processes, real ports, a backend in the test's own loop."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from aiohttp.test_utils import TestServer

from gateway.ops.api.app import application
from tests.cli.command_line import GOOD
from tests.cli.operators import Operators
from tests.gateway_run import ENTRY, JWT_SECRET, OPS_TOKEN, Maker, Run
from tests.held_backend import HeldBackend
from tests.ops.api.fake_admin import TOKEN, FakeAdmin


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An entry file without problems, in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "upstreams.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
async def operators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Operators]:
    """An operators' listener in a folder without a configuration, and no variable that names another."""
    for name in ("GATEWAY_OPS_URL", "GATEWAY_OPS_TOKEN_FILE", "GATEWAY_OPS_TOKEN", "GATEWAY_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text(TOKEN + "\n")
    admin = FakeAdmin()
    async with TestServer(application(admin)) as server:
        yield Operators(admin, f"http://127.0.0.1:{server.port}", tmp_path / "token", capsys)


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
