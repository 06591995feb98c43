"""One worker's place: the socket that outlives its processes, and the process that is there just now."""

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
from gateway.process.channel import Order, Reload, Start, packed

YOUNG = 5.0  # seconds: a worker that dies sooner is replaced with a growing delay
FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0

_ROOT = str(Path(gateway.__file__ or "").resolve().parent.parent)


@dataclass(frozen=True, slots=True)
class Calls:
    """What a place tells the supervisor: its state changed, its worker died (after seconds, with code), how a reload
    went, or that a worker cannot serve this configuration at all."""

    changed: Callable[[], None]
    died: Callable[[Slot, int, int], None]
    cannot: Callable[[str], None]
    start: Callable[[Slot], Start]
    environment: dict[str, str]


class Slot:
    """Keeps one worker running until ``retire``."""

    def __init__(self, place: int, listener: socket.socket, calls: Calls, egress: socket.socket | None = None) -> None:
        self.place = place
        self.listener = listener
        self.egress = egress
        self.ready = False
        self.picture: dict[str, Any] | None = None
        self.follows = ""  # digest of the configuration that the worker was last given
        self.process: asyncio.subprocess.Process | None = None
        self._calls = calls
        self._writer: asyncio.StreamWriter | None = None
        self._reload: asyncio.Future[str] | None = None
        self._retired = False
        self._hurry = asyncio.Event()
        self._task = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.returncode is None else None

    def order(self, order: Order) -> None:
        """Send an order to the worker, if there is one."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(packed(order))

    async def reload(self, order: Reload, timeout: float) -> str:
        """Why the worker could not follow, empty when it did. One that is just starting is left for later."""
        if not self.ready:
            return ""
        self._reload = asyncio.get_running_loop().create_future()
        self.order(order)
        try:
            async with asyncio.timeout(timeout):
                why = await self._reload
            if not why:
                self.follows = order.config.digest
            return why
        except TimeoutError:
            return f"no answer within {timeout:g} s"
        finally:
            self._reload = None

    async def retire(self, seconds: float) -> bool:
        """Do not replace the worker any more, and wait for its end; kill it after ``seconds``. Whether it ended alone."""
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
        """End the worker now."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        delay = FIRST_DELAY
        while not self._retired:
            born = loop.time()
            try:
                code = await self._life()
            except OSError:  # no process could be made: out of memory, of processes, of descriptors
                code = os.EX_OSERR
            self.ready = False
            self.picture = None
            if self._reload is not None and not self._reload.done():
                self._reload.set_result("the worker died")
            age = loop.time() - born
            if not self._retired:
                self._calls.died(self, code, int(age))
                if age < YOUNG:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(delay):
                            await self._hurry.wait()
                    delay = min(delay * 2, LONGEST_DELAY)
                else:
                    delay = FIRST_DELAY
            self._calls.changed()

    async def _life(self) -> int:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        path = os.pathsep.join(filter(None, (_ROOT, self._calls.environment.get("PYTHONPATH"))))
        with theirs:
            self.process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "gateway.process.worker", str(theirs.fileno()), str(self.place)),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *(sock.fileno() for sock in (self.listener, self.egress) if sock)),
                env={**self._calls.environment, "PYTHONPATH": path},
            )
        try:
            reader, self._writer = await asyncio.open_connection(sock=ours, limit=1024 * 1024)
            if self._retired:
                process.kill()
            start = self._calls.start(self)
            self.follows = start.config.digest
            self.order(start)
            with contextlib.suppress(ConnectionError):
                async for line in reader:
                    self._heard(orjson.loads(line))
            return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _heard(self, message: dict[str, Any]) -> None:
        if "picture" in message:
            changed = self.ready is not message["ready"]
            self.ready = message["ready"]
            self.picture = message["picture"]
            if changed:
                self._calls.changed()
        elif "reload" in message:
            if self._reload is not None and not self._reload.done():
                self._reload.set_result(message["why"])
        elif "cannot" in message:
            self._calls.cannot(message["cannot"])
