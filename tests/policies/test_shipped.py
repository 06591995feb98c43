"""What the shipped files are, beyond what policies/tests says that they decide.

Which procedure and which address is open, closed or for signed-in users, within which limits, is said there, and runs as
``gateway test``. Here is what a request cannot show: what holds for all there is and could be, secrets, addresses to listen at,
and with which environment the gateway starts.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.config.load import load
from gateway.config.model import Config
from gateway.demo.procedures import PROCEDURES
from gateway.policy.kinds import ROUTE_KINDS
from tests.policies.shipped_files import ENTRY, ENVIRONMENT, seen_by_tests, shipped, written

ALIASES = {
    "auth.signin": "auth.login",
    "auth.logout": "auth.signout",
    "analytics.track": "analytics.trackEvent",
    "user.getProfile": "user.get",
    "user.updateSettings": "user.update",
    "leaderboard.getRankings": "leaderboard.get",
}

# All addresses beside procedures that may be asked for.
PATHS = {
    "/api", "/api/", "/api/info", "/api/health", "/api/toolkit/health", "/api/stt/health", "/api/ingest/logs",
    "/api/toolkit/v1/text/llm", "/api/toolkit/text/llm", "/api/toolkit/v1/images/generate", "/api/toolkit/v1/images/edit",
    "/api/toolkit/v1/stt/transcribe", "/api/toolkit/stt/transcribe", "/api/stt/transcribe", "/api/stt",
}  # fmt: skip


def problems(environment: Mapping[str, str]) -> str:
    found = load(ENTRY, environment)
    assert not isinstance(found, Config)
    return "\n".join(str(problem) for problem in found)


@pytest.fixture(scope="module")
def config() -> Config:
    return shipped()


@pytest.mark.no_cover  # thousands of requests; whichever of the two is first runs them for both
def test_all_that_the_shipped_files_let_through_or_refuse_is_tested() -> None:
    coverage = seen_by_tests().coverage
    assert coverage.routes.missing == coverage.targets.missing == coverage.reasons.missing == ()
    # it is as tight as login-per-address, which refuses before it, and there for who raises that one
    assert coverage.policies.missing == ("rate_limits.login-per-account",)
    assert coverage.settings.missing == ("rate_limits.login-per-account rate_limited",)


@pytest.mark.no_cover  # thousands of requests; whichever of the two is first runs them for both
def test_the_whole_backend_is_tested_and_never_more_open_than_it_is() -> None:
    verdicts = seen_by_tests().verdicts
    targets = {step.request.target for test in written() for step in test.steps}
    assert {f"/api/trpc/{alias}" for alias in ALIASES} <= targets
    assert len(PROCEDURES) == 62
    for name, row in PROCEDURES.items():
        found = verdicts[f"/api/trpc/{ALIASES.get(name, name)}"]
        assert found & {"pass", "route_denied"}, name
        assert row.public or {"token_missing", "route_denied"} & found, name


def test_nobody_signs_in_or_up_without_a_limit_of_the_network(config: Config) -> None:
    limits: Any = config.policies["rate_limits"]
    open_to_all = [route for route in config.routes if route.deny is None and route.policies["auth"] == ()]
    signing_in = [route for route in open_to_all if any(name.startswith("auth.") for name in route.procedures)]
    assert {route.name for route in signing_in} == {"login", "signup", "verify-email", "refresh-token"}
    for route in signing_in:
        keys = [limits[name].key for name in route.policies["rate_limits"]]
        assert ("network",) in keys, route.name


def test_what_is_limited_by_address_beside_the_ordinary_limit_is_limited_by_network_too(config: Config) -> None:
    limits: Any = config.policies["rate_limits"]
    for route in config.routes:
        keys = [limits[name].key for name in route.policies.get("rate_limits", ()) if name != "per-client"]
        assert ("address",) not in keys or ("network",) in keys, route.name


def test_the_aliases_are_those_of_the_backend(config: Config) -> None:
    trpc = config.upstreams["tutor"].trpc
    assert trpc is not None
    assert trpc.aliases == ALIASES
    assert trpc.prefix == "/api/trpc"


def test_procedures_are_let_through_by_name_only(config: Config) -> None:
    names = [name for route in config.routes for name in route.procedures]
    assert sorted(names) == sorted(set(PROCEDURES) - set(ALIASES))
    written = [path for route in config.routes if route.listener == "public" for path in route.paths]
    assert sorted(written) == sorted(PATHS)


def test_what_strangers_send_has_a_bound_in_its_body_and_its_query(config: Config) -> None:
    bodies: Any = config.policies["bodies"]
    used = {name for route in config.routes if route.listener == "public" for name in route.policies["bodies"]}
    assert used == {"json", "logs", "recording", "audio", "image"}
    for policy in (bodies[name] for name in used):
        assert policy.max and policy.types and policy.inflate is None
        assert (policy.query.max, policy.query.parameters) == (8 * 1024, 20)
    asked = {name for route in config.routes if "GET" in route.methods for name in route.policies["bodies"]}
    assert all({"GET", "HEAD"} <= set(bodies[name].without_content) for name in asked)


def test_every_closed_route_says_why(config: Config) -> None:
    closed = [route for route in config.routes if route.deny is not None]
    assert len(closed) == 5
    assert all(len(route.deny or "") > 20 for route in closed)


def test_the_paid_service_sees_the_gateways_key_and_nothing_of_the_user(config: Config) -> None:
    for name in ("toolkit", "stt"):
        edits = config.upstreams[name].request_headers
        assert edits.set["authorization"].reveal() == f"Bearer {ENVIRONMENT['TOOLKIT_API_KEY']}"
        assert set(edits.remove) == {"cookie", "x-session-id"}
        users = [route for route in config.routes if route.upstream == name and route.listener == "public"]
        assert users and all(route.policies["auth"] == ("access-token",) for route in users)


def test_the_backend_reaches_the_paid_service_over_loopback_only(config: Config) -> None:
    assert config.listen.egress is not None
    assert (config.listen.egress.host, config.listen.egress.port) == ("127.0.0.1", 8181)
    inner = [route for route in config.routes if route.listener == "egress"]
    assert {(path, route.upstream) for route in inner for path in route.paths} == {
        ("/text/llm/", "toolkit"),
        ("/images/generate/", "toolkit"),
        ("/images/edit/", "toolkit"),
        ("/stt/transcribe/", "stt"),
    }
    assert {route.methods for route in inner} == {("POST",)}


def test_every_policy_is_used(config: Config) -> None:
    used = {
        **{
            kind.section: {name for route in config.routes for name in route.policies[kind.section]}
            for kind in ROUTE_KINDS
        },
        "breakers": {upstream.breaker for upstream in config.upstreams.values()},
        "fallbacks": {name for upstream in config.upstreams.values() for name in upstream.fallback},
    }
    assert set(config.policies) == set(used)
    assert [name for kind, policies in config.policies.items() for name in set(policies) - used[kind]] == []


@pytest.mark.parametrize("name", ["JWT_SECRET", "TOOLKIT_API_KEY", "GATEWAY_OPS_TOKEN"])
def test_a_missing_secret_stops_the_start(name: str) -> None:
    assert name in problems({key: value for key, value in ENVIRONMENT.items() if key != name})


def test_all_missing_secrets_are_reported_together() -> None:
    reported = problems({})
    assert [name for name in ("JWT_SECRET", "TOOLKIT_API_KEY", "GATEWAY_OPS_TOKEN") if name not in reported] == []


def test_the_files_are_fit_for_production() -> None:
    assert shipped(GATEWAY_ENV="production").environment == "production"


def test_production_asks_for_more_than_development() -> None:
    weak = {**ENVIRONMENT, "GATEWAY_ENV": "production", "JWT_SECRET": "secret", "GATEWAY_STATE_KEY": ""}
    reported = problems({**weak, "CORS_ORIGINS": "http://localhost:8081"})
    assert [word for word in ("upstreams.yaml", "auth.yaml", "cors.yaml") if word not in reported] == []


def test_a_development_machine_may_add_its_own_origins() -> None:
    config = shipped(CORS_ORIGINS="http://localhost:8081,http://localhost:19006")
    assert "http://localhost:19006" in str(config.policies["cors"]["app"])
