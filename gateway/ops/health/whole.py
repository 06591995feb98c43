"""The body of /health as a whole: its status and reasons, its public part, and that of several workers as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.ops.health.store import merged_store
from gateway.ops.health.upstreams import merged_upstream
from gateway.ops.shortages import merged_shortages


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
