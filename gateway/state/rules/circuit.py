"""The circuit of an upstream: what a store keeps of it, and how admissions and outcomes move it on.

Nothing here knows a clock or a file. Every store reads a circuit, moves it by ``admit`` or ``record_outcome``, and writes
it, all in one transaction: so one worker's outcomes protect all, and one probe is one over all workers.
"""

from __future__ import annotations

from typing import NamedTuple

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
STATES = (CLOSED, OPEN, HALF_OPEN)

FORGET = 86_400.0
"""Seconds after which a circuit without a call is as good as new."""

SLOTS = 10
"""Parts of the window of a failure ratio: a call leaves it at most a tenth of the window late."""

_SOON = 1.0  # seconds to wait while a probe is on its way
_KEPT = 253_402_300_799.0  # the end of the year 9999: what an operator ordered holds until the next order


class Trip(NamedTuple):
    """When a circuit opens and closes. ``failures`` in a row open it, as does a share ``ratio`` (0.0: none) of at least
    ``min_volume`` calls within ``window`` seconds. After ``recover_after`` seconds one probe at a time goes through;
    ``successes`` good ones in a row close. A probe without an outcome for ``probe_timeout`` seconds is taken for lost."""

    failures: int
    ratio: float
    window: float
    min_volume: int
    recover_after: float
    successes: int
    probe_timeout: float


class Circuit(NamedTuple):
    """``epoch`` counts the probes and changes: an outcome of a call from before the last of them is not about this state.

    ``failures`` are in a row, ``good`` probes in a row; ``opened_at`` and ``probe_until`` are Unix seconds, 0.0 for
    none. ``slots`` are the parts of the window: its number, calls, failures. ``expires``: forgotten from then on.
    ``forced`` is the state that an operator holds it in, empty when it goes by outcomes.
    """

    state: str = CLOSED
    epoch: int = 0
    failures: int = 0
    good: int = 0
    opened_at: float = 0.0
    retry_at: float = 0.0
    probe_until: float = 0.0
    expires: float = 0.0
    slots: tuple[tuple[int, int, int], ...] = ()
    forced: str = ""


NEW = Circuit()


class Admitted(NamedTuple):
    """The result for one call. ``epoch`` is handed back with its outcome; ``retry_in`` seconds until another try is
    worth it, 0.0 when ``ok``. ``circuit`` is the state now, ``was`` the name of the one before."""

    ok: bool
    epoch: int
    retry_in: float
    circuit: Circuit
    was: str


def current(circuit: Circuit | None, now: float) -> Circuit:
    """The circuit as it counts at ``now``: one that has expired is new, but for its epoch."""
    if circuit is None:
        return NEW
    return NEW._replace(epoch=circuit.epoch + 1) if 0.0 < circuit.expires <= now else circuit


def admit(circuit: Circuit, trip: Trip, now: float) -> Admitted:
    """Whether a call may go through, and the circuit after it."""
    if circuit.state == CLOSED:
        return Admitted(True, circuit.epoch, 0.0, circuit, CLOSED)
    if circuit.forced:
        return Admitted(False, 0, trip.recover_after, circuit, OPEN)
    if circuit.state == OPEN:
        # A clock that was set back must not keep the circuit open for as long as it was set back.
        left = min(circuit.retry_at - now, trip.recover_after)
        if left > 0:
            if circuit.opened_at > now:
                circuit = circuit._replace(opened_at=now, retry_at=now + left)
            return Admitted(False, 0, left, circuit, OPEN)
    elif now < circuit.probe_until <= now + trip.probe_timeout:
        return Admitted(False, 0, _SOON, circuit, HALF_OPEN)
    probing = circuit._replace(
        state=HALF_OPEN,
        epoch=circuit.epoch + 1,
        probe_until=now + trip.probe_timeout,
        expires=now + trip.probe_timeout + FORGET,
    )
    return Admitted(True, probing.epoch, 0.0, probing, circuit.state)


def record_outcome(circuit: Circuit, trip: Trip, epoch: int, failed: bool | None, now: float) -> Circuit:
    """The circuit after the call that was admitted at ``epoch``; None: it means nothing for the upstream."""
    if epoch != circuit.epoch or circuit.state == OPEN or circuit.forced:
        return circuit
    if circuit.state == HALF_OPEN:
        return _probed(circuit, trip, failed, now)
    if failed is None:
        return circuit
    slots = _counted(circuit.slots, trip, failed, now) if trip.ratio else ()
    if not failed and not circuit.failures and not slots:
        return circuit
    after = circuit._replace(failures=circuit.failures + 1 if failed else 0, slots=slots, expires=now + FORGET)
    tripped = after.failures >= trip.failures or (failed and _over(slots, trip))
    return _opened(after, trip, now) if tripped else after


def force(circuit: Circuit, state: str, now: float) -> Circuit:
    """The circuit held ``OPEN`` or ``CLOSED`` from now on, or handed back (empty).

    Handed back from open, the next call is a probe: how the upstream is by now is not known. From closed, it is new.
    """
    if state == circuit.forced:
        return circuit
    epoch = circuit.epoch + 1
    if state == OPEN:
        since = circuit.opened_at or now
        return Circuit(OPEN, epoch, circuit.failures, opened_at=since, retry_at=since, expires=_KEPT, forced=OPEN)
    if state == CLOSED:
        return NEW._replace(epoch=epoch, expires=_KEPT, forced=CLOSED)
    if circuit.forced == OPEN:
        return circuit._replace(epoch=epoch, retry_at=now, expires=now + FORGET, forced="")
    return NEW._replace(epoch=epoch, expires=now + FORGET)


def _probed(circuit: Circuit, trip: Trip, failed: bool | None, now: float) -> Circuit:
    if failed:
        return _opened(circuit._replace(failures=circuit.failures + 1), trip, now)
    freed = circuit._replace(probe_until=0.0, good=circuit.good + (failed is False))
    if freed.good < trip.successes:
        return freed
    return NEW._replace(epoch=circuit.epoch + 1, expires=now + FORGET)


def _opened(circuit: Circuit, trip: Trip, now: float) -> Circuit:
    return Circuit(
        OPEN,
        circuit.epoch + 1,
        circuit.failures,
        0,
        now,
        now + trip.recover_after,
        expires=now + trip.recover_after + FORGET,
    )


def _counted(
    slots: tuple[tuple[int, int, int], ...], trip: Trip, failed: bool, now: float
) -> tuple[tuple[int, int, int], ...]:
    number = int(now / trip.window * SLOTS)
    kept = tuple(slot for slot in slots if number - SLOTS < slot[0] < number)
    calls, failures = next((slot[1:] for slot in slots if slot[0] == number), (0, 0))
    return (*kept, (number, calls + 1, failures + failed))


def _over(slots: tuple[tuple[int, int, int], ...], trip: Trip) -> bool:
    calls = sum(slot[1] for slot in slots)
    return bool(slots) and calls >= trip.min_volume and sum(slot[2] for slot in slots) >= trip.ratio * calls
