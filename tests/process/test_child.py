"""One worker under its supervisor: replaced when it dies, with its socket and without a line of its report lost."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import gateway.process.child
from gateway.core.shortage import Shortage
from gateway.ops.metrics.families import MetricsReport
from gateway.process.channel import Announce, Drain, Reload, Start
from gateway.process.child import Child, ChildEvents
from gateway.process.run_directory import RunDirectory
from tests.eventually import eventually
from tests.process.configs import written


class Supervisor:
    """What a child calls, written down."""

    def __init__(self, folder: Path) -> None:
        self.config = written(folder)
        self.directory = RunDirectory(folder / "runs")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.reports: list[MetricsReport] = []
        self.events: list[Any] = []
        self.child = Child(
            7,
            self.listener,
            ChildEvents(
                on_change=lambda: self.events.append(("change", self.child.ready)),
                on_metrics=lambda number, report: self.reports.append(report),
                on_end=lambda number: self.events.append(("end", number)),
                on_death=lambda child, code, age: self.events.append(("death", code)),
                on_cannot_serve=lambda why: self.events.append(("cannot", why)),
                make_start=self.start,
                environment=dict(os.environ),
                on_shortage=lambda kind, where: self.events.append(("shortage", kind, where)),
            ),
        )

    def start(self, child: Child) -> Start:
        return Start(self.config, child.number, child.listener.fileno(), self.directory.path, b"key", "1.0", 5.0)


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    made = Supervisor(tmp_path)
    yield made
    made.child.kill()
    await made.child.retire(5.0)
    made.listener.close()
    made.directory.remove()


async def test_a_worker_reports_and_ends_when_it_is_asked_to(supervisor: Supervisor) -> None:
    child = supervisor.child
    await eventually(lambda: child.ready)
    assert child.status is not None and child.status["status"] == "ok"
    assert child.digest == supervisor.config.digest
    assert child.pid is not None
    child.order(Drain(1.0, 0.1, 0.0))
    assert await child.retire(10.0)
    assert (child.pid, child.ready, child.status) == (None, False, None)
    assert supervisor.events[0] == ("change", True)
    assert ("end", 7) in supervisor.events
    assert not [event for event in supervisor.events if event[0] == "death"], "it was asked to"
    assert supervisor.reports[-1]["gauges"]["gateway_connections"] == [[["public"], 0]]


async def test_a_worker_that_dies_is_replaced(supervisor: Supervisor) -> None:
    child = supervisor.child
    await eventually(lambda: child.ready)
    before = child.pid
    child.end()
    await eventually(lambda: child.ready and child.pid != before)
    assert ("death", -9) in supervisor.events
    assert supervisor.events.index(("end", 7)) < supervisor.events.index(("death", -9)), "its counts are kept first"


async def test_a_worker_that_does_not_end_is_killed(supervisor: Supervisor) -> None:
    child = supervisor.child
    await eventually(lambda: child.ready)
    assert not await child.retire(0.05), "nobody has asked it to drain"
    assert child.pid is None


async def test_a_reload_is_answered_or_times_out(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.child
    before, other = supervisor.config.digest, Reload(written(tmp_path, info="chat"), 6.0)
    assert await child.prepare(other, 5.0) == "", "one that starts is left for later"
    assert await child.swap(other, True, 5.0) == ""
    await eventually(lambda: child.ready)
    assert child.digest == before
    assert await child.swap(other, True, 5.0) == "nothing was built"
    assert await child.prepare(other, 5.0) == ""
    assert child.digest == before, "nobody serves it yet"
    assert await child.swap(other, False, 5.0) == ""
    assert child.digest == before
    assert await child.prepare(other, 5.0) == ""
    assert await child.swap(other, True, 5.0) == ""
    assert child.digest == other.config.digest
    assert child.process is not None
    child.process.send_signal(19)  # SIGSTOP: it does not answer
    assert await child.prepare(Reload(supervisor.config, 7.0), 0.05) == "no answer within 0.05 s"
    assert child.digest == other.config.digest


async def test_a_process_that_has_ended_is_not_ready_before_anybody_has_noticed(supervisor: Supervisor) -> None:
    child = supervisor.child
    await eventually(lambda: child.ready)
    process = child.process
    assert process is not None
    child.process = SimpleNamespace(pid=process.pid, returncode=-9)  # type: ignore[assignment]  # until its pipe is read
    assert (child.ready, child.pid) == (False, None)
    child.process = process
    assert child.ready


async def test_a_worker_that_cannot_serve_says_why(supervisor: Supervisor, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    await eventually(lambda: any(event[0] == "cannot" for event in supervisor.events))
    await eventually(lambda: ("death", 2) in supervisor.events)


@pytest.mark.parametrize(
    ("sent", "code"),
    [("", 9), ('{"ready":tr', 9), ("no JSON\n", os.EX_OSERR)],
    ids=["nothing", "half a line, as a worker leaves it that is killed while it writes", "another format"],
)
async def test_a_report_that_cannot_be_read_is_no_report_and_the_worker_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: str, code: int
) -> None:
    worker = tmp_path / "worker"
    worker.write_text(
        f"#!{sys.executable}\nimport os, sys\nos.write(int(sys.argv[-1]), {sent.encode()!r})\nos._exit(9)\n"
    )
    worker.chmod(worker.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(worker))
    supervisor = Supervisor(tmp_path)
    await eventually(lambda: supervisor.events.count(("death", code)) == 2)
    assert supervisor.reports == []
    supervisor.child.kill()
    assert await supervisor.child.retire(5.0)
    supervisor.listener.close()
    supervisor.directory.remove()


async def test_a_process_that_takes_no_requests_in_time_is_ended_and_counts_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker"
    worker.write_text("#!/bin/sh\nexec sleep 60\n")
    worker.chmod(worker.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(worker))
    monkeypatch.setattr("gateway.process.child.STARTING", 0.05)
    supervisor = Supervisor(tmp_path)
    child = supervisor.child
    assert child.trouble == "starting"
    await eventually(lambda: child.failures >= 2)
    assert child.trouble == f"{child.failures} processes have failed, the last: took no requests within 0.05 s"
    child.kill()
    assert await child.retire(5.0)
    supervisor.listener.close()
    supervisor.directory.remove()


async def test_one_that_drains_when_its_time_to_start_is_over_has_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: list[Any] = []
    later = asyncio.get_running_loop().call_later

    def call_later(delay: float, call: Any, *arguments: Any) -> asyncio.TimerHandle:
        if delay == gateway.process.child.STARTING:
            seconds.append(call)
        return later(delay, call, *arguments)

    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", call_later)
    supervisor = Supervisor(tmp_path)
    child = supervisor.child
    await eventually(lambda: child.ready)
    child._ready = False  # as it reports in a drain
    (end_late,) = seconds
    end_late()
    child.order(Drain(1.0, 0.1, 0.0))
    await eventually(lambda: ("death", 0) in supervisor.events)
    assert child.failures == 0
    child.kill()
    await child.retire(5.0)
    supervisor.listener.close()
    supervisor.directory.remove()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EMFILE, "Too many open files"), Shortage.DESCRIPTORS),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), Shortage.THREADS),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), Shortage.MEMORY),
        (MemoryError(), Shortage.MEMORY),
        (FileNotFoundError(errno.ENOENT, "no interpreter"), None),
    ],
    ids=repr,
)
async def test_a_process_that_cannot_be_made_is_tried_again_and_a_shortage_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: Shortage | None
) -> None:
    async def none(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "create_subprocess_exec", none)
        supervisor = Supervisor(tmp_path)
        child = supervisor.child
        await eventually(lambda: child.failures == 2)
        reported = [event for event in supervisor.events if event[0] == "shortage"]
        assert reported == ([("shortage", kind, "starting worker 7")] * 2 if kind else [])
        assert type(error).__name__ in child.trouble
    await eventually(lambda: child.ready)
    assert (child.failures, child.trouble) == (0, "")
    child.kill()
    await child.retire(5.0)
    supervisor.listener.close()
    supervisor.directory.remove()


async def test_deaths_in_a_row_are_replaced_more_and_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    loop = asyncio.get_running_loop()
    supervisor, began = Supervisor(tmp_path), loop.time()
    await eventually(lambda: supervisor.events.count(("death", 1)) == 4)
    assert loop.time() - began > 0.1 + 0.2 + 0.4
    supervisor.child.kill()
    assert await supervisor.child.retire(5.0), "the pause before the next process does not hold it up"
    supervisor.listener.close()
    supervisor.directory.remove()


async def test_the_end_of_the_run_is_announced_once_to_each_process_that_serves(supervisor: Supervisor) -> None:
    child, orders = supervisor.child, []
    child.announce()
    await eventually(lambda: child.ready)
    order = child.order

    def noted(one: Any) -> None:
        orders.append(one)
        order(one)

    child.order = noted  # type: ignore[method-assign]  # what goes over the socket
    child.announce()
    child.announce()
    assert orders == [Announce()]
    await eventually(lambda: child.status is not None and child.status["status"] == "draining")
    assert child.ready, "it goes on taking connections"
    before = child.pid
    child.end()
    await eventually(lambda: child.ready and child.pid != before)
    child.announce()
    assert orders.count(Announce()) == 2, "the next process knows nothing of it"
