"""Every row of the table is behind the guard: no row can forget it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.ops.api.app import application
from gateway.ops.api.table import OPERATIONS, Operation
from tests.ops.api.fake_admin import BEARER, TOKEN, FakeAdmin

Client = TestClient[Any, Any]
JSON = {"content-type": "application/json"}
EXAMPLES = {"upstream": "stt", "order": "open"}

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")


def path_of(operation: Operation) -> str:
    """A path that the operation takes."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: EXAMPLES[found[1]], operation.path)


def nothing_happened(admin: FakeAdmin) -> bool:
    return admin.events == [] and admin.memory.circuit(b"stt", admin.clock).forced == ""


@each_operation
@pytest.mark.parametrize("bearer", [None, "", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"])
async def test_without_the_token_there_is_nothing(
    client: Client, admin: FakeAdmin, operation: Operation, bearer: str | None
) -> None:
    headers = JSON if bearer is None else {**JSON, "authorization": bearer}
    response = await client.request(operation.method, path_of(operation), headers=headers, data=b"{}")
    assert (response.status, response.content_type) == (401, "application/problem+json")
    assert response.headers["www-authenticate"].startswith('Bearer realm="ops"')
    assert nothing_happened(admin)


@each_operation
async def test_without_a_configured_token_another_host_gets_nothing(
    client: Client, admin: FakeAdmin, operation: Operation
) -> None:
    admin.bearer = ""
    headers = {**JSON, "host": "rebound.example"}
    response = await client.request(operation.method, path_of(operation), headers=headers, data=b"{}")
    assert (response.status, nothing_happened(admin)) == (403, True)


@each_operation
@pytest.mark.parametrize("with_token", [True, False])
async def test_a_form_of_a_web_page_changes_nothing(
    client: Client, admin: FakeAdmin, operation: Operation, with_token: bool
) -> None:
    if operation.method == "GET":
        assert operation.path.count("{") == 0, "reading takes no argument that could change anything"
        return
    admin.bearer = TOKEN if with_token else ""
    headers = BEARER if with_token else {}
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        response = await client.request(
            operation.method, path_of(operation), headers={**headers, "content-type": content_type}, data=b"{}"
        )
        assert (response.status, nothing_happened(admin)) == (415, True)


@each_operation
@pytest.mark.parametrize(
    "field",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
    ],
    ids=str,
)
@pytest.mark.parametrize("with_token", [True, False])
async def test_a_page_of_another_site_gets_nothing(
    client: Client, admin: FakeAdmin, operation: Operation, field: dict[str, str], with_token: bool
) -> None:
    admin.bearer = TOKEN if with_token else ""
    headers = {**JSON, **field, **(BEARER if with_token else {})}
    response = await client.request(operation.method, path_of(operation), headers=headers, data=b"{}")
    assert (response.status, response.content_type) == (403, "application/problem+json")
    assert nothing_happened(admin)


@each_operation
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_is_refused_with_those_that_are_allowed(
    client: Client, admin: FakeAdmin, operation: Operation, method: str
) -> None:
    allowed = {"GET": ["GET", "HEAD"]}.get(operation.method, [operation.method])
    if method in allowed:
        return
    response = await client.request(method, path_of(operation), headers={**BEARER, **JSON}, data=b"{}")
    assert (response.status, response.headers["allow"].split(",")) == (405, allowed)
    assert nothing_happened(admin)


async def test_the_application_has_the_rows_and_nothing_else(
    aiohttp_client: Callable[..., Awaitable[Client]],
) -> None:
    routes = {
        (route.method, route.resource.canonical) for route in application(FakeAdmin()).router.routes() if route.resource
    }
    rows = {(method, re.sub(r"\{(\w+):[^}]*\}", r"{\1}", path)) for method, path, _ in OPERATIONS}
    assert {route for route in routes if route[0] != "HEAD"} == rows


def test_every_row_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/operations.md").read_text()
    missing = [path for _, path, _ in OPERATIONS if path.partition("{")[0].rstrip("/") not in page]
    assert missing == []
