"""A running gateway whose only route has the stages of a test, to the upstream that it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.core.exchange import Exchange
from gateway.policy.base.stage import Stage
from gateway.proxy.routing.route import Built, CompiledRoute, bind
from tests.gateway_fixture import Running


@dataclass
class OneRoute:
    """A route table that leads every request to ``route``."""

    route: CompiledRoute

    def find(self, exchange: Exchange, method: str) -> CompiledRoute:
        return self.route


def use_stages(gateway: Running, stages: Sequence[Stage], **more: Any) -> CompiledRoute:
    """Have every request of ``gateway`` run under a route of ``stages`` from now on; ``more`` are its other attributes."""
    bound = bind("own", [Built(stage) for stage in stages])
    route = replace(bound, upstream=gateway.runtime.upstreams["tutor"], **more)
    gateway.runtime.routes = OneRoute(route)  # type: ignore[assignment]  # all that is asked of a route table
    return route
