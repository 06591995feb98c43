"""Compares schemas in a process of its own, which can be ended: the library cannot, and some schemas take it minutes."""

from __future__ import annotations

import contextlib
import resource
import signal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType

from gateway.policy.schema.compare import JsonSchema
from gateway.review.inputs import SchemaChange, compared, unknown

LIMIT = 10.0
"""Seconds that one pair of schemas may take."""

MEMORY = 2 * 1024**3
"""Bytes of memory that the process may take."""

_START = 60.0  # seconds until the process has begun: a busy machine takes some


class Comparison:
    """Compares one pair after the other, each within ``limit`` seconds. A context manager: the process ends with it."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._limit = limit
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Comparison:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def of(self, old: JsonSchema, new: JsonSchema) -> SchemaChange:
        """How ``new`` differs from ``old``; unknown where that takes too long."""
        pipe = self._pipe or self._begin()
        try:
            pipe.send((old, new))
            if not pipe.poll(self._limit):
                self._end()
                return unknown(f"could not be compared within {self._limit:g} seconds")
            found = pipe.recv()
        except (OSError, EOFError):
            self._end()
            return unknown("could not be compared: it takes more memory than there is for it, or is too deep")
        assert isinstance(found, SchemaChange)
        return found

    def _begin(self) -> Connection:
        # Not forked: the progress bar has a thread, and a copy of this process would have its locks.
        context = get_context("spawn")
        mine, its = context.Pipe()
        self._process = context.Process(target=_serve, args=(its,), daemon=True)
        self._process.start()
        its.close()
        self._pipe = mine
        if not mine.poll(_START):
            self._end()
            raise OSError("the process that compares does not begin")
        mine.recv()
        return mine

    def _end(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        self._process = self._pipe = None


def _serve(pipe: Connection) -> None:
    """The process: compares what comes, until nothing more comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    with contextlib.suppress(ValueError, OSError):  # a lower limit is in force
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    pipe.send(None)
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send(compared(*pipe.recv()))
