"""The endpoints that only read."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.ops.api.fake_admin import BEARER, FakeAdmin

Client = TestClient[Any, Any]


async def test_health_metrics_and_routes(client: Client) -> None:
    health = await client.get("/health", headers=BEARER)
    assert (health.status, await health.json()) == (200, {"status": "ok", "version": "1", "upstreams": {}})
    metrics = await client.get("/metrics", headers=BEARER)
    assert (metrics.status, await metrics.text()) == (200, "gateway_up 1.0\n")
    assert metrics.headers["content-type"].startswith("text/plain; version=")
    routes = await client.get("/v1/routes", headers=BEARER)
    assert (routes.status, await routes.json()) == (200, {"routes": [{"name": "chat"}]})


@pytest.mark.parametrize(("status", "code"), [("degraded", 200), ("down", 503), ("starting", 503), ("draining", 503)])
async def test_health_that_cannot_serve_is_503(client: Client, admin: FakeAdmin, status: str, code: int) -> None:
    admin.health = status
    assert (await client.get("/health", headers=BEARER)).status == code


async def test_the_busiest_clients(client: Client) -> None:
    response = await client.get("/v1/clients", headers=BEARER)
    assert (response.status, await response.json()) == (200, {"since": None, "clients": [], "shares": []})
    assert (await client.get("/v1/clients")).status == 401
