"""Every refusal of the gateway is an error with code and message for each call of the request, over every link."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.core.reason import REASONS
from tests.trpc.gateway_between import LINKS, bearer, expected, gateway_before, seen
from tests.trpc.real_peers import RealClient, RealServer

ME = "auth.getCurrentUser"
RESET = ("auth.resetPassword", {"json": {"email": "ada@example.com", "code": "123456", "password": "x"}})


def translate(text: str) -> tuple[str, Any]:
    return "chat.translate", {"json": {"text": text, "fromLanguage": "en", "toLanguage": "es"}}


# slug, the calls (each of them refused alone too), what the client sends along
REFUSED = {
    "token_missing": ([ME, ME], {}),
    "token_invalid": ([ME, ME], {"authorization": "Bearer not.a.token"}),
    "token_expired": ([ME, ME], bearer(exp=int(time.time()) - 60)),
    "claim_refused": ([ME, ME], bearer(type="refresh")),
    "route_denied": ([RESET, RESET], {}),
    "body_too_large": ([translate("x" * 600), translate("y" * 600)], {}),
    "origin_refused": (["lessons.getAll", "lessons.getAll"], {"origin": "https://linguamate.app.evil.example"}),
}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("slug", REFUSED)
async def test_a_refusal(client: RealClient, server: RealServer, link: str, count: int, slug: str) -> None:
    calls, headers = REFUSED[slug]
    async with gateway_before(server.url) as gateway:
        outcomes = await client.call(gateway.url, link, *calls[:count], headers=headers)
        assert [seen(outcome) for outcome in outcomes] == [expected(slug)] * count
        assert set(gateway.seen.reasons) == {slug}
    assert (await server.state())["heads"] == []


@pytest.mark.parametrize("link", LINKS)
async def test_an_unknown_procedure(client: RealClient, server: RealServer, link: str) -> None:
    async with gateway_before(server.url) as gateway:
        [alone] = await client.call(gateway.url, link, "lessons.nope")
        assert seen(alone) == expected("no_route")
        both = await client.call(gateway.url, link, "lessons.getAll", "lessons.nope")
    if link == "http":  # two requests: only the unknown one is refused
        assert (both[0]["event"], seen(both[1])) == ("result", expected("no_route"))
        return
    assert [seen(outcome) for outcome in both] == [expected("batch_malformed")] * 2
    assert (await server.state())["heads"] == []


@pytest.mark.parametrize("link", ["batch", "stream"])
async def test_a_batch_is_refused_whole_when_one_call_needs_a_token(
    client: RealClient, server: RealServer, link: str
) -> None:
    async with gateway_before(server.url) as gateway:
        outcomes = await client.call(gateway.url, link, "lessons.getAll", ME)
        assert [seen(outcome) for outcome in outcomes] == [expected("token_missing")] * 2
        assert (await server.state())["heads"] == []
        first, second = await client.call(gateway.url, link, "lessons.getAll", ME, headers=bearer())
    assert (first["event"], second["event"]) == ("result", "result")


@pytest.mark.parametrize("link", ["batch", "stream"])
async def test_more_calls_than_a_batch_may_have(client: RealClient, server: RealServer, link: str) -> None:
    async with gateway_before(server.url) as gateway:
        outcomes = await client.call(gateway.url, link, *["lessons.getAll"] * 4)
        assert [seen(outcome) for outcome in outcomes] == [expected("batch_too_large")] * 4
        assert (await server.state())["heads"] == []
        split = await client.call(gateway.url, link, *["lessons.getAll"] * 4, maxItems=3)
    assert {outcome["event"] for outcome in split} == {"result"}


@pytest.mark.parametrize("link", ["batch", "stream"])
async def test_a_call_that_must_travel_alone(client: RealClient, server: RealServer, link: str) -> None:
    login = ("auth.login", {"json": {"email": "ada@example.com", "password": "Correct-horse-1"}})
    async with gateway_before(server.url) as gateway:
        for companion in (login, translate("hello")):
            outcomes = await client.call(gateway.url, link, login, companion)
            assert [seen(outcome) for outcome in outcomes] == [expected("batch_refused")] * 2
    assert (await server.state())["heads"] == []


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("count", [1, 2])
async def test_too_many_calls(client: RealClient, server: RealServer, link: str, count: int) -> None:
    """A limit of three a minute counts calls, not requests; the sentence says how long to wait."""
    now = time.time()
    async with gateway_before(server.url, wall=lambda: now) as gateway:
        for _ in range(3 // count):
            passed = await client.call(gateway.url, link, *[translate("hello")] * count)
            assert {outcome["event"] for outcome in passed} == {"result"}
        if link == "http" and count == 2:
            await client.call(gateway.url, link, translate("hello"))
        outcomes = await client.call(gateway.url, link, *[translate("hello")] * count)
        refused = [seen(outcome) for outcome in outcomes]
        waits = [outcome["error"]["data"]["retry_after"] for outcome in outcomes]
    assert refused == [expected("rate_limited", wait) for wait in waits]
    assert waits == [20] * count
    assert sum((await server.state())["runs"].values()) == (3 if count == 1 or link == "http" else 2)


@pytest.mark.parametrize("link", LINKS)
async def test_every_refusal_says_which_request_it_was(client: RealClient, server: RealServer, link: str) -> None:
    async with gateway_before(server.url) as gateway:
        [outcome] = await client.call(gateway.url, link, ME)
        [exchange] = gateway.seen.exchanges
    data = outcome["error"]["data"]
    assert data == {
        "code": "UNAUTHORIZED", "httpStatus": 401, "path": None, "reason": "token_missing", "request_id": exchange.id,
    }  # fmt: skip


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("count", [1, 2])
async def test_an_upstream_that_is_not_there(client: RealClient, packages: None, link: str, count: int) -> None:
    async with gateway_before("http://127.0.0.1:1") as gateway:
        outcomes = await client.call(gateway.url, link, *["lessons.getAll"] * count)
    assert [seen(outcome) for outcome in outcomes] == [expected("upstream_unreachable")] * count


@pytest.mark.parametrize("link", ["http", "batch"])
async def test_an_upstream_that_is_too_slow(client: RealClient, server: RealServer, link: str) -> None:
    async with gateway_before(server.url, RESPONSE="100ms") as gateway:
        [outcome] = await client.call(gateway.url, link, "lessons.held")
        assert seen(outcome) == expected("upstream_timeout")
        await server.until(held=0)  # and the call is given up upstream


def test_the_client_knows_every_code_by_its_name() -> None:
    """What @trpc/client 11 has in its table of codes, so that none of ours arrives as a bare number."""
    assert {reason.rpc_name for reason in REASONS.values()} <= {
        "BAD_REQUEST", "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "METHOD_NOT_SUPPORTED", "TIMEOUT", "PAYLOAD_TOO_LARGE",
        "UNSUPPORTED_MEDIA_TYPE", "UNPROCESSABLE_CONTENT", "TOO_MANY_REQUESTS", "INTERNAL_SERVER_ERROR", "BAD_GATEWAY",
        "SERVICE_UNAVAILABLE", "GATEWAY_TIMEOUT",
    }  # fmt: skip
