"""Who may ask the operators' listener, and what becomes of errors."""

from __future__ import annotations

from time import thread_time
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.ops.api.fake_admin import BEARER, TOKEN, FakeAdmin
from tests.processor_time import slowdown, undisturbed

Client = TestClient[Any, Any]


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
async def test_without_the_token_there_is_nothing(client: Client, value: str | None, path: str) -> None:
    response = await client.get(path, headers={} if value is None else {"authorization": value})
    assert response.status == 401
    assert response.headers["www-authenticate"].startswith('Bearer realm="ops"')
    assert response.content_type == "application/problem+json"
    assert (await response.json(content_type=None))["status"] == 401


async def test_the_scheme_is_case_insensitive_and_two_tokens_are_none(client: Client) -> None:
    assert (await client.get("/health", headers={"authorization": f"bearer {TOKEN}"})).status == 200
    twice = [("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}")]
    assert (await client.get("/health", headers=twice)).status == 401


async def test_an_error_code_is_given_only_for_a_token_that_was_sent(client: Client) -> None:
    without = await client.get("/health")
    wrong = await client.get("/health", headers={"authorization": "Bearer no"})
    assert without.headers["www-authenticate"] == 'Bearer realm="ops"'
    assert wrong.headers["www-authenticate"] == 'Bearer realm="ops", error="invalid_token"'


async def test_without_a_configured_token_only_this_host_is_served(client: Client, admin: FakeAdmin) -> None:
    admin.bearer = ""
    for host in ("localhost:9090", "127.0.0.1", "[::1]:9090"):
        assert (await client.get("/health", headers={"host": host})).status == 200
    for host in ("rebound.example", "10.0.0.1:9090", "[2001:db8::1]", ""):
        assert (await client.get("/health", headers={"host": host})).status == 403


async def test_a_token_that_changes_with_the_configuration_is_asked_for_at_once(
    client: Client, admin: FakeAdmin
) -> None:
    admin.bearer = "another-token-of-the-operators"
    assert (await client.get("/health", headers=BEARER)).status == 401
    assert (await client.get("/health", headers={"authorization": f"Bearer {admin.bearer}"})).status == 200


async def test_what_a_web_page_could_send_without_a_preflight_is_refused(client: Client, admin: FakeAdmin) -> None:
    path = "/v1/breakers/stt/open"
    text = {"content-type": "text/plain"}
    assert (await client.post(path, data=b"{}", headers={**BEARER, **text})).status == 415
    assert (await client.post(path, headers=BEARER)).status == 200  # Authorization needs a preflight as JSON does
    admin.events.clear()
    admin.bearer = ""
    assert (await client.post(path, data=b"{}", headers=text)).status == 415
    assert (await client.post(path)).status == 415
    assert admin.events == []
    assert (await client.post(path, json={})).status == 200


async def test_parameters_of_a_media_type_are_not_read(client: Client, admin: FakeAdmin) -> None:
    """aiohttp parses them with ``email``, which takes 0.7 s for 8 KB of quotes, and raises for some."""
    path = "/v1/breakers/stt/open"
    admin.bearer = ""
    for parameters in ("; charset=utf-8", ";" + '"' * 8000, "; a*=" + '"' * 4000, "; a*0*=utf-8"):
        with undisturbed():
            began = thread_time()
            response = await client.post(path, data=b"{}", headers={"content-type": "Application/JSON" + parameters})
            taken = thread_time() - began
        assert (response.status, taken < 0.1 * slowdown()) == (200, True), parameters[:20]


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/unlock"), ("GET", "/v1/lockouts")])
async def test_a_store_that_cannot_be_opened_is_a_problem(
    client: Client, admin: FakeAdmin, method: str, path: str
) -> None:
    admin.kept = None
    response = await client.request(method, path, json={"account": "a"}, headers=BEARER)
    assert (response.status, response.content_type) == (503, "application/problem+json")
    assert (await response.json(content_type=None))["title"] == "the state folder is gone"


async def test_a_page_of_this_listener_may_use_it(client: Client, admin: FakeAdmin) -> None:
    host = f"{client.host}:{client.port}"
    own = {**BEARER, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert (await client.post("/v1/breakers/stt/open", json={}, headers=own)).status == 200
    behind_tls = {**BEARER, "host": "ops.example", "origin": "https://ops.example"}
    assert (await client.get("/health", headers=behind_tls)).status == 200
    assert (await client.get("/health", headers={**BEARER, "sec-fetch-site": "none"})).status == 200


async def test_a_link_of_another_site_may_be_followed_but_not_to_change_anything(
    client: Client, admin: FakeAdmin
) -> None:
    admin.bearer = ""
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert (await client.get("/health", headers=link)).status == 200
    response = await client.post("/v1/breakers/stt/open", json={}, headers=link)
    assert (response.status, admin.events) == (403, [])
