"""Who takes the connections of a worker that cannot, and when operators are told."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.process.channel import Start
from gateway.process.child import Child, ChildEvents
from gateway.process.coverage import Coverage
from gateway.process.run_directory import RunDirectory
from gateway.process.sockets import bind
from tests.eventually import eventually
from tests.process.configs import written


class Worker:
    def __init__(self, number: int) -> None:
        self.number = number
        self.ready = True
        self.failures = 0
        self.trouble = ""
        self.covers: frozenset[int] = frozenset()

    def cover(self, numbers: frozenset[int]) -> None:
        self.covers = numbers - {self.number}


class Given:
    def __init__(self, count: int) -> None:
        self.workers = [Worker(number) for number in range(count)]
        self.events: list[tuple[str, dict[str, object]]] = []
        self.coverage = Coverage(self.workers, lambda name, **fields: self.events.append((name, fields)))


def test_all_others_take_the_connections_of_those_in_trouble_until_they_are_back() -> None:
    given = Given(4)
    given.coverage.renew()
    assert [worker.covers for worker in given.workers] == [frozenset()] * 4
    for number in (1, 2):
        given.workers[number].ready, given.workers[number].trouble = False, "starting"
    given.coverage.renew()
    assert given.workers[0].covers == given.workers[3].covers == {1, 2}
    given.workers[1].ready, given.workers[1].trouble = True, ""
    given.coverage.renew()
    assert [worker.covers for worker in given.workers] == [{2}, {2}, set(), {2}]


def test_the_first_failure_is_no_event_the_second_is_one_until_it_is_back() -> None:
    given = Given(2)
    worker = given.workers[1]
    worker.ready, worker.trouble, worker.failures = False, "starting", 1
    given.coverage.renew()
    assert given.events == []
    worker.failures, worker.trouble = 2, "2 processes have failed"
    for _ in range(3):
        given.coverage.renew()
    worker.failures, worker.trouble = 3, "3 processes have failed"
    given.coverage.renew()
    worker.ready, worker.failures, worker.trouble = True, 0, ""
    given.coverage.renew()
    given.coverage.renew()
    assert given.events == [
        ("worker_missing", {"number": 1, "why": "2 processes have failed"}),
        ("worker_back", {"number": 1}),
    ]


def test_one_that_says_nothing_is_an_event_at_once() -> None:
    given = Given(2)
    given.workers[0].trouble = "no report for 6 s"
    given.coverage.renew()
    assert given.workers[1].covers == {0}
    assert given.events == [("worker_missing", {"number": 0, "why": "no report for 6 s"})]


class Real:
    """Two workers as processes, under a coverage."""

    def __init__(self, folder: Path) -> None:
        config = written(folder)
        self.directory = RunDirectory(folder / "runs")
        self.sockets = bind("127.0.0.1", 0, 2)
        self.events: list[tuple[str, dict[str, object]]] = []
        self.children: list[Child] = []

        def start(child: Child) -> Start:
            others = {other.number: (other.listener.fileno(), None) for other in self.children if other is not child}
            own = child.listener.fileno()
            return Start(config, child.number, own, self.directory.path, b"key", "1.0", 5.0, others=others)

        events = ChildEvents(
            on_change=lambda: None,
            on_metrics=lambda number, report: None,
            on_end=lambda number: None,
            on_death=lambda child, code, age: None,
            on_cannot_serve=lambda why: None,
            make_start=start,
            environment=dict(os.environ),
            inherited=tuple(sock.fileno() for sock in self.sockets),
        )
        self.children += [Child(number, sock, events) for number, sock in enumerate(self.sockets)]
        self.coverage = Coverage(self.children, lambda name, **fields: self.events.append((name, fields)))

    def renewed(self, trouble: bool) -> bool:
        self.coverage.renew()
        return bool(self.children[0].trouble) is trouble

    async def alive(self) -> bytes:
        """The response to a request on a connection of its own."""
        reader, writer = await asyncio.open_connection(*self.sockets[0].getsockname())
        writer.write(b"GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(5):
            response = await reader.read()
        writer.close()
        return response.partition(b"\r\n")[0]


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Real]:
    made = Real(tmp_path)
    yield made
    for child in made.children:
        child.kill()
    await asyncio.gather(*(child.retire(5.0) for child in made.children))
    for sock in made.sockets:
        sock.close()
    made.directory.remove()


async def test_connections_to_a_stopped_worker_are_taken_by_the_other_those_that_wait_already_included(
    real: Real, monkeypatch: pytest.MonkeyPatch
) -> None:
    await eventually(lambda: all(child.ready for child in real.children))
    monkeypatch.setattr("gateway.process.child.SILENT", 1.5)
    pid = real.children[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    waiting = [asyncio.create_task(real.alive()) for _ in range(30)]
    await eventually(lambda: real.renewed(True))
    assert set(await asyncio.gather(*waiting, *(real.alive() for _ in range(30)))) == {b"HTTP/1.1 200 OK"}
    assert [name for name, _ in real.events] == ["worker_missing"]
    os.kill(pid, signal.SIGCONT)
    await eventually(lambda: real.renewed(False))
    assert [name for name, _ in real.events] == ["worker_missing", "worker_back"]
    other = real.children[1].pid
    assert other is not None
    os.kill(other, signal.SIGSTOP)
    await eventually(lambda: bool(real.children[1].trouble) and not real.renewed(True))
    assert {await real.alive() for _ in range(10)} == {b"HTTP/1.1 200 OK"}, "and the other way round"
