"""The process of a worker, as its supervisor meets it: orders down, reports up, and its exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.config.model import Config
from gateway.process.channel import Drain, LastReload, Order, Reload, Start, Swap, encode
from gateway.process.run_directory import RunDirectory
from gateway.process.worker_main import CANNOT_SERVE, NO_ORDER, UNREAD, sender
from tests.process.configs import written

ROOT = Path(__file__).parents[2]


@dataclass
class Process:
    """A worker process and our end of its channel."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    listener: socket.socket
    run: Path

    def order(self, order: Order) -> None:
        self.writer.write(encode(order))

    def start(self, config: Config) -> None:
        self.order(Start(config, 3, self.listener.fileno(), self.run, b"key", "1.0", 5.0))

    async def report(self) -> dict[str, Any]:
        line = await self.reader.readline()
        assert line, "the worker has ended"
        report: dict[str, Any] = orjson.loads(line)
        return report

    async def ended(self) -> int:
        return await self.process.wait()


Begin = Callable[[], AbstractAsyncContextManager[Process]]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Starts a worker process that waits for its first order."""

    @contextlib.asynccontextmanager
    async def begun() -> AsyncIterator[Process]:
        directory = RunDirectory(tmp_path / "runs")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs, socket.create_server(("127.0.0.1", 0)) as listener, (tmp_path / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "gateway.process.worker_main", str(theirs.fileno())),
                stdout=log,
                pass_fds=(theirs.fileno(), listener.fileno()),
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            theirs.close()
            reader, writer = await asyncio.open_connection(sock=ours)
            async with asyncio.timeout(20):
                yield Process(process, reader, writer, listener, directory.path)
            writer.close()
            if process.returncode is None:
                process.kill()
                await process.wait()
        directory.remove()

    return begun


async def test_it_serves_reports_reloads_and_drains(begin: Begin, tmp_path: Path) -> None:
    async with begin() as worker:
        config = written(tmp_path)
        worker.start(config)
        report = await worker.report()
        assert (report["ready"], report["status"]["config"]["digest"]) == (True, config.digest)
        assert report["metrics"]["gauges"]["gateway_connections"] == [[["public"], 0]]

        reader, writer = await asyncio.open_connection(*worker.listener.getsockname())
        writer.write(b"GET /health/ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()

        other = written(tmp_path, info="chat")
        worker.order(Reload(other, 6.0))
        while "reload" not in report:
            report = await worker.report()
        assert report == {"reload": other.digest, "why": ""}
        worker.order(LastReload(86_400.0))
        worker.order(Swap(True))
        report = await worker.report()
        while "reload" not in report:
            report = await worker.report()
        report = await worker.report()
        config_shown = report["status"]["config"]
        assert (config_shown["digest"], config_shown["refused"]) == (other.digest, {"at": "1970-01-02T00:00:00Z"})

        worker.order(Drain(1.0, 0.1, 0.0))
        assert await worker.ended() == 0
        while line := await worker.reader.readline():
            report = orjson.loads(line)
        assert report["ready"] is False
        requests = {tuple(labels): count for labels, count in report["metrics"]["counters"]["gateway_requests_total"]}
        assert requests == {("unmatched", "200", ""): 1}, "the last report has everything"
    assert all(orjson.loads(line)["worker"] == 3 for line in (tmp_path / "log").read_bytes().splitlines())


async def test_a_configuration_that_cannot_be_served_is_reported(begin: Begin, tmp_path: Path) -> None:
    config = written(tmp_path)
    (tmp_path / "state").write_text("a file")
    async with begin() as worker:
        worker.start(config)
        assert (await worker.report())["cannot"].startswith("StateError: ")
        assert await worker.ended() == CANNOT_SERVE


async def test_a_supervisor_that_ends_before_it_orders_anything(begin: Begin) -> None:
    async with begin() as worker:
        worker.writer.close()
        assert await worker.ended() == NO_ORDER


async def test_reports_that_a_supervisor_does_not_read_do_not_fill_the_memory() -> None:
    ours, theirs = socket.socketpair()
    reader, supervisor = await asyncio.open_connection(sock=ours, limit=2 * UNREAD)
    _, writer = await asyncio.open_connection(sock=theirs)
    send, status = sender(writer), {"status": "x" * (UNREAD // 4)}
    for _ in range(20):
        send(status)
    send({"reload": "digest", "why": ""})
    assert writer.transport.get_write_buffer_size() < 2 * UNREAD
    reports = [orjson.loads(await reader.readline())]
    while "reload" not in reports[-1]:
        reports.append(orjson.loads(await reader.readline()))
    assert 0 < reports.count(status) < 20, "an answer is never left out"
    send(status)
    assert orjson.loads(await reader.readline()) == status, "the next report has everything"
    supervisor.close()
    writer.close()
    send(status)
    await asyncio.gather(supervisor.wait_closed(), writer.wait_closed())


async def test_without_its_supervisor_a_worker_drains_and_ends(begin: Begin, tmp_path: Path) -> None:
    async with begin() as worker:
        worker.start(written(tmp_path))
        assert (await worker.report())["ready"]
        worker.writer.close()
        assert await worker.ended() == 0
    events = [orjson.loads(line)["event"] for line in (tmp_path / "log").read_bytes().splitlines()]
    assert events == ["supervisor_gone"]


async def test_ctrl_c_and_a_closed_terminal_are_the_supervisors_and_sigterm_drains(
    begin: Begin, tmp_path: Path
) -> None:
    async with begin() as worker:
        worker.start(written(tmp_path))
        assert (await worker.report())["ready"]
        for number in (signal.SIGINT, signal.SIGHUP):
            worker.process.send_signal(number)
        assert (await worker.report())["ready"], "a second later"
        worker.process.send_signal(signal.SIGTERM)
        assert await worker.ended() == 0


async def test_a_run_whose_directory_cannot_be_is_reported_with_its_name(begin: Begin, tmp_path: Path) -> None:
    async with begin() as worker:
        (tmp_path / "file").write_text("")
        worker.run = tmp_path / "file" / "run"
        worker.start(written(tmp_path))
        assert await worker.report() == {"cannot": f"{tmp_path}/file/run: cannot be used: Not a directory"}
        assert await worker.ended() == CANNOT_SERVE
