"""Pages of other origins: those that are allowed may read with the token, no other page may do anything."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.ops.api.app import application
from gateway.ops.api.table import OPERATIONS, Operation
from gateway.state.rules.circuit import NEW
from tests.ops.api.fake_admin import BEARER, DASHBOARD, LOCAL, NOON, FakeAdmin

Client = TestClient[Any, Any]

FOREIGN = [
    "https://evil.example",
    "null",
    "",
    "*",
    "https://DASH.example",
    "HTTPS://dash.example",
    "https://dash.example:443",
    "https://dash.example:8443",
    "https://dash.example.",
    "https://dash.example/",
    "http://dash.example",
    "https://x.dash.example",
    "https://dash.example.evil.example",
    "https://dash.example, https://evil.example",
    "https://evil.example https://dash.example",
    "http://localhost",
    "http://localhost:5174",
]
each_foreign = pytest.mark.parametrize("origin", FOREIGN)
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")


def path_of(operation: Operation) -> str:
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: {"upstream": "stt", "order": "open"}[found[1]], operation.path)


def preflight(method: str, fields: str = "authorization, content-type", origin: str = DASHBOARD) -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": fields,
    }


def cors_fields(response: Any) -> dict[str, str]:
    return {
        name.lower(): value for name, value in response.headers.items() if name.lower().startswith("access-control")
    }


@each_operation
@pytest.mark.parametrize("origin", [DASHBOARD, LOCAL])
async def test_a_preflight_of_an_allowed_origin_is_answered_without_a_token_and_does_nothing(
    open_client: Client, admin: FakeAdmin, operation: Operation, origin: str
) -> None:
    response = await open_client.options(path_of(operation), headers=preflight(operation.method, origin=origin))
    assert response.status == 200
    assert await response.read() == b""
    fields = cors_fields(response)
    names = fields.pop("access-control-allow-headers").lower().split(",")
    assert sorted(names) == ["authorization", "content-type"]
    assert fields == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": operation.method,
        "access-control-max-age": "600",
    }
    assert (response.headers["vary"], response.headers["cache-control"]) == ("Origin", "no-store")
    assert (admin.events, admin.memory.circuit(b"stt", NOON)) == ([], NEW)


@each_operation
async def test_an_allowed_origin_reads_with_the_token(
    open_client: Client, admin: FakeAdmin, operation: Operation
) -> None:
    headers = {**BEARER, "origin": DASHBOARD, "sec-fetch-site": "cross-site"}
    body = None if operation.method == "GET" else {}
    response = await open_client.request(operation.method, path_of(operation), headers=headers, json=body)
    assert response.status in (200, 400), "400: an order that names nothing"
    assert cors_fields(response) == {"access-control-allow-origin": DASHBOARD}
    assert response.headers["vary"] == "Origin"


@each_operation
async def test_without_the_token_an_allowed_origin_gets_nothing(
    open_client: Client, admin: FakeAdmin, operation: Operation
) -> None:
    for more in ({}, {"authorization": "Bearer another"}, {"cookie": "token=x"}):
        headers = {"origin": DASHBOARD, "content-type": "application/json", **more}
        response = await open_client.request(operation.method, path_of(operation), headers=headers, data=b"{}")
        assert response.status == 401
        assert "access-control-allow-credentials" not in cors_fields(response)
    assert (admin.events, admin.memory.circuit(b"stt", NOON)) == ([], NEW)


@each_foreign
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_preflight_of_another_origin_is_not_answered(open_client: Client, origin: str, method: str) -> None:
    for path in ("/health", "/v1/unlock"):
        response = await open_client.options(path, headers=preflight(method, origin=origin))
        assert (response.status, cors_fields(response)) == (401, {})


@each_foreign
async def test_another_origin_reads_and_changes_nothing_even_with_the_token(
    open_client: Client, admin: FakeAdmin, origin: str
) -> None:
    headers = {**BEARER, "origin": origin}
    for response in (
        await open_client.get("/health", headers=headers),
        await open_client.post("/v1/breakers/stt/open", headers=headers),
        await open_client.post("/v1/breakers/stt/open", headers=headers, json={}),
        await open_client.options("/health", headers={**headers, **preflight("GET", origin=origin)}),
    ):
        assert (response.status, cors_fields(response)) == (403, {})
        assert response.content_type == "application/problem+json"
    assert (admin.events, admin.memory.circuit(b"stt", NOON)) == ([], NEW)


async def test_an_allowed_origin_beside_another_is_none(open_client: Client) -> None:
    twice = [*BEARER.items(), ("origin", DASHBOARD), ("origin", "https://evil.example")]
    response = await open_client.get("/health", headers=twice)
    assert response.status == 403


@pytest.mark.parametrize(
    ("path", "method"), [("/health", "POST"), ("/health", "DELETE"), ("/v1/unlock", "GET"), ("/v1/unlock", "DELETE")]
)
async def test_a_preflight_for_another_method_is_refused(open_client: Client, path: str, method: str) -> None:
    response = await open_client.options(path, headers=preflight(method))
    assert (response.status, cors_fields(response)) == (403, {})
    assert response.content_type == "application/problem+json"
    assert method not in await response.text()


async def test_a_preflight_for_another_field_is_refused(open_client: Client) -> None:
    response = await open_client.options("/health", headers=preflight("GET", "authorization, x-odd"))
    assert (response.status, cors_fields(response)) == (403, {})
    assert "x-odd" not in (await response.text()).lower()


async def test_what_is_no_preflight_needs_the_token(open_client: Client) -> None:
    assert (await open_client.options("/health", headers={"origin": DASHBOARD})).status == 401
    assert (await open_client.options("/nothing", headers=preflight("GET"))).status == 401


async def test_without_origins_nothing_is_answered_for_other_sites(client: Client) -> None:
    response = await client.options("/health", headers=preflight("GET"))
    assert (response.status, cors_fields(response)) == (401, {})
    response = await client.options("/health", headers={**BEARER, **preflight("GET")})
    assert (response.status, cors_fields(response)) == (403, {})
    response = await client.get("/health", headers={**BEARER, "origin": DASHBOARD})
    assert (response.status, cors_fields(response)) == (403, {})
    response = await client.get("/health", headers=BEARER)
    assert (response.status, "vary" in response.headers) == (200, False)


async def test_a_wildcard_is_for_every_origin_but_null(
    admin: FakeAdmin, aiohttp_client: Callable[..., Awaitable[Client]]
) -> None:
    admin.allowed = ["*"]
    client = await aiohttp_client(application(admin))
    for origin in (DASHBOARD, "https://evil.example"):
        response = await client.get("/health", headers={**BEARER, "origin": origin})
        assert (response.status, cors_fields(response)) == (200, {"access-control-allow-origin": origin})
        assert (await client.options("/health", headers=preflight("GET", origin=origin))).status == 200
        assert (await client.get("/health", headers={"origin": origin})).status == 401
    assert (await client.get("/health", headers={**BEARER, "origin": "null"})).status == 403


async def test_a_rebound_name_gets_no_preflight(admin: FakeAdmin, open_client: Client) -> None:
    admin.bearer = ""  # as when a reload takes the token away
    response = await open_client.options("/health", headers={**preflight("GET"), "host": "rebound.example"})
    assert (response.status, cors_fields(response)) == (403, {})


async def test_an_origin_that_a_reload_takes_away_is_refused_at_once(admin: FakeAdmin, open_client: Client) -> None:
    admin.allowed.remove(DASHBOARD)
    assert (await open_client.options("/health", headers=preflight("GET"))).status == 401
    assert (await open_client.get("/health", headers={**BEARER, "origin": DASHBOARD})).status == 403
    assert (await open_client.get("/health", headers={**BEARER, "origin": LOCAL})).status == 200
    admin.bearer, admin.allowed = "", []  # the token goes with the last of them
    for response in (
        await open_client.options("/health", headers={**preflight("GET"), "host": "localhost"}),
        await open_client.get("/health", headers={"origin": DASHBOARD, "host": "localhost"}),
    ):
        assert response.status == 403


async def test_an_origin_that_a_reload_adds_gets_no_fields_before_a_restart(admin: FakeAdmin, client: Client) -> None:
    admin.allowed = [DASHBOARD]
    response = await client.options("/health", headers=preflight("GET"))
    assert (response.status, cors_fields(response)) == (401, {})
    response = await client.get("/health", headers={**BEARER, "origin": DASHBOARD})
    assert cors_fields(response) == {}
