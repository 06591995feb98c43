"""The state store in /health."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.ops.plain import rfc3339


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


def store_status(store: StoreStatus | None) -> dict[str, Any]:
    """The section ``state``; ``store`` is None before there is one."""
    if store is None:
        return {"store": None, "ok": False, "since": None}
    since = rfc3339(store.since) if store.since else None
    return {"store": store.name, "ok": store.ok, "since": since, **({"why": store.why} if store.why else {})}


def merged_store(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The section of several workers, oldest first: of the first one that fails, where one does."""
    return next((state for state in states if not state["ok"]), states[0])
