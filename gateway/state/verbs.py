"""What the gateway asks of its shared memory: atomic verbs of the domain, never get and set.

Every store answers the same verbs and passes the same contract suite (``tests/state/test_contract.py``).
Limits follow the generic cell rate algorithm (ATM Forum Traffic Management 4.0, virtual scheduling): the whole
state of a key is one theoretical arrival time, the moment at which the key is as good as new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class StateError(Exception):
    """The store cannot be opened or is not ours. The sentence names the file and what to do."""


class Take(NamedTuple):
    """``cost`` units from the bucket of ``key``: ``limit`` units every ``period`` seconds, ``burst`` of them at once.

    ``key`` is any bytes; no store keeps it in clear.
    """

    key: bytes
    cost: int
    limit: int
    period: float
    burst: int


class Taken(NamedTuple):
    """The answer to one take.

    ``ok``: this take conforms. Units are charged only when every take of the call conforms.
    ``retry_after``: seconds until this take would conform; 0.0 when it does, and 0.0 with ``ok`` false when it never
    will (``cost`` over ``burst``). ``remaining``: units left now. ``reset``: seconds until the bucket is full again.
    ``full``: the store has no room for a new record, so the take is refused (limits fail closed).
    """

    ok: bool
    retry_after: float
    remaining: int
    reset: float
    full: bool = False


class Stats(NamedTuple):
    """Figures for health. ``records`` live or not yet swept, ``used`` and ``size`` in bytes, ``refused_full`` takes
    that this process refused because the store was full."""

    records: int
    used: int
    size: int
    refused_full: int


class Store(Protocol):
    """Shared memory of the workers. ``now`` is wall-clock time in Unix seconds, handed in so that tests move it."""

    def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """One answer per take, in order. All conform and all are charged, or none is charged."""
        ...

    def sweep(self, now: float, budget: int) -> int:
        """Looks at up to ``budget`` records, going on where the last call stopped; how many expired ones went."""
        ...

    def stats(self) -> Stats:
        """Figures for health; reads only."""
        ...

    def close(self) -> None:
        """Gives files and connections back. Calling it twice is harmless; no verb may follow."""
        ...
