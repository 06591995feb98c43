"""What no rate limit counts has a limit of its own, by address: on the wire, and for each way to be refused early."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.core.exchange import Exchange
from gateway.core.units import Rate
from gateway.core.verdict import Reply
from gateway.policy.client import Client
from gateway.proxy.flow.unrouted import MOST, UnroutedLimit
from tests.gateway_fixture import Running, running_gateway
from tests.processor_time import takes_at_most
from tests.proxy.requests import get, post
from tests.upstream_fixture import Response, running_upstream, wire

PROXIES = (ip_network("10.0.0.0/8"),)


class Clock:
    """Unix seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def limit(rate: Rate | None = Rate(3, 1.0)) -> tuple[UnroutedLimit, Clock]:  # noqa: B008  # frozen
    clock = Clock()
    return UnroutedLimit(rate, Client(PROXIES), clock), clock


def of(peer: str, path: str = "/nowhere", forwarded: bytes = b"") -> Exchange:
    exchange = Exchange("GET", path, {b"x-forwarded-for": forwarded} if forwarded else {}, peer, 0.0)
    exchange.path = path
    return exchange


def passed(limited: UnroutedLimit, exchange: Exchange, status: int = 404) -> bool:
    return limited.refusal(exchange, status) is None


def test_a_burst_passes_then_the_rate_and_each_address_has_its_own() -> None:
    limited, clock = limit()
    assert [passed(limited, of("192.0.2.1")) for _ in range(5)] == [True, True, True, False, False]
    assert passed(limited, of("192.0.2.2"))
    refused = limited.refusal(of("192.0.2.1"), 404)
    assert refused is not None
    assert (refused.reason.slug, refused.retry_after, refused.close) == ("rate_limited", 1, True)
    assert refused.limits == (("per_address", "unrouted", "enforce"),)
    clock.now += 0.4
    assert [passed(limited, of("192.0.2.1")) for _ in range(2)] == [True, False]


def test_handshakes_have_a_burst_of_their_own_and_take_nothing_from_the_rest() -> None:
    limited, clock = limit()
    assert [limited.admits_handshake("192.0.2.1", 5) for _ in range(7)] == [True] * 5 + [False] * 2
    assert limited.admits_handshake("192.0.2.2", 5) and passed(limited, of("192.0.2.1"))
    clock.now += 0.4
    assert [limited.admits_handshake("192.0.2.1", 5) for _ in range(2)] == [True, False]
    assert all(limit(None)[0].admits_handshake("192.0.2.1", 5) for _ in range(50))


def test_an_ipv6_client_counts_by_its_network() -> None:
    limited, _ = limit()
    assert [passed(limited, of(f"2001:db8::{n}")) for n in range(5)] == [True, True, True, False, False]


def test_behind_a_trusted_proxy_its_clients_are_counted_and_itself_is_not() -> None:
    limited, _ = limit()
    assert all(passed(limited, of("10.0.0.1")) for _ in range(9))
    assert [passed(limited, of("10.0.0.1", forwarded=b"192.0.2.1")) for _ in range(4)] == [True, True, True, False]
    assert passed(limited, of("10.0.0.1", forwarded=b"192.0.2.2"))


def test_nobody_is_charged_for_failures_of_ours_and_no_rate_is_no_limit() -> None:
    limited, _ = limit()
    assert all(passed(limited, of("192.0.2.1"), 503) for _ in range(9))
    unlimited, _ = limit(None)
    assert all(passed(unlimited, of("192.0.2.1")) for _ in range(9))


def test_health_has_a_burst_of_its_own_and_a_probe_of_this_machine_is_never_refused() -> None:
    limited, _ = limit()
    while passed(limited, of("127.0.0.1")):
        pass
    assert [passed(limited, of("127.0.0.1", "/health"), 200) for _ in range(4)] == [True, True, True, False]
    for probe in ("/health/live", "/health/ready"):
        assert all(passed(limited, of("127.0.0.1", probe), 200) for _ in range(9))
        assert not all(passed(limited, of("192.0.2.9", probe), 200) for _ in range(9))


