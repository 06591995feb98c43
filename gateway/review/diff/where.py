"""Where the settings of a configuration are written, as ``file:line``."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config.model import Config
from gateway.config.tree import Position
from gateway.policy.kinds import SECTIONS

_NAMED = frozenset((*SECTIONS, "upstreams", "routes"))
"""The sections of what has names of its own."""


class Places:
    """The places of one side. A setting that is not written is where the nearest group around it begins."""

    def __init__(self, config: Config) -> None:
        self._routes = {route.name: route.position for route in config.routes}
        self._at: dict[str, str] = {}
        for setting in config.settings:
            if setting.at:
                at = setting.at.rpartition(":")[0]
                path = setting.path
                while path and path not in self._at:
                    self._at[path] = at
                    path = _above(path)

    def setting(self, path: Sequence[str]) -> str:
        """Of the setting at ``path`` from the root on, such as ``rate_limits.per-client.burst``."""
        keys = list(path)
        while len(keys) > (path[0] in _NAMED):  # what is around a policy or an upstream says nothing of it
            at = ".".join(keys)
            if at in self._at:
                return self._at[at]
            keys.pop()
        return ""

    def route(self, name: str) -> str:
        """Of the route ``name``; empty where there is none."""
        return _line(self._routes[name]) if name in self._routes else ""


def _above(path: str) -> str:
    return path[: max(path.rfind("."), path.rfind("["), 0)]


def _line(position: Position) -> str:
    return f"{position.file}:{position.line}" if position.line else ""
