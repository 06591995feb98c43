"""The operators' listener as a whole: fields that every response has, and paths that are no endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.ops.api.fake_admin import BEARER

Client = TestClient[Any, Any]


@pytest.mark.parametrize("path", ["/health", "/metrics", "/v1/routes", "/nothing"])
async def test_no_response_is_stored_sniffed_or_names_its_server(client: Client, path: str) -> None:
    for headers in (BEARER, {}):
        response = await client.get(path, headers=headers)
        assert response.headers["server"] == "gateway"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/v1/events", "/docs", "/openapi.json", "/v1/breakers/stt/half"])
async def test_a_path_that_is_no_endpoint_is_a_problem(client: Client, path: str) -> None:
    response = await client.get(path, headers=BEARER)
    assert (response.status, response.content_type) == (404, "application/problem+json")
    assert (await response.json(content_type=None)) == {"type": "about:blank", "title": "Not Found", "status": 404}


async def test_head_is_answered_where_get_is(client: Client) -> None:
    response = await client.head("/health", headers=BEARER)
    assert (response.status, await response.read()) == (200, b"")
    refused = await client.post("/health", headers=BEARER)
    assert (refused.status, refused.headers["allow"]) == (405, "GET,HEAD")


async def test_a_body_that_is_too_long_is_a_problem(client: Client) -> None:
    response = await client.post("/v1/unlock", json={"account": "a" * 65536}, headers=BEARER)
    assert (response.status, response.content_type) == (413, "application/problem+json")