def test_the_memory_for_addresses_is_bounded_and_one_more_costs_little() -> None:
    limited, clock = limit()
    for number in range(3 * MOST):
        passed(limited, of(f"192.{number >> 16}.{number >> 8 & 255}.{number & 255}"))
    assert limited.addresses <= MOST
    clock.now += 60.0
    assert passed(limited, of("198.51.100.1"))

    def charge() -> None:
        for number in range(2 * MOST):
            passed(limited, of(f"198.{number >> 16}.{number >> 8 & 255}.{number & 255}"))

    assert takes_at_most(2 * MOST * 30e-6, charge)  # the record and the parsing of the address included


ENTRY = """\
version: 1
include: [policies/*.yaml]
listen: {{limits: {{header_bytes: 8KiB, per_address: {{unrouted: 3/hour}}}}}}
upstreams:
  tutor: {{endpoints: [{{url: "{url}"}}]}}
defaults: {{auth: access-token, cors: app, rate_limits: [per-client], body: json, response_headers: secure}}
routes:
  - {{name: info, paths: [/api/info], upstream: tutor, auth: public}}
  - {{name: bare, paths: [/bare], upstream: tutor, rate_limits: []}}
  - {{name: closed, paths: [/closed], deny: "not yet", rate_limits: []}}
  - {{name: stood-in, paths: [/stood-in], upstream: tutor, auth: public, rate_limits: []}}
"""

PREFLIGHT = get("/api/info", "origin: https://linguamate.app", "access-control-request-method: GET").replace(
    b"GET", b"OPTIONS", 1
)
UNCOUNTED = {
    "preflight": PREFLIGHT,
    "refused-preflight": PREFLIGHT.replace(b"linguamate", b"another"),
    "unknown-origin": get("/api/info", "origin: https://evil.example"),
    "ambiguous-path": get("/api//info"),
    "two-lengths": get("/api/info", "content-length: 1", "content-length: 2"),
    "no-version": b"GET /\r\n\r\n",
    "large-head": get("/api/info", "x: " + "y" * 9000),
    "expectation": get("/api/info", "expect: magic"),
    "denied-without-limits": get("/closed"),
    "no-token-without-limits": get("/bare"),
    "health": get("/health"),
    "health-by-post": post("/health", b"{}"),
}


async def ask(gateway: Running, request: bytes) -> Response | None:
    """The response to ``request`` on a connection of its own; None for none."""
    async with wire(gateway.port) as client:
        client.send(request)
        try:
            return await client.response()
        except (EOFError, ConnectionError):
            return None


def healthy(path: str) -> Reply | None:
    return Reply(200, (), b"{}") if path == "/health" else None


@pytest.mark.parametrize("request_bytes", UNCOUNTED.values(), ids=UNCOUNTED)
async def test_what_no_rate_limit_counts_is_limited_by_address(request_bytes: bytes) -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(ENTRY.format(url=upstream.url), health=healthy) as gateway,
    ):
        found = [await ask(gateway, request_bytes) for _ in range(5)]
        assert all(response is not None and response.status != 429 for response in found[:3])
        for response in found[3:]:
            assert response is None or (response.status, response[b"connection"]) == (429, b"close")
        passing = await ask(gateway, get("/api/info"))  # its limit is another one
        assert passing is not None and passing.status == 200
        assert gateway.server.ended["unreadable"] == found.count(None)


async def test_what_a_rate_limit_counts_is_not_counted_twice() -> None:
    async with running_upstream() as upstream, running_gateway(ENTRY.format(url=upstream.url)) as gateway:
        for request_bytes in (get("/nowhere"), post("/api/info", b"{}"), get("/api/info")):
            for _ in range(5):
                response = await ask(gateway, request_bytes)
                assert response is not None and response.status != 429


async def test_an_upstream_that_fails_is_not_the_clients_fault() -> None:
    async with (
        running_upstream(b"nonsense\r\n\r\n") as upstream,
        running_gateway(ENTRY.format(url=upstream.url)) as gateway,
    ):
        for _ in range(5):
            response = await ask(gateway, get("/stood-in"))
            assert response is not None and response.status == 502
