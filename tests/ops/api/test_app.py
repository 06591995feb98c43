"""The operators' listener: who may ask, and what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.core.secret import Secret
from gateway.ops.api.app import application

TOKEN = "an-operators-token-of-some-length"
GOOD = {"authorization": f"Bearer {TOKEN}"}

Client = Callable[[Any], Awaitable[TestClient[Any, Any]]]


class Facts:
    def __init__(self, token: str | None, status: str = "ok") -> None:
        self._token = token
        self.status = status

    def token(self) -> Secret | None:
        return Secret(self._token) if self._token else None

    def picture(self) -> dict[str, Any]:
        return {"status": self.status, "version": "1"}

    def figures(self) -> bytes:
        return b"gateway_up 1.0\n"

    def routes(self) -> list[dict[str, Any]]:
        return [{"name": "chat"}]


async def test_health_figures_and_routes(aiohttp_client: Client) -> None:
    client = await aiohttp_client(application(Facts(TOKEN)))
    health = await client.get("/health", headers=GOOD)
    assert (health.status, await health.json()) == (200, {"status": "ok", "version": "1"})
    figures = await client.get("/metrics", headers=GOOD)
    assert (figures.status, await figures.text()) == (200, "gateway_up 1.0\n")
    assert figures.headers["content-type"].startswith("text/plain; version=")
    routes = await client.get("/v1/routes", headers=GOOD)
    assert (routes.status, await routes.json()) == (200, {"routes": [{"name": "chat"}]})
    for answer in (health, figures, routes):
        assert answer.headers["server"] == "gateway"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("status", "code"), [("degraded", 200), ("down", 503), ("starting", 503), ("draining", 503)])
async def test_health_that_cannot_serve_is_503(aiohttp_client: Client, status: str, code: int) -> None:
    client = await aiohttp_client(application(Facts(TOKEN, status)))
    assert (await client.get("/health", headers=GOOD)).status == code


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        TOKEN,
        "Bearer \udcff",
    ],
)
@pytest.mark.parametrize("path", ["/health", "/metrics", "/v1/routes", "/nothing"])
async def test_without_the_token_nothing_is_told(aiohttp_client: Client, value: str | None, path: str) -> None:
    client = await aiohttp_client(application(Facts(TOKEN)))
    answer = await client.get(path, headers={} if value is None else {"authorization": value})
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="ops"')
    assert answer.content_type == "application/problem+json"
    assert (await answer.json(content_type=None))["status"] == 401


async def test_the_scheme_is_case_insensitive_and_two_tokens_are_none(aiohttp_client: Client) -> None:
    client = await aiohttp_client(application(Facts(TOKEN)))
    assert (await client.get("/health", headers={"authorization": f"bearer {TOKEN}"})).status == 200
    twice = [("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}")]
    assert (await client.get("/health", headers=twice)).status == 401


async def test_without_a_configured_token_only_this_host_is_answered(aiohttp_client: Client) -> None:
    client = await aiohttp_client(application(Facts(None)))
    for host in ("localhost:9090", "127.0.0.1", "[::1]:9090"):
        assert (await client.get("/health", headers={"host": host})).status == 200
    for host in ("rebound.example", "10.0.0.1:9090", "[2001:db8::1]", ""):
        assert (await client.get("/health", headers={"host": host})).status == 403


@pytest.mark.parametrize("path", ["/", "/v1/breakers", "/v1/events", "/docs", "/openapi.json"])
async def test_what_is_not_there_is_a_problem(aiohttp_client: Client, path: str) -> None:
    client = await aiohttp_client(application(Facts(TOKEN)))
    answer = await client.get(path, headers=GOOD)
    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    refused = await client.post("/health", headers=GOOD)
    assert (refused.status, refused.headers["allow"]) == (405, "GET,HEAD")
