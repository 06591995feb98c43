"""A policy that looks into the body needs one that is JSON and nothing else; a count that strangers can use up is warned of."""

from dataclasses import replace

import pytest

from gateway.config.checks import reading
from gateway.config.model import Route
from gateway.config.problem import Location, Report
from gateway.config.tree import Mapping, Position
from gateway.policy.base.settings import Policy
from gateway.policy.kinds import KINDS
from tests.config.problems import Problems

UPSTREAMS = 'upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc}}}\n'
POLICIES = """\
lockouts:
  accounts: {account: /email, everywhere: {failures: 100, within: 1h, lock_for: 1m}}
  total: {account: /email}
rate_limits:
  per-address: {limit: 5/minute, key: [address]}
  per-account: {limit: 5/minute, key: [address, "input:/email"]}
bodies:
  json: {max: 64KiB, types: [application/json]}
  large: {max: 1MiB, types: [application/json]}
  larger: {max: 1025KiB, types: [application/json]}
  endless: {types: [application/json]}
  any: {max: 64KiB}
  form: {max: 64KiB, types: [application/json, application/x-www-form-urlencoded]}
  family: {max: 64KiB, types: ["application/*"]}
  api: {max: 64KiB, types: [application/vnd.api+json]}
  reported: {max: 64KiB, types: [application/json], mode: report}
"""


def entry(route: str, what: str = "procedures: [auth.login]", more: str = "") -> str:
    return f"{UPSTREAMS}{POLICIES}{more}routes: [{{name: login, {what}, upstream: tutor, auth: public, {route}}}]\n"


@pytest.mark.parametrize("body", ["json", "large"])
@pytest.mark.parametrize("reader", ["lockout: accounts", "rate_limits: [per-account]"])
@pytest.mark.parametrize("what", ["procedures: [auth.login]", "paths: [/login], methods: [POST]"])
def test_json_and_nothing_else(problems_of: Problems, what: str, reader: str, body: str) -> None:
    assert problems_of(entry(f"{reader}, body: {body}", what)) == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("any", "which lets any media type pass"),
        ("form", "which lets application/x-www-form-urlencoded pass"),
        ("family", "which lets application/* pass"),
        ("api", "which lets application/vnd.api+json pass"),
        ("endless", "which lets more than 1 MiB pass"),
        ("larger", "which lets more than 1 MiB pass"),
        ("reported", "which only reports"),
    ],
)
@pytest.mark.parametrize("reader", ["lockout accounts", "rate_limits per-account"])
def test_a_body_that_may_be_something_else(problems_of: Problems, reader: str, body: str, sentence: str) -> None:
    key, name = reader.split()
    written = f"{key}: [{name}]" if key == "rate_limits" else f"{key}: {name}"
    expected = [f"routes[0].body names {body}, {sentence}, and {reader} reads JSON"]
    assert problems_of(entry(f"{written}, body: {body}")) == expected
    inherited = entry(written, more=f"defaults: {{body: {body}}}\n")
    assert problems_of(inherited) == expected


@pytest.mark.parametrize("reader", ["lockout accounts", "rate_limits per-account"])
def test_methods_without_a_body(problems_of: Problems, warnings_of: Problems, reader: str) -> None:
    key, name = reader.split()
    written = f"{key}: [{name}], body: json" if key == "rate_limits" else f"{key}: {name}, body: json"
    expected = [f"routes[0].methods lets GET pass, refused for want of a body: {reader} looks into it"]
    assert problems_of(entry(written, "paths: [/login]")) == expected
    assert problems_of(entry(written, "paths: [/login], methods: [GET]")) == expected
    assert warnings_of(entry(written, "paths: [/login], methods: [GET, POST]"))[:1] == expected
    assert problems_of(entry(written, "procedures: [auth.login], methods: [GET]")) == []


def test_no_body_policy_at_all(problems_of: Problems) -> None:
    assert problems_of(entry("lockout: accounts")) == [
        "routes[0].body is missing, and lockout accounts looks into the body, which may be anything"
    ]
    assert problems_of(entry("rate_limits: [per-address]")) == []


def test_routes_without_a_body_that_could_be_read_otherwise(problems_of: Problems) -> None:
    assert problems_of(entry("methods: [GET], rate_limits: [per-account]")) == []
    assert problems_of(entry("methods: [GET], rate_limits: [per-account]", "paths: [/login]")) != []
    assert problems_of(entry("deny: closed, rate_limits: [per-account]").replace("upstream: tutor, ", "")) == []


def test_a_name_that_is_not_defined_has_one_problem(problems_of: Problems) -> None:
    assert problems_of(entry("lockout: accounts, body: jsn")) == ["routes[0].body names jsn, which is not in bodies"]


def test_a_new_kind_that_reads_the_input_inherits_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row in the table of kinds is all that it takes."""
    headers = next(kind for kind in KINDS if kind.name == "response_headers")
    monkeypatch.setattr(reading, "KINDS", (replace(headers, reads_input=lambda _: True),))
    report = Report()
    location = Location(Mapping({}, {}, Position("upstreams.yaml", 1, 1)), ("routes", 0), report)
    route = Route(name="any", paths=("/any",), methods=("POST",), policies={"response_headers": ("secure",)})
    reading.check_body(route, location, {"response_headers": {"secure": Policy()}})
    assert [problem.sentence for problem in report.problems()] == [
        "is missing, and response_headers secure looks into the body, which may be anything"
    ]


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ('"input:/email"', "input:/email"),
        ("header:x-device", "header:x-device"),
        ("route", "route"),
        ('route, "input:/email"', "route and input:/email"),
        ('address, "input:/email"', ""),
        ('network, "input:/email"', ""),
        ("network, route", ""),
        ("principal, header:x-device", ""),
        ("address", ""),
    ],
)
def test_a_limit_keyed_by_what_a_stranger_can_name(warnings_of: Problems, key: str, named: str) -> None:
    token = f"auth: {{token: {{kind: jwt, algorithms: [HS256], secret: {'s3cr' * 8}}}}}\n"
    text = f"{token}rate_limits: {{all: {{limit: 5/minute, key: [{key}]}}}}\n"
    route = "routes: [{name: any, paths: [/any], methods: [POST], upstream: tutor, auth: AUTH, rate_limits: [all], body: json}]\n"
    bodies = "bodies: {json: {max: 1KiB, types: [application/json]}}\n"
    sentence = f"rate_limits.all.key counts by {named} alone, so a stranger can use it up for others"
    found = warnings_of(UPSTREAMS + bodies + text + route.replace("AUTH", "token"))
    assert found == ([f"{sentence}, on the route any"] if named else [])
    if "principal" not in key:
        found = warnings_of(UPSTREAMS + bodies + text + route.replace("AUTH", "public"))
        assert found == ([f"{sentence}, on the public route any"] if named else [])


def test_a_lockout_that_a_stranger_can_keep_locked(warnings_of: Problems) -> None:
    assert warnings_of(entry("lockout: accounts, body: json")) == []
    assert warnings_of(entry("lockout: total, body: json")) == [
        "lockouts.total.scope counts by account alone, so a stranger who names one can keep it locked, on the public route login"
    ]
    pairs = POLICIES.replace("total: {account: /email}", "total: {account: /email, scope: account+address}")
    assert warnings_of(entry("lockout: total, body: json").replace(POLICIES, pairs)) == []


def test_nothing_is_said_of_what_no_stranger_meets(warnings_of: Problems) -> None:
    assert warnings_of(entry("rate_limits: [per-address]")) == []
