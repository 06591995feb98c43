"""The health of the gateway: the body of /health, and whether a process lives and takes requests."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict

import orjson

from gateway.core.verdict import Reply
from gateway.ops.plain import rfc3339
from gateway.ops.shortages import ShortageStatus
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

_FIELDS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


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


@dataclass(slots=True)
class StoreStatus:
    """The state store: its name, whether it works, and since when (Unix seconds) and ``why`` it does not. ``broken`` says
    at any moment whether its file is broken and nothing has taken its place yet."""

    name: str
    ok: bool = True
    since: float | None = None
    why: str = ""
    broken: Callable[[], bool] = field(default=lambda: False)

    def update(self, ok: bool, now: float, why: str = "") -> None:
        """Note whether the store works at ``now``, and ``why`` not; ``since`` is the first moment when it did not."""
        self.since = None if ok else (self.since or now)
        self.ok = ok
        self.why = why


@dataclass(frozen=True, slots=True)
class Serving:
    """The configuration that is served: its digest, when it was loaded (Unix seconds), the store it uses, and by upstream
    the endpoints and a function that gives the circuit of its breaker."""

    digest: str
    loaded_at: float
    store: StoreStatus
    upstreams: Mapping[str, Sequence[EndpointStatus]] = field(default_factory=dict)
    breakers: Mapping[str, Callable[[], Circuit]] = field(default_factory=dict)


class ConnectionsStatus(TypedDict):
    """How many client connections a worker takes on each listener, and how many are ``written`` in the configuration:
    more than its file descriptors may carry."""

    limit: int
    written: int


class Health:
    """The health of one worker. ``serving`` is None until a configuration is compiled; ``draining`` never goes back."""

    def __init__(self, version: str, wall: Callable[[], float] = time.time) -> None:
        self.serving: Serving | None = None
        self.draining = False
        self.connections = ConnectionsStatus(limit=0, written=0)
        self.shortages: Callable[[], list[ShortageStatus]] = list
        """Gives what the gateway has run out of (``ops.shortages``)."""
        self._version = version
        self._wall = wall
        self._started = wall()

    def ready(self) -> bool:
        """Whether the worker takes new requests."""
        return self.serving is not None and not self.draining

    def status(self) -> dict[str, Any]:
        """The whole body of /health, endpoints included."""
        serving = self.serving
        upstreams = (
            {name: _upstream(ends, self._breaker(name), self._wall()) for name, ends in serving.upstreams.items()}
            if serving
            else {}
        )
        shortages = self.shortages()
        status = {
            "status": "draining"
            if self.draining
            else "starting"
            if serving is None
            else overall(upstreams, serving.store.ok and not shortages),
            "version": self._version,
            "uptime_s": int(self._wall() - self._started),
            "config": {
                "digest": serving.digest if serving else None,
                "loaded_at": rfc3339(serving.loaded_at) if serving else None,
            },
            "state": {
                "store": serving.store.name if serving else None,
                "ok": serving.store.ok if serving else False,
                "since": rfc3339(serving.store.since) if serving and serving.store.since else None,
                **({"why": serving.store.why} if serving and serving.store.why else {}),
            },
            "connections": self.connections,
            "shortages": shortages,
            "upstreams": upstreams,
        }
        return {**status, "reasons": reasons(status)}

    def _breaker(self, name: str) -> dict[str, Any]:
        circuit = self.serving.breakers.get(name) if self.serving else None
        return _BREAKER if circuit is None else breaker_status(circuit(), self._wall())

    def public(self, path: str) -> Reply | None:
        """The response to a health path of the public listener; None for every other path."""
        if path == "/health":
            return health_response(without_endpoints(self.status()))
        if path == "/health/live":
            return Reply(200, _FIELDS, b'{"status":"alive"}')
        if path == "/health/ready":
            if self.ready():
                if self.serving is not None and self.serving.store.broken():
                    return Reply(503, _FIELDS, b'{"status":"state broken"}')
                return Reply(200, _FIELDS, b'{"status":"ready"}')
            return Reply(503, _FIELDS, b'{"status":"draining"}' if self.draining else b'{"status":"starting"}')
        return None


def health_response(status: Mapping[str, Any]) -> Reply:
    """The response with ``status`` as its body: 503 unless that says that requests are served."""
    return Reply(200 if status["status"] in ("ok", "degraded") else 503, _FIELDS, orjson.dumps(status))


def without_endpoints(status: dict[str, Any]) -> dict[str, Any]:
    """The part of a status that is public. It names no files, and not the hosts behind the gateway: not where one was not
    reached."""
    shortages = [{key: value for key, value in one.items() if key != "where"} for one in status["shortages"]]
    upstreams = {
        name: {key: value for key, value in upstream.items() if key != "endpoints"}
        for name, upstream in status["upstreams"].items()
    }
    state = {key: value for key, value in status["state"].items() if key != "why"}
    return {**status, "state": state, "shortages": shortages, "upstreams": upstreams}


def overall(upstreams: Mapping[str, Mapping[str, Any]], sound: bool) -> str:
    """``ok``; ``degraded``: an upstream is not ok, or the gateway itself is not ``sound``; or ``down``: no upstream is ok or
    degraded, so nothing can be served."""
    statuses = [upstream["status"] for upstream in upstreams.values()]
    if statuses and all(status == "down" for status in statuses):
        return "down"
    return "ok" if sound and all(status == "ok" for status in statuses) else "degraded"


def reasons(status: Mapping[str, Any]) -> list[str]:
    """Why ``status`` is not ok, for people; nothing when it is."""
    found = [f"out of {one['kind']} since {one['since']}" for one in status["shortages"]]
    state = status["state"]
    if not state.get("ok", True) and state.get("since"):
        memory = ", each worker counts in its memory" if state.get("why") else ""
        found.append(f"the state store fails since {state['since']}{memory}")
    found += [
        f"upstream {name} is {one['status']}" for name, one in status["upstreams"].items() if one["status"] != "ok"
    ]
    return found


def breaker_status(circuit: Circuit, now: float) -> dict[str, Any]:
    """A circuit as health and the list of breakers show it. ``forced``: an operator holds it in its state."""
    return {
        "state": circuit.state,
        "forced": bool(circuit.forced),
        "failures": circuit.failures,
        "opened_at": rfc3339(circuit.opened_at) if circuit.opened_at else None,
        "retry_in_s": max(0, math.ceil(circuit.retry_at - now)) if circuit.opened_at and not circuit.forced else None,
    }


def _upstream(endpoints: Sequence[EndpointStatus], breaker: Mapping[str, Any], now: float) -> dict[str, Any]:
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


def merge(statuses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The statuses of several workers, oldest first, as one. Needs at least one.

    An endpoint is healthy when every worker reaches it; calls in flight are added up; failures and ejections are the
    most of any worker. A breaker is one over all workers, read within a second: the worst reading counts.
    """
    first = statuses[0]
    upstreams: dict[str, Any] = {}
    for name in first["upstreams"]:
        seen = [status["upstreams"][name] for status in statuses if name in status["upstreams"]]
        breaker = max((one["breaker"] for one in seen), key=lambda one: (_SEVERITY[one["state"]], one["failures"]))
        listed = _merged([upstream["endpoints"] for upstream in seen])
        upstreams[name] = {"status": _status(listed, breaker), "breaker": breaker, "endpoints": listed}
    failing = [status["state"] for status in statuses if not status["state"]["ok"]]
    state = failing[0] if failing else first["state"]
    serving = [status["status"] for status in statuses if status["status"] in ("ok", "degraded", "down")]
    shortages = merged_shortages([status["shortages"] for status in statuses])
    word = overall(upstreams, state["ok"] and not shortages) if serving else first["status"]
    if word == "ok" and len(serving) < len(statuses):
        word = "degraded"
    return {**first, "status": word, "state": state, "shortages": shortages, "upstreams": upstreams}


def merged_shortages(each: Sequence[Sequence[ShortageStatus]]) -> list[ShortageStatus]:
    """The shortages of several processes, one a kind: since the first of them, and how often in all."""
    kinds: dict[str, ShortageStatus] = {}
    for one in (one for listed in each for one in listed):
        before = kinds.get(one["kind"], one)
        times = one["times"] if before is one else before["times"] + one["times"]
        kinds[one["kind"]] = {**one, "since": min(before["since"], one["since"]), "times": times}
    return list(kinds.values())


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
