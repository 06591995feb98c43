"""What the real client makes of responses that stand in for the backend's."""

from __future__ import annotations

import pytest

from tests.gateway_fixture import running_gateway
from tests.trpc.gateway_between import ENTRY, LINKS, POLICIES
from tests.trpc.real_peers import RealClient, RealServer

FALLBACKS = """\
breakers:
  strict: {failures: 1, recover_after: 60s, count: [connect]}
fallbacks:
  mock: {json: {lessons: [], mock: true}}
  error: {status: 503, json: {error: down, message: "The lessons are resting."}}
  last: {stale: {for: 1h}}
"""


def entry(chain: str) -> str:
    return ENTRY.replace("    trpc:", f"    breaker: strict\n    fallback: {chain}\n    trpc:")


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("count", [1, 2])
async def test_a_mock_is_the_result_of_each_call(client: RealClient, link: str, count: int) -> None:
    dead = {"TUTOR_URL": "http://127.0.0.1:1"}
    async with running_gateway(entry("mock"), dead, policies=POLICIES + FALLBACKS) as gateway:
        for _ in range(2):  # the first cannot connect, the second meets an open circuit
            outcomes = await client.call(gateway.url, link, *["lessons.getAll"] * count)
            assert [outcome["event"] for outcome in outcomes] == ["result"] * count, outcomes
            assert [outcome["data"]["json"] for outcome in outcomes] == [{"lessons": [], "mock": True}] * count


@pytest.mark.parametrize("link", LINKS)
async def test_an_error_is_an_error_with_code_and_message(client: RealClient, link: str) -> None:
    dead = {"TUTOR_URL": "http://127.0.0.1:1"}
    async with running_gateway(entry("error"), dead, policies=POLICIES + FALLBACKS) as gateway:
        outcomes = await client.call(gateway.url, link, "lessons.getAll", "lessons.getAll")
        for outcome in outcomes:
            assert outcome["event"] == "error"
            error = outcome["error"]
            assert (error["message"], error["code"], error["httpStatus"]) == (
                "The lessons are resting.",
                "SERVICE_UNAVAILABLE",
                503,
            )


@pytest.mark.parametrize("link", ["http", "batch"])
async def test_the_last_good_answer_is_a_result(client: RealClient, server: RealServer, link: str) -> None:
    async with running_gateway(entry("last"), {"TUTOR_URL": server.url}, policies=POLICIES + FALLBACKS) as gateway:
        [real] = await client.call(gateway.url, link, "lessons.getAll")
        runtime = gateway.runtime
        endpoint = runtime.upstreams["tutor"].endpoints[0]
        for connection in list(endpoint.idle):
            connection.close()
        endpoint.port = 1
        [stale] = await client.call(gateway.url, link, "lessons.getAll")
        assert real["event"] == stale["event"] == "result"
        assert stale["data"] == real["data"]
        assert [exchange.fallback for exchange in gateway.seen.exchanges] == ["", "last"]
