"""What the gateway says about itself: the body of /health, and whether it lives and takes requests."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from gateway.core.verdict import Reply
from gateway.ops.plain import rfc3339
from gateway.state.rules.circuit import CLOSED, HALF_OPEN, OPEN, Circuit

# What an upstream without a breaker says: the shape of the answer is the same for all.
_BREAKER: dict[str, Any] = {
    "state": CLOSED,
    "forced": False,
    "failures": 0,
    "opened_at": None,
    "retry_in_s": None,
}

_SEVERITY = {CLOSED: 0, HALF_OPEN: 1, OPEN: 2}

_FIELDS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


class Endpoint(Protocol):
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
class StoreView:
    """The state store: its name, whether it answers, and since when (Unix seconds) it does not."""

    name: str
    ok: bool = True
    since: float | None = None

    def seen(self, ok: bool, now: float) -> None:
        """Take in the latest look at the store; ``since`` is the first of the looks that failed."""
        self.since = None if ok else (self.since or now)
        self.ok = ok


@dataclass(frozen=True, slots=True)
class View:
    """The plane that is serving: its configuration, and by upstream the endpoints and the look at its breaker.
    ``loaded_at`` in Unix seconds."""

    digest: str
    loaded_at: float
    store: StoreView
    upstreams: Mapping[str, Sequence[Endpoint]] = field(default_factory=dict)
    breakers: Mapping[str, Callable[[], Circuit]] = field(default_factory=dict)


class Health:
    """The health of one process. ``view`` is None until a plane is compiled; ``draining`` never goes back."""

    def __init__(self, version: str, wall: Callable[[], float] = time.time) -> None:
        self.view: View | None = None
        self.draining = False
        self._version = version
        self._wall = wall
        self._started = wall()

    def ready(self) -> bool:
        """Whether new requests are welcome."""
        return self.view is not None and not self.draining

    def picture(self) -> dict[str, Any]:
        """The whole body of /health, endpoints included."""
        view = self.view
        upstreams = (
            {name: _upstream(ends, self._breaker(name), self._wall()) for name, ends in view.upstreams.items()}
            if view
            else {}
        )
        return {
            "status": "draining"
            if self.draining
            else "starting"
            if view is None
            else overall(upstreams, view.store.ok),
            "version": self._version,
            "uptime_s": int(self._wall() - self._started),
            "config": {
                "digest": view.digest if view else None,
                "loaded_at": rfc3339(view.loaded_at) if view else None,
            },
            "state": {
                "store": view.store.name if view else None,
                "ok": view.store.ok if view else False,
                "since": rfc3339(view.store.since) if view and view.store.since else None,
            },
            "upstreams": upstreams,
        }

    def _breaker(self, name: str) -> dict[str, Any]:
        look = self.view.breakers.get(name) if self.view else None
        return _BREAKER if look is None else standing(look(), self._wall())

    def public(self, path: str) -> Reply | None:
        """The answer to a health path of the public listener; None for every other path."""
        if path == "/health":
            return answer(without_endpoints(self.picture()))
        if path == "/health/live":
            return Reply(200, _FIELDS, b'{"status":"alive"}')
        if path == "/health/ready":
            if self.ready():
                return Reply(200, _FIELDS, b'{"status":"ready"}')
            return Reply(503, _FIELDS, b'{"status":"draining"}' if self.draining else b'{"status":"starting"}')
        return None


def answer(picture: Mapping[str, Any]) -> Reply:
    """A picture as an answer: 503 unless its status says that requests are served."""
    return Reply(200 if picture["status"] in ("ok", "degraded") else 503, _FIELDS, orjson.dumps(picture))


def without_endpoints(picture: dict[str, Any]) -> dict[str, Any]:
    """The picture that strangers may see: which hosts stand behind the gateway is not their business."""
    upstreams = {
        name: {key: value for key, value in upstream.items() if key != "endpoints"}
        for name, upstream in picture["upstreams"].items()
    }
    return {**picture, "upstreams": upstreams}


def overall(upstreams: Mapping[str, Mapping[str, Any]], store_ok: bool) -> str:
    """``ok``, ``degraded`` (some of it is not well), or ``down``: every upstream is, so nothing can be served."""
    statuses = [upstream["status"] for upstream in upstreams.values()]
    if statuses and all(status == "down" for status in statuses):
        return "down"
    return "ok" if store_ok and all(status == "ok" for status in statuses) else "degraded"


def standing(circuit: Circuit, now: float) -> dict[str, Any]:
    """A circuit as health and the list of breakers tell it. ``forced``: an operator holds it in its state."""
    return {
        "state": circuit.state,
        "forced": bool(circuit.forced),
        "failures": circuit.failures,
        "opened_at": rfc3339(circuit.opened_at) if circuit.opened_at else None,
        "retry_in_s": max(0, math.ceil(circuit.retry_at - now)) if circuit.opened_at and not circuit.forced else None,
    }


def _upstream(endpoints: Sequence[Endpoint], breaker: Mapping[str, Any], now: float) -> dict[str, Any]:
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


def together(pictures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The pictures of several workers, oldest first, as one: an endpoint is healthy when every worker reaches it,
    calls in flight are added up, of failures and ejections the most is told, of a breaker (one over all workers, looked at within a
    second) the worst. Needs at least one picture."""
    first = pictures[0]
    upstreams: dict[str, Any] = {}
    for name in first["upstreams"]:
        seen = [picture["upstreams"][name] for picture in pictures if name in picture["upstreams"]]
        breaker = max((one["breaker"] for one in seen), key=lambda one: (_SEVERITY[one["state"]], one["failures"]))
        listed = _merged([upstream["endpoints"] for upstream in seen])
        upstreams[name] = {"status": _status(listed, breaker), "breaker": breaker, "endpoints": listed}
    unwell = [picture["state"] for picture in pictures if not picture["state"]["ok"]]
    state = unwell[0] if unwell else first["state"]
    serving = [picture["status"] for picture in pictures if picture["status"] in ("ok", "degraded", "down")]
    status = overall(upstreams, state["ok"]) if serving else first["status"]
    if status == "ok" and len(serving) < len(pictures):
        status = "degraded"
    return {**first, "status": status, "state": state, "upstreams": upstreams}


def _merged(rows: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The endpoints of all workers, each once. A name that is looked up may lead one worker further than another."""
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
