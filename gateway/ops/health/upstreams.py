"""The upstreams in /health: their endpoints and breakers, and the status of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gateway.ops.plain import rfc3339
from gateway.state.rules.circuit import CLOSED, HALF_OPEN, OPEN, Circuit

# The breaker of an upstream without one: the shape of the response is the same for all.
_BREAKER: dict[str, Any] = {
    "state": CLOSED,
    "forced": False,
    "failures": 0,
    "opened_at": None,
    "retry_in_s": None,
}

_SEVERITY = {CLOSED: 0, HALF_OPEN: 1, OPEN: 2}


class EndpointStatus(Protocol):
    """What health reads of an upstream's endpoint (``proxy.pool.endpoint``)."""

    @property
    def label(self) -> str: ...
    @property
    def address(self) -> str: ...
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
    def failures(self) -> int: ...
    @property
    def in_flight(self) -> int: ...


def breaker_status(circuit: Circuit, now: float) -> dict[str, Any]:
    """A circuit as health and the list of breakers show it. ``forced``: an operator holds it in its state."""
    return {
        "state": circuit.state,
        "forced": bool(circuit.forced),
        "failures": circuit.failures,
        "opened_at": rfc3339(circuit.opened_at) if circuit.opened_at else None,
        "retry_in_s": max(0, math.ceil(circuit.retry_at - now)) if circuit.opened_at and not circuit.forced else None,
    }


def upstream_status(endpoints: Sequence[EndpointStatus], circuit: Circuit | None, now: float) -> dict[str, Any]:
    """One upstream of the section ``upstreams``; ``circuit`` is None where it has no breaker."""
    breaker = _BREAKER if circuit is None else breaker_status(circuit, now)
    listed = [
        {
            "address": endpoint.label,
            "resolved": endpoint.address or None,
            "weight": endpoint.weight,
            "priority": endpoint.priority,
            "region": endpoint.region or None,
            "healthy": endpoint.healthy,
            "ejected_until": rfc3339(now + endpoint.ejected_for) if endpoint.ejected_for else None,
            "failures": endpoint.failures,
            "in_flight": endpoint.in_flight,
        }
        for endpoint in endpoints
    ]
    return {"status": _status(listed, breaker), "breaker": breaker, "endpoints": listed}


def _status(endpoints: Sequence[Mapping[str, Any]], breaker: Mapping[str, Any]) -> str:
    status = _reached(endpoints)
    return "degraded" if status == "ok" and breaker["state"] != CLOSED else status


def _reached(endpoints: Sequence[Mapping[str, Any]]) -> str:
    healthy = sum(1 for endpoint in endpoints if endpoint["healthy"])
    return "ok" if healthy == len(endpoints) else "degraded" if healthy else "down"


def merged_upstream(seen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One upstream as several workers see it, oldest first.

    An endpoint is healthy when every worker reaches it; calls in flight are added up; failures and ejections are the
    most of any worker. A breaker is one over all workers, read within a second: the worst reading counts.
    """
    breaker = max((one["breaker"] for one in seen), key=lambda one: (_SEVERITY[one["state"]], one["failures"]))
    listed = _merged([upstream["endpoints"] for upstream in seen])
    return {"status": _status(listed, breaker), "breaker": breaker, "endpoints": listed}


def _merged(rows: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The endpoints of all workers, each once. Workers may have resolved a name to different addresses."""
    same: dict[tuple[str, str | None], list[Mapping[str, Any]]] = {}
    for endpoint in (endpoint for row in rows for endpoint in row):
        same.setdefault((endpoint["address"], endpoint["resolved"]), []).append(endpoint)
    return [
        {
            **each[0],
            "healthy": all(endpoint["healthy"] for endpoint in each),
            "ejected_until": max(endpoint["ejected_until"] or "" for endpoint in each) or None,
            "failures": max(endpoint["failures"] for endpoint in each),
            "in_flight": sum(endpoint["in_flight"] for endpoint in each),
        }
        for each in same.values()
    ]
