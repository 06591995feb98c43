"""What the gateway asks of its shared memory: atomic verbs of the domain, never get and set.

There is one protocol for each need; a policy names the one that it uses. Every store answers the same verbs and passes
the same contract suites (``tests/state``). Times are Unix seconds of the wall clock, handed in so that tests move them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from gateway.state.rules.circuit import Admitted, Circuit, Trip
from gateway.state.rules.gcra import Take, Taken
from gateway.state.rules.lockout import Attempt, Lock, Reserved
from gateway.state.rules.revocation import Revocation


class StateError(Exception):
    """The store cannot be opened, or its file is not one of ours. The sentence names the file and what to do."""


class Stats(NamedTuple):
    """Figures for health. ``records`` counts the live ones and those not yet swept; ``used`` and ``size`` are in bytes;
    ``refused_full`` counts the takes that this process refused because the store was full."""

    records: int
    used: int
    size: int
    refused_full: int


class StoreCondition(NamedTuple):
    """How a store is. ``why`` it does not use its file but memory, a sentence, empty when it does; ``mending``: it has just
    found its file broken and has not tried to begin anew; ``events`` since the last time, names and fields for the log."""

    why: str = ""
    mending: bool = False
    events: Sequence[tuple[str, Mapping[str, object]]] = ()


class LimitStore(Protocol):
    """Rate limits (``state.rules.gcra``) that answer at once."""

    def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """One result for each take, in order. All conform and all are charged, or none is charged."""
        ...

    @property
    def group_commit(self) -> AbstractContextManager[object]:
        """A context for the takes of many requests at once, in which no other verb is called. Other processes may see
        the charges only at its end; the results are as exact as outside."""
        ...


class LockoutStore(Protocol):
    """Lockouts (``state.rules.lockout``) that answer at once."""

    def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """One result for each attempt, in order. All are reserved, or none is.

        A reservation counts like a failure until it is settled, or for ``within`` seconds when it is not settled.
        A key may come several times in one call, one attempt each.
        """
        ...

    def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """The verdict on reserved attempts. True: they failed, and a key with ``failures`` of them is locked. False:
        they succeeded, which clears the failures of an account or a pair, and gives an address only the attempt back.
        None: there is no verdict, so the attempt is given back. Returns the locks that this has set."""
        ...

    def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """Up to ``limit`` of the keys that are locked, in no order."""
        ...

    def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """Forgets all about a key, its failures and former locks too. Returns whether it was locked."""
        ...

    def lock_name(self, kind: str, key: bytes) -> str:
        """The keyed hash in hex under which a lock on a key is listed, unless it is on an address."""
        ...

    def waive(self, kind: str, key: bytes, now: float) -> None:
        """Records for a day that locks on a key set before ``now`` no longer hold, also those of other stores."""
        ...

    def waived_at(self, kind: str, key: bytes, now: float) -> float:
        """When the locks on a key were last waived; 0.0 for never."""
        ...


class CircuitStore(Protocol):
    """Circuits (``state.rules.circuit``), one for each upstream."""

    def admit(self, name: bytes, trip: Trip, now: float) -> Admitted:
        """Whether a call may go through the circuit ``name``; of many at a half-open one it is one call."""
        ...

    def record_outcome(
        self, name: bytes, trip: Trip, epoch: int, failed: bool | None, now: float
    ) -> tuple[Circuit, str]:
        """How the call went that was admitted at ``epoch``: True: it failed, False: it went well, None: it means nothing. Returns the
        circuit now and the name of its state before, so that the one caller that changed it can report the change."""
        ...

    def force(self, name: bytes, state: str, now: float) -> tuple[Circuit, str]:
        """Holds the circuit ``open`` or ``closed`` whatever the outcomes, or hands it back (empty). Returns the circuit
        now and the name of its state before; when its ``forced`` is not ``state``, the store had no room to record it."""
        ...

    def circuit(self, name: bytes, now: float) -> Circuit:
        """The circuit ``name`` as it is; reads only."""
        ...


class RevocationStore(Protocol):
    """Revoked tokens (``state.rules.revocation``)."""

    def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """Tokens of ``key`` (``kind``: ``subject`` or ``session``) that were issued before ``now`` are refused up to
        ``until``, Unix seconds. False when there is no room for another revocation."""
        ...

    def merge_revocations(self, news: Sequence[Revocation], now: float) -> bool:
        """Adds revocations by their names; of two of one name the later moment and the later end hold. False when one
        found no room."""
        ...

    def revocations(self, now: float) -> Sequence[Revocation]:
        """All that hold, in no order."""
        ...

    def revocation_name(self, kind: str, key: bytes) -> bytes:
        """The keyed hash by which a revocation is held."""
        ...

    def generation(self) -> int:
        """Another number after every change of the revocations, by whichever process; costs next to nothing."""
        ...


class StoreMaintenance(Protocol):
    """What the owner of a store does with it."""

    def sweep(self, now: float, budget: int) -> int:
        """Looks at up to ``budget`` records, going on where the last call stopped. Returns how many expired ones it
        removed."""
        ...

    def steady(self, now: float) -> float:
        """``now`` by the monotonic clock of the host, where the store has one; else as it is."""
        ...

    @property
    def condition(self) -> StoreCondition:
        """How the store is now."""
        ...

    def check(self) -> StoreCondition:
        """How the store is; brings back what does not work. To be called about once a second."""
        ...

    def stats(self) -> Stats:
        """Figures for health; reads only."""
        ...

    def close(self) -> None:
        """Gives files and connections back. Calling it twice is harmless; no verb may follow."""
        ...


class Store(LimitStore, LockoutStore, CircuitStore, RevocationStore, StoreMaintenance, Protocol):
    """The shared memory of the workers of a host."""


class RemoteLimitStore(Protocol):
    """Rate limits with a round trip in between."""

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``LimitStore.take``."""
        ...

    def begin_take(
        self, takes: Sequence[Take], now: float, on_taken: Callable[[Sequence[Taken]], None]
    ) -> Sequence[Taken] | None:
        """``take`` without a coroutine: the results when they are at hand; else None, and ``on_taken`` is called with
        them once, in a later iteration of the loop, whether the caller still waits or not."""
        ...


class RemoteLockoutStore(Protocol):
    """Lockouts with a round trip in between."""

    async def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """See ``LockoutStore.reserve``."""
        ...

    async def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """See ``LockoutStore.settle``."""
        ...

    async def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """See ``LockoutStore.locks``."""
        ...

    async def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """See ``LockoutStore.unlock``. Holds on every replica at once."""
        ...

    def lock_name(self, kind: str, key: bytes) -> str:
        """See ``LockoutStore.lock_name``."""
        ...


class RemoteRevocationStore(Protocol):
    """Revoked tokens with a round trip in between."""

    async def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """See ``RevocationStore.revoke``. Holds on this host at once, on the others within about a second."""
        ...


class RemoteStore(RemoteLimitStore, RemoteLockoutStore, RemoteRevocationStore, Protocol):
    """The memory of all replicas. Its verbs raise nothing: where the remote store does not answer, the embedded one
    does (``state.failover.store``)."""
