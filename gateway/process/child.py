"""One worker as the supervisor has it: the sockets that outlive its processes, and the process of the moment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

import gateway
from gateway.core.shortage import Shortage, shortage_of
from gateway.ops.metrics.families import MetricsReport
from gateway.process.channel import Announce, Cover, Find, Order, Reload, Start, Swap, encode

STARTING = 30.0  # seconds until a process that takes no requests counts as failed, and is ended
SILENT = 5.0  # seconds without a report, of which one comes each second: the process is stopped, or its loop is held up
YOUNG = 5.0  # seconds: a worker that dies sooner is replaced with a growing delay
FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0

LONGEST_REPORT = 16 * 1024 * 1024
"""Bytes of one line from a worker. A thousand routes with five outcomes each are half a megabyte, all that a worker counts
apart (``ops.metrics.worker.MOST_SERIES``) under the longest names six."""

_ROOT = str(Path(gateway.__file__ or "").resolve().parent.parent)


@dataclass(frozen=True, slots=True)
class ChildEvents:
    """The callbacks of the supervisor, and what a new process needs."""

    on_change: Callable[[], None]
    """The worker takes requests, or takes none any more."""
    on_metrics: Callable[[int, MetricsReport], None]
    """The worker of this number has reported its metrics."""
    on_end: Callable[[int], None]
    """The process of the worker of this number has ended, asked to or not."""
    on_death: Callable[[Child, int, int], None]
    """The process has ended without being asked to, with this exit code after so many seconds."""
    on_cannot_serve: Callable[[str], None]
    """The worker cannot serve its configuration at all, for this reason."""
    make_start: Callable[[Child], Start]
    """Gives the first order of a new process."""
    environment: dict[str, str]
    inherited: tuple[int, ...] = ()
    """Descriptors that a new process gets besides its own sockets."""
    on_shortage: Callable[[Shortage, str], None] = lambda kind, where: None
    """No process could be made: what the gateway has run out of, and where."""


class Child:
    """Keeps one worker running until ``retire``. ``number`` tells the workers apart, whatever their processes."""

    def __init__(
        self, number: int, listener: socket.socket, events: ChildEvents, egress: socket.socket | None = None
    ) -> None:
        self.number = number
        self.listener = listener
        self.egress = egress
        self._ready = False
        self.status: dict[str, Any] | None = None
        self.clients: dict[str, Any] | None = None
        self.digest = ""
        """The digest of the configuration that the worker was last given."""
        self.failures = 0
        """Processes in a row that ended before they took requests."""
        self.process: asyncio.subprocess.Process | None = None
        self._events = events
        self._writer: asyncio.StreamWriter | None = None
        self._finding: asyncio.Future[dict[str, Any] | None] | None = None  # a request
        self._asked: asyncio.Future[str] | None = None  # to build a configuration, or to swap
        self._retired = False
        self._why = ""  # the process before could not serve
        self._served = False  # the process has taken requests
        self._reported = 0.0  # the loop's time of its last report
        self._covering: frozenset[int] = frozenset()
        self._announced = False
        self._hurry = asyncio.Event()
        self._task = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.returncode is None else None

    @property
    def ready(self) -> bool:
        """Whether it takes requests. One that has ended since its last report does not, whoever notices first."""
        return self._ready and self.pid is not None

    @property
    def trouble(self) -> str:
        """Why the worker does not serve as it should, for operators; empty when it does."""
        silence = asyncio.get_running_loop().time() - self._reported
        if self.ready:
            return f"no report for {silence:.0f} s" if silence > SILENT else ""
        return f"{self.failures} processes have failed, the last: {self._why}" if self.failures else "starting"

    def cover(self, numbers: frozenset[int]) -> None:
        """Have it take the connections of the workers of these ``numbers`` as well, and of no others any more."""
        numbers -= {self.number}
        if self.ready and numbers != self._covering:
            self._covering = numbers
            self.order(Cover(numbers))

    def announce(self) -> None:
        """Have its process say that the run ends soon, once."""
        if self.ready and not self._announced:
            self._announced = True
            self.order(Announce())

    def order(self, order: Order) -> None:
        """Send an order to the worker, if there is one."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode(order))

    async def prepare(self, order: Reload, timeout: float) -> str:
        """Why the worker could not build the configuration, empty when it has. One that is just starting is left for later."""
        return await self._ask(order, timeout) if self.ready else ""

    async def swap(self, order: Reload, serve: bool, timeout: float) -> str:
        """Have it serve what it has built for ``order``, or drop it; why it could not, empty when it did. One that has not begun
        to take requests is left for later."""
        if not self.ready:
            return ""
        why = await self._ask(Swap(serve), timeout)
        if serve and not why:
            self.digest = order.config.digest
        return why

    async def find(self, request_id: str, timeout: float) -> dict[str, Any] | None:
        """What the worker keeps of the request of that id, None where it keeps nothing, or does not say within ``timeout``. One at
        a time: the callers take turns."""
        if not self.ready:
            return None
        finding: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        self._finding = finding
        self.order(Find(request_id))
        try:
            async with asyncio.timeout(timeout):
                return await finding
        except TimeoutError:
            return None
        finally:
            self._finding = None

    async def _ask(self, order: Order, timeout: float) -> str:
        self._asked = asyncio.get_running_loop().create_future()
        self.order(order)
        try:
            async with asyncio.timeout(timeout):
                return await self._asked
        except TimeoutError:
            return f"no answer within {timeout:g} s"
        finally:
            self._asked = None

    async def retire(self, seconds: float) -> bool:
        """Do not replace the worker any more, and wait for its end; kill it after ``seconds``. Returns whether it ended
        without that."""
        self._retired = True
        self._hurry.set()
        done, _ = await asyncio.wait([self._task], timeout=seconds)
        if not done:
            self.kill()
            await asyncio.wait([self._task])
        return bool(done)

    def kill(self) -> None:
        """End the worker now and do not replace it."""
        self._retired = True
        self._hurry.set()
        self.end()

    def end(self) -> None:
        """End the process now; another one replaces it."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        delay = FIRST_DELAY
        while not self._retired:
            born = loop.time()
            self._why, self._covering, self._served, self._announced = "", frozenset(), False, False
            try:
                code = await self._live()
            except (OSError, ValueError, MemoryError, RuntimeError) as error:
                # No process could be made (out of memory, of processes, of descriptors), or it reported no JSON.
                code = os.EX_OSERR
                self._not_made(error)
            self.failures = 0 if self._served else self.failures + 1
            self._why = self._why or f"exit code {code}"
            self._ready = False
            self.status = self.clients = None
            self._events.on_end(self.number)
            if self._asked is not None and not self._asked.done():
                self._asked.set_result("the worker died")
            age = loop.time() - born
            if not self._retired:
                self._events.on_death(self, code, int(age))
                if age < YOUNG:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(delay):
                            await self._hurry.wait()
                    delay = min(delay * 2, LONGEST_DELAY)
                else:
                    delay = FIRST_DELAY
            self._events.on_change()

    def _not_made(self, error: Exception) -> None:
        self._why = f"{type(error).__name__}: {error}"[:200]
        # fork(2) gives EAGAIN where a process more would be one too many.
        short = Shortage.THREADS if isinstance(error, BlockingIOError) else shortage_of(error)
        if short is not None:
            self._events.on_shortage(short, f"starting worker {self.number}")

    async def _live(self) -> int:
        """The life of one process; its exit code."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        path = os.pathsep.join(filter(None, (_ROOT, self._events.environment.get("PYTHONPATH"))))
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            self.process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "gateway.process.worker_main", str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=self._passed(theirs),
                env={**self._events.environment, "PYTHONPATH": path},
            )
            undo.pop_all()
        late = asyncio.get_running_loop().call_later(STARTING, self._end_late)
        try:
            reader, self._writer = await asyncio.open_connection(sock=ours, limit=LONGEST_REPORT)
            if self._retired:
                process.kill()
            start = self._events.make_start(self)
            self.digest = start.config.digest
            self.order(start)
            with contextlib.suppress(ConnectionError):
                async for line in reader:
                    if line.endswith(b"\n"):  # a worker that is killed may leave half a line
                        self._on_report(orjson.loads(line))
            return await process.wait()
        finally:
            late.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _passed(self, control: socket.socket) -> tuple[int, ...]:
        """The descriptors that the process inherits, each once."""
        own = (control, self.listener, self.egress)
        return tuple({*(sock.fileno() for sock in own if sock is not None), *self._events.inherited})

    def _end_late(self) -> None:
        if not self._served:  # one that has may be draining by now
            self._why = f"took no requests within {STARTING:g} s"
            self.end()

    def _on_report(self, report: dict[str, Any]) -> None:
        if "status" in report:
            changed = self._ready is not report["ready"]
            self._reported = asyncio.get_running_loop().time()
            self._ready = report["ready"]
            self.status, self.clients = report["status"], report.get("clients")
            self._events.on_metrics(self.number, report["metrics"])
            if self._ready:
                self.failures, self._served = 0, True
            if changed:
                self._events.on_change()
        elif "reload" in report:
            if self._asked is not None and not self._asked.done():
                self._asked.set_result(report["why"])
        elif "found" in report:
            if self._finding is not None and not self._finding.done():
                self._finding.set_result(report["found"])
        elif "cannot" in report:
            self._why = report["cannot"]
            self._events.on_cannot_serve(report["cannot"])
