"""Routes as they are compiled: what a closed one keeps, what a batch unites, and what is refused without a route."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.exchange import Call, Exchange
from gateway.core.verdict import Refusal
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.flow.decide import Decision, decide
from gateway.proxy.routing.route import CompiledRoute
from tests.gateway_fixture import POLICIES
from tests.proxy.compile.building import Build

ENTRY = """\
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc}}
  other: {endpoints: [{url: "http://127.0.0.1:2"}], trpc: {prefix: /other/trpc, transformer: none}}
defaults: {auth: access-token, cors: app, rate_limits: [per-client], body: json, response_headers: secure}
routes:
  - {name: plain, procedures: [a.plain], upstream: tutor}
  - {name: sign-in, procedures: [a.signIn], methods: [POST], upstream: tutor, auth: public, rate_limits: [strict], lockout: guesses}
  - {name: partner, procedures: [a.partner], upstream: tutor, cors: partner}
  - {name: single, procedures: [a.single], upstream: tutor, batch: deny}
  - {name: closed, procedures: [a.closed], deny: "not yet"}
  - {name: foreign, procedures: [b.foreign], upstream: other}
  - {name: read, paths: [/read], upstream: tutor}
  - {name: closed-path, paths: [/closed], deny: "not yet"}
"""
MORE = """\
lockouts:
  guesses: {account: /email}
