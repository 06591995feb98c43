"""Whole runs of the gateway: real processes, real ports, a backend in the test's own loop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, TCPConnector

JWT_SECRET = "a-signing-secret-of-more-than-32-bytes"  # signs nothing outside the tests
OPS_TOKEN = "an-operators-token-of-more-than-32-bytes"  # opens nothing outside the tests

ENTRY = """\
version: 1
listen: {host: 127.0.0.1, port: 0, workers: WORKERS, drain: DRAIN}
ops: {host: 127.0.0.1, port: 0, token: "${GATEWAY_OPS_TOKEN}"}
state: {path: state}
upstreams:
  tutor: {endpoints: [{url: "BACKEND"}], request_headers: {set: {x-key: "${UPSTREAM_KEY}"}}}
routes:
  - {name: info, paths: [/api/info, "/api/wait/*"], upstream: tutor, auth: public}
  - {name: private, paths: [/api/private], upstream: tutor, auth: access-token}
auth:
  access-token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", require: {type: access}}
"""


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 20.0) -> None:
    """Wait for a condition that nothing signals."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.02)


class Backend:
    """Answers /api/info at once, and /api/wait/* when told to."""

    def __init__(self) -> None:
        self.waiting = 0
        self.release = asyncio.Event()
        self.heads: list[bytes] = []
        self.ports: list[int] = []
        """Where the connections of the waiting calls come from."""
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self.release.set()
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()
        await until(lambda: not self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                if b"/api/wait/" in head:
                    self.waiting += 1
                    self.ports.append(writer.get_extra_info("peername")[1])
                    await self.release.wait()
                writer.write(
                    b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"fine":true}'
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


class Run:
    """One ``gateway run``; ``url`` and ``ops`` once it serves."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self.url = ""
        self.ops = ""
        self.out = folder / "out.log"
        self.err = folder / "err.log"

    async def start(self, *options: str, json: bool = True, stdout: int | None = None) -> None:
        """``stdout``: a descriptor for the log, in place of the file ``out``."""
        entry = self.folder / "upstreams.yaml"
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "run", "--config", str(entry), *options),
                *(("--json",) if json else ()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=err,
                env=self.env,
                start_new_session=True,
            )

    async def serving(self) -> None:
        await until(lambda: b'"gateway"' in self.err.read_bytes() or self.process.returncode is not None)
        assert self.process.returncode is None, self.err.read_text()
        told = json.loads(self.err.read_text().splitlines()[0])
        self.url, self.ops = told["gateway"], told["ops"]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_bytes().split(b"\n")[:-1]]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == name]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        async with asyncio.timeout(30):
            return await self.process.wait()

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.send(signal.SIGTERM)
            try:
                await self.ended()
            except TimeoutError:
                os.killpg(self.process.pid, signal.SIGKILL)
                raise


@pytest.fixture
async def backend() -> AsyncIterator[tuple[Backend, str]]:
    made = Backend()
    url = await made.start()
    yield made, url
    await made.stop()


Maker = Callable[..., Awaitable[Run]]


@pytest.fixture
async def runs(tmp_path: Path, backend: tuple[Backend, str]) -> AsyncIterator[Maker]:
    """Makes runs with ``workers`` and ``drain``; all of them end with the test."""
    made: list[Run] = []

    async def make(
        workers: int = 1, drain: str = "10s", entry: str = ENTRY, serving: bool = True, stdout: int | None = None
    ) -> Run:
        env = {
            **os.environ,
            "JWT_SECRET": JWT_SECRET,
            "GATEWAY_OPS_TOKEN": OPS_TOKEN,
            "UPSTREAM_KEY": "upstream-key-value",
        }
        run = Run(tmp_path, env)
        text = entry.replace("WORKERS", str(workers)).replace("DRAIN", drain).replace("BACKEND", backend[1])
        (tmp_path / "upstreams.yaml").write_text(text)
        await run.start(stdout=stdout)
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
