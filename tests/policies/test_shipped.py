"""What the shipped files decide about every procedure and route of the real backend."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.config.load import load
from gateway.config.model import Config, Route
from gateway.core.pattern import PatternTable, compile_paths, compile_procedures
from gateway.policy.kinds import ROUTE_KINDS

ENTRY = Path(__file__).parents[2] / "upstreams.yaml"
ENVIRONMENT = {
    "JWT_SECRET": "vY2n7QmZ-8sLr4Wd1xTgK0bHc6Jp9uAe3fXo5iNt",
    "TOOLKIT_API_KEY": "mB4kQ9zR-2wXv7Lt0yGhD5sPn8Ec1aUj6oIf3rTq",
    "GATEWAY_OPS_TOKEN": "gT5cW8eN-1rZb6Kq9vFmS2xLj4Hd7oAu0iYp3nXs",
    "GATEWAY_STATE_KEY": "pL6dV1hM-9tCs3Gx8kRwJ5nBq0Zf2yEo7uAi4bTj",
}
ALIASES = {
    "auth.signin": "auth.login",
    "auth.logout": "auth.signout",
    "analytics.track": "analytics.trackEvent",
    "user.getProfile": "user.get",
    "user.updateSettings": "user.update",
    "leaderboard.getRankings": "leaderboard.get",
}

# What the backend has, and asks for: q query, m mutation; its own access; and what the gateway makes of it:
# open, token (the access token) or closed; with the limits beside per-client.
PROCEDURES = """
example.hi                     m public    closed
auth.login                     m public    open    login-per-address sign-in-per-network login-per-account
auth.signin                    m public    open    login-per-address sign-in-per-network login-per-account
auth.signup                    m public    open    signup-per-address signup-per-network
auth.signout                   m protected token
auth.logout                    m protected token
auth.refreshToken              m public    open    refresh-per-address refresh-per-network
auth.verifyEmail               m public    open    verify-per-address sign-in-per-network verify-per-account
auth.resetPassword             m public    closed
auth.requestPasswordReset      m public    closed
auth.deleteAccount             m protected token   password-per-user
auth.getCurrentUser            q protected token
auth.updateProfile             m protected token
auth.changePassword            m protected token   password-per-user
user.get                       q protected token
user.getProfile                q protected token
user.update                    m protected token
user.updateSettings            m protected token
user.completeOnboarding        m protected token
user.updateStats               m protected token
user.upgradeToPremium          m protected token
user.canSendMessage            q protected token
user.incrementMessageCount     m protected token
lessons.getAll                 q public    open
lessons.getById                q public    open
lessons.getUserProgress        q protected token
lessons.updateProgress         m protected token
lessons.getRecommended         q protected token
lessons.getDailyChallenge      q protected token
lessons.generate               m protected token   paid-per-user
lessons.submit                 m protected token
chat.getHistory                q protected token
chat.sendMessage               m protected token   paid-per-user
chat.translate                 m public    open    paid-per-address paid-per-network
chat.getConversationStarters   q public    open
chat.analyzePronunciation      m protected token   paid-per-user
analytics.trackEvent           m protected token
analytics.track                m protected token
analytics.getLearningAnalytics q protected token
analytics.getLeaderboard       q public    open
analytics.getRecommendations   q protected token
analytics.generateReport       m protected token   paid-per-user
learn.getContent               q public    token   paid-per-user
preferences.get                q protected token
preferences.upsert             m protected token
leaderboard.get                q public    open
leaderboard.getRankings        q public    open
leaderboard.searchUsers        q public    open    search-per-address search-per-network
leaderboard.getUserStats       q protected token
leaderboard.compareUsers       q public    open
leaderboard.getGlobalStats     q public    open
dialogue.getTopics             q public    open
dialogue.getScenes             q public    open
dialogue.startSession          m public    open    paid-per-address paid-per-network
dialogue.submitTurn            m public    open    paid-per-address paid-per-network
dialogue.endSession            m public    open
dialogue.getTranscript         q public    open
dialogue.scoreSemantic         m public    open    paid-per-address paid-per-network
tutorData.fetch                m public    closed
tutorData.fetchMultiple        m public    closed
tutorData.clearCache           m public    closed
tutorData.getCacheStats        q public    closed
"""

# Method, path, what the gateway makes of it, upstream and the path there ("-": as it came), body, further limits.
PATHS = """
GET  /api                           open   tutor   -                  json
GET  /api/info                      open   tutor   -                  json
GET  /api/health                    open   tutor   -                  json
GET  /api/toolkit/health            open   tutor   -                  json
GET  /api/stt/health                open   tutor   -                  json
POST /api/ingest/logs               open   tutor   -                  logs   logs-per-address logs-per-network
POST /api/toolkit/v1/text/llm       token  toolkit /text/llm/         json   paid-per-user
POST /api/toolkit/text/llm          token  toolkit /text/llm/         json   paid-per-user
POST /api/toolkit/v1/images/generate token toolkit /images/generate/  json   paid-per-user
POST /api/toolkit/v1/images/edit    token  toolkit /images/edit/      image  paid-per-user
POST /api/toolkit/v1/stt/transcribe token  stt     /stt/transcribe/   audio  paid-per-user
POST /api/toolkit/stt/transcribe    token  stt     /stt/transcribe/   audio  paid-per-user
POST /api/stt/transcribe            token  stt     /stt/transcribe/   audio  paid-per-user
POST /api/stt                       closed -       -                  json
"""


class Procedure(NamedTuple):
    name: str
    kind: str
    access: str
    decision: str
    limits: tuple[str, ...]


TABLE = [Procedure(*row[:4], tuple(row[4:])) for row in (line.split() for line in PROCEDURES.split("\n") if line)]
REST = [line.split() for line in PATHS.split("\n") if line]


def shipped(**changes: str) -> Config:
    found = load(ENTRY, {**ENVIRONMENT, **changes})
    assert isinstance(found, Config), "\n".join(map(str, found))
    return found


def problems(environment: Mapping[str, str]) -> str:
    found = load(ENTRY, environment)
    assert not isinstance(found, Config)
    return "\n".join(str(problem) for problem in found)


@pytest.fixture(scope="module")
def config() -> Config:
    return shipped()


@pytest.fixture(scope="module")
def procedures(config: Config) -> PatternTable[Route]:
    return compile_procedures([(name, route) for route in config.routes for name in route.procedures])


@pytest.fixture(scope="module")
def paths(config: Config) -> PatternTable[Route]:
    return compile_paths(
        [(path, route) for route in config.routes if route.listener == "public" for path in route.paths]
    )


def decision(route: Route) -> str:
    if route.deny is not None:
        return "closed"
    return {(): "open", ("access-token",): "token"}[route.policies["auth"]]


def test_the_table_is_the_whole_backend() -> None:
    assert len({row.name for row in TABLE}) == len(TABLE) == 62
    assert sorted(row.kind for row in TABLE) == ["m"] * 36 + ["q"] * 26
    assert sorted(row.access for row in TABLE) == ["protected"] * 32 + ["public"] * 30


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_procedure_is_decided_as_intended(row: Procedure, config: Config, procedures: PatternTable[Route]) -> None:
    route = procedures.find(ALIASES.get(row.name, row.name))
    assert route is not None
    assert decision(route) == row.decision
    assert not (row.access == "protected" and row.decision == "open"), "never more open than the backend"
    if row.decision != "closed":
        assert route.upstream == "tutor"
        assert route.policies["rate_limits"] == ("per-client", *row.limits)
        assert {"m": "POST", "q": "GET"}[row.kind] in route.methods


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
    assert sorted(names) == sorted({row.name for row in TABLE} - set(ALIASES))
    assert not [path for route in config.routes for path in route.paths if "*" in path]


@pytest.mark.parametrize("name", ["lessons.deleteAll", "auth", "auth.login2", "Auth.login", "admin.users", "user"])
def test_an_unknown_procedure_has_no_route(name: str, procedures: PatternTable[Route]) -> None:
    assert procedures.find(name) is None


@pytest.mark.parametrize("row", REST, ids=lambda row: row[1])
def test_a_path_is_decided_as_intended(row: list[str], paths: PatternTable[Route]) -> None:
    method, path, intended, upstream, rewrite, body, *limits = row
    route = paths.find(path)
    assert route is not None
    assert route.methods == (method,)
    assert decision(route) == intended
    assert (route.upstream or "-", route.rewrite or "-", route.policies["bodies"]) == (upstream, rewrite, (body,))
    assert route.policies["rate_limits"] == ("per-client", *limits)


def test_no_other_path_has_a_route(config: Config, paths: PatternTable[Route]) -> None:
    written = {path for route in config.routes if route.listener == "public" for path in route.paths}
    assert written == {row[1] for row in REST} | {"/api/"}
    assert [paths.find(path) for path in ("/", "/api/trpc", "/api/admin", "/api/stt/transcribe/")] == [None] * 4


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


def test_what_costs_money_is_limited_and_what_carries_a_password_travels_alone(procedures: PatternTable[Route]) -> None:
    alone = ["login", "signup", "refreshToken", "verifyEmail", "changePassword", "deleteAccount"]
    for name in alone:
        route = procedures.find(f"auth.{name}")
        assert route is not None
        assert (route.batch, route.methods) == ("deny", ("POST",))


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
