"""What the gateway asks of its shared memory: atomic verbs of the domain, never get and set.

Every store answers the same verbs and passes the same contract suite (``tests/state/test_store.py``).
Limits follow the generic cell rate algorithm (ATM Forum Traffic Management 4.0, virtual scheduling): the whole
state of a key is one theoretical arrival time, the moment at which the key is as good as new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from gateway.state.rules.circuit import Admitted, Circuit, Trip
from gateway.state.rules.revocation import Revocation


class StateError(Exception):
    """The store cannot be opened or is not ours. The sentence names the file and what to do."""


class Take(NamedTuple):
    """``cost`` units from the bucket of ``key``: ``limit`` units every ``period`` seconds, ``burst`` of them at once.

    ``key`` is any bytes; no store keeps it in clear. ``lease``: up to so many units may be taken ahead of time by a worker
    whose store is a round trip away (``state.redis.leases``); a store that answers at once has no use for it.
    """

    key: bytes
    cost: int
    limit: int
    period: float
    burst: int
    lease: int = 0


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


class Attempt(NamedTuple):
    """One try at something that can be guessed, counted under ``key``.

    ``kind`` is ``account``, ``address`` or ``pair`` (an account as tried from one address). ``failures`` failed attempts
    within ``within`` seconds lock the key for ``lock_for`` seconds: the first lock for the first of them, further ones
    for the following, the last of them from then on. ``key`` is any bytes; no store keeps it in clear, except what
    follows the last NUL in the key of an address that is locked, so that operators can see who is.
    """

    key: bytes
    kind: str
    failures: int
    within: float
    lock_for: tuple[float, ...]


class Reserved(NamedTuple):
    """The answer to one attempt.

    ``ok``: nothing speaks against this attempt. Attempts are reserved only when all of a call are ok.
    ``locked_until``: Unix seconds, 0.0 when the key is not locked; not ok and not locked means that as many attempts
    as may fail are on their way. ``left``: attempts left after this one. ``full``: the store has no room for a new
    record, so the attempt is refused (lockouts fail closed).
    """

    ok: bool
    locked_until: float
    left: int
    full: bool = False


class Lock(NamedTuple):
    """A key that is locked now. ``who`` is the keyed hash in hex, of an address the address itself; ``since`` and
    ``until`` are Unix seconds; ``failures`` is how many earned it."""

    kind: str
    who: str
    since: float
    until: float
    failures: int
    reason: str


LOCK_REASONS = {
    "account": "failed attempts on one account",
    "address": "failed attempts from one address",
    "pair": "failed attempts on one account from one address",
}
"""Why a key of each kind is locked."""


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

    @property
    def together(self) -> AbstractContextManager[object]:
        """A context for the takes of many requests at once, in which no other verb is called. They may become visible to
        other processes at its end only; that they are answered exactly is as true as outside."""
        ...

    def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """One answer per attempt, in order. All are reserved, or none is.

        A reservation counts like a failure until it is settled, or for ``within`` seconds when nobody settles it.
        A key may come several times in one call, one attempt each.
        """
        ...

    def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """The verdict on reserved attempts. True: they failed, and a key with ``failures`` of them is locked. False:
        they succeeded, which clears the failures of an account or a pair, and gives an address only the attempt back.
        None: there is no verdict, so the attempt is given back. Answers with the locks that this has set."""
        ...

    def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """Up to ``limit`` of the keys that are locked, in no order."""
        ...

    def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """Forgets all about a key, its failures and former locks too. Whether it was locked."""
        ...

    def lift(self, kind: str, key: bytes, now: float) -> None:
        """Notes for a day that the locks on a key that were set before ``now`` are lifted, whoever else holds them."""
        ...

    def lifted(self, kind: str, key: bytes, now: float) -> float:
        """When the locks on a key were last lifted, as noted; 0.0 for never."""
        ...

    def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """Tokens of ``key`` (``kind``: ``subject`` or ``session``) that were issued before ``now`` are refused up to
        ``until``, Unix seconds. False when there is no room for another revocation."""
        ...

    def note(self, news: Sequence[Revocation], now: float) -> bool:
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

    def admit(self, name: bytes, trip: Trip, now: float) -> Admitted:
        """Whether a call may go through the circuit ``name``; of a crowd at a half-open one it is one call."""
        ...

    def found(self, name: bytes, trip: Trip, turn: int, failed: bool | None, now: float) -> tuple[Circuit, str]:
        """How the call went that was admitted at ``turn``: True failed, False went well, None says nothing. The circuit
        now, and the name of its state before: whoever changed it is the one to tell."""
        ...

    def force(self, name: bytes, state: str, now: float) -> tuple[Circuit, str]:
        """Holds the circuit ``open`` or ``closed`` whatever is found, or hands it back (empty). The circuit now, and the
        name of its state before; when its ``forced`` is not what was ordered, the store had no room to note it."""
        ...

    def circuit(self, name: bytes, now: float) -> Circuit:
        """The circuit ``name`` as it is; reads only."""
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


class RemoteStore(Protocol):
    """The memory of all replicas: the verbs of ``Store`` with a round trip in between. It answers always, by the
    embedded store where the shared one does not (``state.failover.store``), so none of these raises."""

    async def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        """See ``Store.take``."""
        ...

    def ask(self, takes: Sequence[Take], now: float, told: Callable[[Sequence[Taken]], None]) -> Sequence[Taken] | None:
        """``take`` without a coroutine: the answers when they are at hand; else None, and ``told`` is called with them
        once, from a later turn of the loop, whether anybody still waits or not."""
        ...

    async def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        """See ``Store.reserve``."""
        ...

    async def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        """See ``Store.settle``."""
        ...

    async def locks(self, now: float, limit: int) -> Sequence[Lock]:
        """See ``Store.locks``."""
        ...

    async def unlock(self, kind: str, key: bytes, now: float) -> bool:
        """See ``Store.unlock``. Holds on every replica at once."""
        ...

    async def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        """See ``Store.revoke``. Holds on this host at once, on the others within about a second."""
        ...
