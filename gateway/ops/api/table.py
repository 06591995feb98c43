"""The endpoints of the operators' listener: one row each. A new row is behind the guard without further ado."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web

from gateway.ops.api.admin import Admin
from gateway.ops.api.breakers import ORDERS, get_breakers, post_breaker
from gateway.ops.api.explain import post_explain
from gateway.ops.api.lockouts import get_lockouts, post_unlock
from gateway.ops.api.reload import get_config, post_diff, post_reload
from gateway.ops.api.revocations import post_revoke
from gateway.ops.api.status import get_clients, get_health, get_metrics, get_routes
from gateway.ops.api.whois import post_whois


class Operation(NamedTuple):
    """``path`` is as aiohttp's router writes it. ``handler`` may raise InvalidOrder and StateError."""

    method: str
    path: str
    handler: Callable[[Admin, web.Request], Awaitable[web.Response]]


OPERATIONS = (
    Operation("GET", "/health", get_health),
    Operation("GET", "/metrics", get_metrics),
    Operation("GET", "/v1/routes", get_routes),
    Operation("GET", "/v1/clients", get_clients),
    Operation("GET", "/v1/breakers", get_breakers),
    Operation("POST", f"/v1/breakers/{{upstream}}/{{order:{'|'.join(ORDERS)}}}", post_breaker),
    Operation("GET", "/v1/lockouts", get_lockouts),
    Operation("POST", "/v1/unlock", post_unlock),
    Operation("POST", "/v1/revoke", post_revoke),
    Operation("POST", "/v1/whois", post_whois),
    Operation("POST", "/v1/explain", post_explain),
    Operation("GET", "/v1/config", get_config),
    Operation("POST", "/v1/reload", post_reload),
    Operation("POST", "/v1/diff", post_diff),
)
