"""Routes as people know them who have not seen the files: which requests they take, and whether these need a token."""

from __future__ import annotations

from gateway.config.model import Config, Route
from gateway.policy.base.written import code

_MOST = 2  # paths or procedures that are named


def route_words(old: Config, new: Config) -> dict[str, str]:
    """Words for each route by its name: as the new side has it, or the old one where the new has none."""
    return {route.name: _words(config, route) for config in (old, new) for route in config.routes}


def _words(config: Config, route: Route) -> str:
    patterns = [*route.paths, *route.procedures]
    more = f" and {len(patterns) - _MOST} more" if len(patterns) > _MOST else ""
    taken = f"{', '.join(sorted(route.methods))} {', '.join(patterns[:_MOST])}{more}"
    if route.deny is not None:
        return f"{code(taken)}, closed"
    if route.listener == "egress":
        return f"{code(taken)}, calls of the backend"
    names = route.policies.get("auth", ())
    asks = [name for name in names if config.policies["auth"][name].mode == "enforce" and route.mode == "enforce"]
    return f"{code(taken)}, {f'a token of {code(asks[0])}' if asks else 'no token needed'}"
