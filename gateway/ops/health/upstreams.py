"""The upstreams in /health: their endpoints and breakers, and the status of each."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from gateway.core.failure import Cause
from gateway.ops.plain import redact, rfc3339
from gateway.state.rules.circuit import CLOSED, HALF_OPEN, OPEN, Circuit

# The breaker of an upstream without one: the shape of the response is the same for all.
_BREAKER: dict[str, Any] = {
    "state": CLOSED,
    "forced": False,
    "failures": 0,
    "opened_at": None,
    "retry_in_s": None,
    "due": False,
    "last_failure": None,
}

_SEVERITY = {CLOSED: 0, HALF_OPEN: 1, OPEN: 2}


class EndpointStatus(Protocol):
    """What health reads of an upstream's endpoint (``proxy.pool.endpoint``)."""

    @property
    def label(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def unreachable(self) -> Collection[str]: ...
    @property
    def weight(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def region(self) -> str: ...
    @property
    def ejected_for(self) -> float: ...
    @property
    def healthy(self) -> bool: ...
    @property
    def never_responded(self) -> bool: ...
    @property
    def failures(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def cause(self) -> Cause | None: ...


class BreakerStatus(Protocol):
    """What health reads of an upstream's breaker (``policy.breaker``): ``enforced`` where it refuses calls, and the ``cause``
    of the last failure that this worker has counted."""

    @property
    def enforced(self) -> bool: ...
    @property
    def cause(self) -> Cause | None: ...
    def circuit(self) -> Circuit: ...


def breaker_status(circuit: Circuit, now: float, cause: Cause | None = None) -> dict[str, Any]:
    """A circuit as health and the list of breakers show it. ``forced``: an operator holds it in its state. ``due``: it has been
    open for its time, and the next call tries the upstream."""
    return {
        "state": circuit.state,
        "forced": bool(circuit.forced),
        "failures": circuit.failures,
        "opened_at": rfc3339(circuit.opened_at) if circuit.opened_at else None,
        "retry_in_s": max(0, math.ceil(circuit.retry_at - now)) if circuit.opened_at and not circuit.forced else None,
        "due": circuit.state == OPEN and not circuit.forced and now >= circuit.retry_at,
        "last_failure": failure_status(cause),
    }


def failure_status(cause: Cause | None) -> dict[str, Any] | None:
    """A failure as health shows it, safe to show: an upstream may have chosen parts of ``error``."""
    if cause is None:
        return None
    shown = {**cause._asdict(), "error": redact(cause.error), "at": rfc3339(cause.at)}
    return {name: value for name, value in shown.items() if value}


def upstream_status(
    endpoints: Sequence[EndpointStatus], breaker: BreakerStatus | None, now: float, required: bool = False
) -> dict[str, Any]:
    """One upstream of the section ``upstreams``; ``breaker`` is None where it has none.

    An endpoint that has responded to no check yet is not healthy in here, also while too few have failed to take it out: nobody
    has seen it alive, after a start and after a reload. An upstream is ``down`` while no endpoint is healthy, and one that is
    ``required`` also while its breaker refuses its calls. Once the next call may try it, it is not: who sees ``down`` may send
    no calls, and then nobody would ever try.
    """
    shown = _BREAKER if breaker is None else breaker_status(breaker.circuit(), now, breaker.cause)
    listed = [
        {
            "address": endpoint.label,
            "resolved": endpoint.address or None,
            "unreachable": sorted(endpoint.unreachable),
            "weight": endpoint.weight,
            "priority": endpoint.priority,
            "region": endpoint.region or None,
            "healthy": endpoint.healthy and not endpoint.never_responded,
            "ejected_until": rfc3339(now + endpoint.ejected_for) if endpoint.ejected_for else None,
            "failures": endpoint.failures,
            "in_flight": endpoint.in_flight,
            "last_failure": failure_status(endpoint.cause),
        }
        for endpoint in endpoints
    ]
    status = _reached(listed)
    if shown["state"] != CLOSED and status != "down":
        refuses = required and breaker is not None and breaker.enforced and shown["state"] == OPEN and not shown["due"]
        status = "down" if refuses else "degraded"
    return {"status": status, "required": required, "breaker": shown, "endpoints": listed}


def _reached(endpoints: Sequence[Mapping[str, Any]]) -> str:
    healthy = sum(1 for endpoint in endpoints if endpoint["healthy"])
    return "ok" if healthy == len(endpoints) else "degraded" if healthy else "down"


def merged_upstream(seen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One upstream as several workers see it, oldest first.

    It is ``down`` when it is for every worker: what one cannot reach and another can is ``degraded``. An endpoint is healthy
    when every worker reaches it, an address of it unreachable when one does not; calls in flight are added up; failures and ejections are the most of any worker, and the
    last failure is the latest. A breaker is one over all workers, read within a second: the worst reading counts.
    """
    statuses = {one["status"] for one in seen}
    breakers = [one["breaker"] for one in seen]
    worst = max(breakers, key=lambda one: (_SEVERITY[one["state"]], one["failures"]))
    return {
        "status": statuses.pop() if len(statuses) == 1 else "degraded",
        "required": seen[0]["required"],
        "breaker": {**worst, "last_failure": _latest(breakers)},
        "endpoints": _merged([upstream["endpoints"] for upstream in seen]),
    }


def _latest(seen: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The last failure that any of a breaker's or an endpoint's readings has."""
    failures = [one["last_failure"] for one in seen if one["last_failure"]]
    return max(failures, key=lambda failure: str(failure["at"]), default=None)


def _merged(rows: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The endpoints of all workers, each once. Workers may have resolved a name to different addresses."""
    same: dict[tuple[str, str | None], list[Mapping[str, Any]]] = {}
    for endpoint in (endpoint for row in rows for endpoint in row):
        same.setdefault((endpoint["address"], endpoint["resolved"]), []).append(endpoint)
    return [
        {
            **each[0],
            "unreachable": sorted({address for endpoint in each for address in endpoint["unreachable"]}),
            "healthy": all(endpoint["healthy"] for endpoint in each),
            "ejected_until": max(endpoint["ejected_until"] or "" for endpoint in each) or None,
            "failures": max(endpoint["failures"] for endpoint in each),
            "in_flight": sum(endpoint["in_flight"] for endpoint in each),
            "last_failure": _latest(each),
        }
        for each in same.values()
    ]
