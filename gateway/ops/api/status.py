"""The endpoints that only read: health in full, metrics, clients, routes."""

from __future__ import annotations

from aiohttp import web

from gateway.ops.api.admin import Admin
from gateway.ops.api.problem import json_response
from gateway.ops.health.health import health_response
from gateway.ops.metrics.run import CONTENT_TYPE


async def get_health(admin: Admin, _: web.Request) -> web.Response:
    """``GET /health``: over all workers, with their endpoints; 503 unless requests are served."""
    reply = health_response(admin.status())
    return web.Response(status=reply.status, body=reply.body, content_type="application/json")


async def get_metrics(admin: Admin, _: web.Request) -> web.Response:
    """``GET /metrics``, in Prometheus' text format."""
    return web.Response(body=admin.metrics(), headers={"content-type": CONTENT_TYPE})


async def get_clients(admin: Admin, _: web.Request) -> web.Response:
    """``GET /v1/clients``: the busiest clients of the last minute or two, and who fills the shares of upstreams."""
    return json_response(admin.clients())


async def get_routes(admin: Admin, _: web.Request) -> web.Response:
    """``GET /v1/routes``: the routes that are served."""
    return json_response({"routes": list(admin.routes())})
