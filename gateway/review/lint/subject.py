"""The configuration as rules look at it: what serves, who names which policy, and what is enforced now."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TypeVar

from gateway.config.model import Config, Route
from gateway.config.reporting import in_force
from gateway.config.setting import Setting
from gateway.core.loopback import is_loopback
from gateway.policy.base.settings import Policy

P = TypeVar("P", bound=Policy)


class Subject:
    """``config`` as it is in force at ``now``, in Unix seconds. ``served`` are the routes of the public listener that lead
    somewhere: a closed one has nothing to guard, and on the egress listener there is only the backend."""

    def __init__(self, config: Config, now: float) -> None:
        self.now = now
        self.config = in_force(config, now)
        self.served = [each for each in self.config.routes if each.listener == "public" and each.deny is None]

    def named(self, route: Route, section: str, kind: type[P]) -> Iterator[tuple[str, P]]:
        """The policies of ``section`` that ``route`` names, of the settings class ``kind``."""
        policies = self.config.policies.get(section, {})
        for name in route.policies.get(section, ()):
            policy = policies.get(name)
            if isinstance(policy, kind):
                yield name, policy

    def enforced(self, route: Route, section: str, kind: type[P]) -> Iterator[tuple[str, P]]:
        """Those of them that refuse: one in report mode guards nothing. That a route as a whole reports is a finding of its
        own, and no reason to find all the others too."""
        return ((name, policy) for name, policy in self.named(route, section, kind) if policy.mode == "enforce")

    def used(self, section: str, kind: type[P]) -> Iterator[tuple[str, P, list[Route]]]:
        """The policies of ``section`` with the routes that name them; one that nothing names is a warning already."""
        for name, policy in self.config.policies.get(section, {}).items():
            routes = [route for route in self.served if name in route.policies.get(section, ())]
            if routes and isinstance(policy, kind):
                yield name, policy, routes

    @property
    def open_to_network(self) -> bool:
        """Whether others than this machine reach the public listener."""
        host = self.config.listen.host
        return not (is_loopback(host.strip("[]")) or host == "localhost")

    @cached_property
    def settings(self) -> dict[str, Setting]:
        """What is set from where, by path."""
        return {setting.path: setting for setting in self.config.settings}

    def is_written(self, path: str) -> bool:
        """Whether something is written at ``path``, be it a reference that is empty on this machine."""
        return any(bool(each.at) for name, each in self.settings.items() if name == path or name.startswith(f"{path}."))


def is_guest_route(route: Route) -> bool:
    """Whether ``route`` lets everybody in."""
    return not route.policies.get("auth")


def at(route: Route, key: str = "") -> tuple[str, ...]:
    """The path of ``route``, or of what it says after ``key``."""
    return ("routes", route.name, key) if key else ("routes", route.name)