"""


@pytest.fixture
async def runtime(build: Build) -> Runtime:
    policies = POLICIES.replace("bodies:", "  strict: {limit: 5/minute, key: [address]}\nbodies:")
    partner = '  partner: {origins: ["https://partner.example"]}\nrate_limits:'
    return build(ENTRY, policies.replace("rate_limits:", partner) + MORE)


def exchange(target: str) -> Exchange:
    made = Exchange("POST", target, {b"host": b"a"}, "192.0.2.1", 0.0)
    made.path, _, made.query = target.partition("?")
    return made


def found(runtime: Runtime, target: str, method: str = "POST") -> CompiledRoute:
    return runtime.routes.find(exchange(target), method)


def stages(route: CompiledRoute) -> list[str]:
    """The stages of ``route`` that decide, by name."""
    hooks: list[Any] = [hook for hook, _ in route.request_hooks[0]]
    return [type(hook.__self__).__name__ for hook in hooks]


def reason(route: CompiledRoute | None) -> str:
    assert route is not None and isinstance(route.fixed, Refusal)
    return route.fixed.reason.slug


def test_a_route_has_what_it_names_and_what_it_inherits(runtime: Runtime) -> None:
    assert stages(found(runtime, "/api/trpc/a.plain")) == ["Identity", "Cors", "Client", "RateLimit", "Jwt", "Body"]


def test_a_path_that_takes_get_takes_head(runtime: Runtime) -> None:
    assert found(runtime, "/read", "HEAD").name == "read"
    assert "HEAD" not in found(runtime, "/api/trpc/a.plain").methods


def test_a_closed_route_spends_nothing_but_its_first_limit(runtime: Runtime) -> None:
    for target, method in (("/api/trpc/a.closed", "POST"), ("/closed", "GET")):
        route = found(runtime, target, method)
        assert reason(route) == "route_denied"
        assert stages(route) == ["Identity", "Cors", "Client", "RateLimit"]


def test_a_preflight_that_no_cors_policy_answers_is_refused_with_the_headers_of_the_route(runtime: Runtime) -> None:
    preflight = found(runtime, "/api/trpc/a.plain").preflight
    assert reason(preflight) == "preflight_refused"
    assert preflight is not None and stages(preflight) == ["Identity", "Cors"]


def test_a_batch_has_what_any_of_its_routes_asks_for(runtime: Runtime) -> None:
    route = found(runtime, "/api/trpc/a.plain,a.signIn?batch=1")
    assert route.name == "batch"
    assert route.methods == {"POST"}
    assert route.policies == {
        "response_headers": ("secure",),
        "cors": ("app",),
        "rate_limits": ("per-client", "strict"),
        "auth": ("access-token",),
        "bodies": ("json",),
        "uploads": (),
        "schemas": (),
        "lockouts": ("guesses",),
    }
    assert stages(route) == ["Identity", "Cors", "Client", "RateLimit", "Jwt", "Body", "Buffer", "Lockout"]


def test_the_calls_of_a_batch_know_which_of_them_count(runtime: Runtime) -> None:
    asked = exchange("/api/trpc/a.plain,a.signIn?batch=1")
    runtime.routes.find(asked, "POST")
    named = [call.route.named for call in asked.calls]
    assert [names["rate_limits"] for names in named] == [{"per-client"}, {"strict"}]
    assert [names["lockouts"] for names in named] == [set(), {"guesses"}]


def test_a_batch_of_one_route_runs_on_that_route(runtime: Runtime) -> None:
    assert found(runtime, "/api/trpc/a.plain,a.plain?batch=1") is found(runtime, "/api/trpc/a.plain")


@pytest.mark.parametrize(
    ("procedures", "slug"),
    [
        ("a.plain,a.partner", "batch_refused"),  # two CORS policies cannot serve one response
        ("a.plain,a.single", "batch_refused"),
        ("a.plain,a.closed", "route_denied"),
        ("a.plain,a.unknown", "batch_malformed"),
        ("a.plain,b.foreign", "batch_malformed"),  # of another mount
    ],
)
def test_a_batch_that_cannot_be(runtime: Runtime, procedures: str, slug: str) -> None:
    assert reason(found(runtime, f"/api/trpc/{procedures}?batch=1")) == slug


@pytest.mark.parametrize(
    ("target", "method", "slug", "error_format"),
    [
        ("/nowhere", "GET", "no_route", "problem"),
        ("/read", "DELETE", "method_not_allowed", "problem"),
        ("/api/trpc/a.unknown", "POST", "no_route", "superjson"),
        ("/other/trpc/b.unknown", "POST", "no_route", "none"),
        ("/api/trpc/a.signIn", "GET", "method_not_allowed", "superjson"),
    ],
)
def test_what_no_route_takes(runtime: Runtime, target: str, method: str, slug: str, error_format: str) -> None:
    route = found(runtime, target, method)
    assert (reason(route), route.error_format, route.name) == (slug, error_format, "unmatched")
    assert stages(route) == ["Identity", "Cors", "Client", "RateLimit"]
    assert found(runtime, target, method) is route


def test_a_refused_method_names_those_that_are_allowed(runtime: Runtime) -> None:
    route = found(runtime, "/read", "DELETE")
    assert isinstance(route.fixed, Refusal)
    assert (b"allow", b"GET, HEAD") in route.fixed.headers


def test_an_unreadable_head_is_refused_with_the_headers_of_the_defaults(runtime: Runtime) -> None:
    assert stages(runtime.unrouted) == ["Identity", "Cors"]
    assert runtime.unrouted.name == "unmatched"


def test_a_denied_procedure_is_closed_under_every_mount(runtime: Runtime) -> None:
    assert found(runtime, "/other/trpc/a.closed").error_format == "none"
    assert found(runtime, "/api/trpc/a.closed").error_format == "superjson"


def test_calls_are_those_of_the_route(runtime: Runtime) -> None:
    asked = exchange("/api/trpc/a.plain")
    route = runtime.routes.find(asked, "POST")
    assert [(call.procedure, call.route) for call in asked.calls] == [(Call("a.plain").procedure, route)]


PER_ADDRESS = """\
listen: {egress: {}, limits: {per_address: {requests: 1}}}
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:1"}]}
routes:
  - {name: clients, paths: [/read], upstream: tutor, auth: public}
  - {name: backend, listener: egress, paths: [/read], upstream: tutor}
"""


async def test_requests_in_flight_of_one_address_are_limited_for_clients_and_not_for_the_backend(build: Build) -> None:
    clients, backend = build(PER_ADDRESS).compiled
    assert clients.depth == backend.depth + 1

    def passing(route: CompiledRoute) -> list[bool]:
        verdicts = []
        for _ in range(2):
            decision = Decision(exchange("/read"), route)
            verdicts.append(decide(None, decision).verdict is None)
        return verdicts

    assert passing(clients) == [True, False]
    assert passing(backend) == [True, True]
