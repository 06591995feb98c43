"""Which workers take the connections of another one that cannot.

The kernel spreads connections over the sockets of all workers (SO_REUSEPORT) whether or not a process accepts on them. So
every worker has the sockets of all, and those that serve accept for one that is being replaced, hangs or cannot start. No
connection is lost by that: none leaves the queue that it is in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

LOUD = 2  # processes of one worker that fail in a row, after which there is an event about it


class CoveredWorker(Protocol):
    """What is read of a worker (``process.child``)."""

    @property
    def number(self) -> int: ...
    @property
    def ready(self) -> bool: ...
    @property
    def failures(self) -> int: ...
    @property
    def trouble(self) -> str: ...

    def cover(self, numbers: frozenset[int]) -> None:
        """Take the connections of the workers of these numbers too, and of no others."""


class Coverage:
    """Keeps the connections of all ``workers`` taken. ``on_event`` gets the name and the fields of an event."""

    def __init__(self, workers: Sequence[CoveredWorker], on_event: Callable[..., None]) -> None:
        self._workers = workers
        self._on_event = on_event
        self._reported: set[int] = set()

    def renew(self) -> None:
        """To be called when a worker has come or gone, and about once a second."""
        troubled = frozenset(worker.number for worker in self._workers if worker.trouble)
        for worker in self._workers:
            worker.cover(troubled)
            self._report(worker)

    def _report(self, worker: CoveredWorker) -> None:
        trouble, known = worker.trouble, worker.number in self._reported
        if trouble and not known and (worker.ready or worker.failures >= LOUD):
            self._reported.add(worker.number)
            self._on_event("worker_missing", number=worker.number, why=trouble)
        elif known and not trouble:
            self._reported.discard(worker.number)
            self._on_event("worker_back", number=worker.number)
