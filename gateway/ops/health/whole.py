"""The body of /health as a whole: its status and reasons, its public part, and that of several workers as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.ops.health.store import merged_store
from gateway.ops.health.upstreams import merged_upstream
from gateway.ops.shortages import merged_shortages
from gateway.state.rules.circuit import CLOSED


def without_endpoints(status: dict[str, Any]) -> dict[str, Any]:
    """The part of a status that is public. It names no files, and not the hosts behind the gateway: not where one was not
    reached."""
    shortages = [{key: value for key, value in one.items() if key != "where"} for one in status["shortages"]]
    upstreams = {name: _without_addresses(upstream) for name, upstream in status["upstreams"].items()}
    state = {key: value for key, value in status["state"].items() if key != "why"}
    return {**status, "state": state, "shortages": shortages, "upstreams": upstreams}


def _without_addresses(upstream: Mapping[str, Any]) -> dict[str, Any]:
    """The public part of an upstream, with the last failure of what is not well about it."""
    breaker, listed = upstream["breaker"], upstream["endpoints"]
    public = {key: value for key, value in upstream.items() if key not in ("endpoints", "required")}
    failing = [one["last_failure"] for one in listed if not one["healthy"]]
    if breaker["state"] != CLOSED:
        failing.append(breaker["last_failure"])
    last = max(filter(None, failing), key=lambda failure: str(failure["at"]), default=None)
    if last is not None:
        public["last_failure"] = _without_address(last)
    return {**public, "breaker": {**breaker, "last_failure": _without_address(breaker["last_failure"])}}


def _without_address(failure: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return (
        None if failure is None else {key: value for key, value in failure.items() if key not in ("error", "address")}
    )


def overall(upstreams: Mapping[str, Mapping[str, Any]], sound: bool) -> str:
    """``ok``; ``degraded``: an upstream is not ok, or the gateway itself is not ``sound``; or ``down``: a required upstream is
    down, or where none is required all are, so nothing can be served."""
    statuses = [upstream["status"] for upstream in upstreams.values()]
    needed = [upstream["status"] == "down" for upstream in upstreams.values() if upstream["required"]]
    if any(needed) or (not needed and statuses and all(status == "down" for status in statuses)):
        return "down"
    return "ok" if sound and all(status == "ok" for status in statuses) else "degraded"


def reasons(status: Mapping[str, Any]) -> list[str]:
    """Why ``status`` is not ok, for people; nothing when it is."""
    found = [f"out of {one['kind']} since {one['since']}" for one in status["shortages"]]
    state = status["state"]
    if not state.get("ok", True) and state.get("since"):
        memory = ", each worker counts in its memory" if state.get("why") else ""
        found.append(f"the state store fails since {state['since']}{memory}")
    for name, one in status["upstreams"].items():
        if one["status"] != "ok":
            found.append(f"upstream {name} is {one['status']}{', and it is required' if one['required'] else ''}")
        if one["breaker"]["due"]:
            found.append(f"the breaker of {name} is due: the next call tries the upstream")
    return found


def merge(statuses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The statuses of several workers, oldest first, as one; each section has its own function for that. Needs at least
    one."""
    first = statuses[0]
    upstreams = {
        name: merged_upstream([each["upstreams"][name] for each in statuses if name in each["upstreams"]])
        for name in first["upstreams"]
    }
    state = merged_store([status["state"] for status in statuses])
    serving = [status["status"] for status in statuses if status["status"] in ("ok", "degraded", "down")]
    shortages = merged_shortages([status["shortages"] for status in statuses])
    word = overall(upstreams, state["ok"] and not shortages) if serving else first["status"]
    if word == "ok" and len(serving) < len(statuses):
        word = "degraded"
    return {**first, "status": word, "state": state, "shortages": shortages, "upstreams": upstreams}
