"""Doors that development may leave open and production may not."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from ipaddress import ip_network

import pytest

from gateway.config.checks.exposure import as_address, operators, report_remarks, reports, trusted
from gateway.config.model import Config, Ops, Route
from gateway.policy.base.settings import Policy
from gateway.policy.kinds import SECTIONS
from tests.config.problems import Problems

TOKEN = "2c71d4e8ab5036cd17e49a02b6f85d9f"


NOW = datetime(2027, 1, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "network",
    [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "::/0",
        "2000::/3",
        "8.0.0.0/8",
        "203.0.113.0/24",
        "198.51.100.8/31",
        "10.0.0.0/7",
        "172.0.0.0/8",
        "192.168.0.0/15",
        "2001:db8::/32",
        "fc00::/6",
        "::ffff:0:0/96",
        "::ffff:8.8.8.0/120",
        "64:ff9b::/96",
    ],
)
def test_networks_with_strangers_in_them(network: str) -> None:
    ((path, sentence, hint),) = trusted((ip_network("10.0.0.0/8"), ip_network(network)))
    assert path == ("listen", "trusted_proxies", 1) and "public addresses" in sentence and hint


@pytest.mark.parametrize(
    "network",
    [
        "10.0.0.0/8",
        "10.1.2.3",
        "172.16.0.0/12",
        "192.168.1.0/24",
        "127.0.0.1",
        "::1",
        "fd00::/8",
        "fe80::/10",
        "100.64.0.0/10",
        "203.0.113.7",
        "2001:db8::7",
        "::ffff:10.0.0.0/104",
    ],
)
def test_networks_of_ones_own_and_single_proxies(network: str) -> None:
    assert list(trusted((ip_network(network),))) == []


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "*", "::", "[::]", "0", "0x0", "000.0.0.0", "203.0.113.7", "8.8.8.8", "2001:db8::1", "::ffff:8.8.8.8"],
)
def test_an_operators_listener_that_anybody_reaches(host: str) -> None:
    ((path, sentence, _),) = operators(Ops.model_validate({"host": host, "token": TOKEN}))
    assert path == ("ops", "host") and "anybody can try tokens" in sentence


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "localhost", "10.0.0.5", "192.168.1.9", "fd00::5", "100.64.1.1", "ops.internal"]
)
def test_an_operators_listener_in_a_network_of_ones_own(host: str) -> None:
    assert list(operators(Ops.model_validate({"host": host, "token": TOKEN}))) == []


@pytest.mark.parametrize(
    "token", ["x", "hunter2hunter2", "aaaaaaaaaaaaaaaaaaaaaaaaa", "ababababababababababab", "abcabcabcabcabcabcabc"]
)
def test_a_token_that_can_be_guessed(token: str) -> None:
    ((path, _, hint),) = operators(Ops.model_validate({"token": token}))
    assert path == ("ops", "token") and "openssl rand" in hint


def test_spellings_of_addresses() -> None:
    assert str(as_address("127.1")) == "127.0.0.1" and str(as_address("::ffff:10.0.0.1")) == "10.0.0.1"
    assert as_address("localhost") is None


def test_a_policy_of_any_kind_that_reports_needs_an_end() -> None:
    for section in SECTIONS:
        endless = Config(policies={section: {"a": Policy(mode="report")}})
        ((path, _, hint),) = reports(endless)
        assert path == (section, "a", "mode") and "until: YYYY-MM-DD" in hint
        named = {"a": Policy(mode="report", until=date(2027, 1, 31)), "b": Policy()}
        assert list(reports(Config(policies={section: named}), NOW)) == []


def test_a_day_that_nobody_will_see_is_no_end() -> None:
    for day in (date(2028, 1, 31), date.max):
        ((path, sentence, _),) = reports(Config(policies={"auth": {"a": Policy(mode="report", until=day)}}), NOW)
        assert (path, sentence) == (("auth", "a", "until"), "is more than a year away")
        ((path, sentence, _),) = reports(Config(routes=(Route("a", mode="report", until=day), Route("b"))), NOW)
        assert (path, sentence) == (("routes", "a", "until"), "is more than a year away")


def test_a_route_that_reports_needs_an_end() -> None:
    ((path, _, hint),) = reports(Config(routes=(Route("a", mode="report"), Route("b"))))
    assert path == ("routes", "a", "mode") and "until: YYYY-MM-DD" in hint


@pytest.mark.parametrize(
    ("mode", "today", "remark"),
    [
        ("report", (2027, 1, 31), ""),
        ("report", (2027, 2, 1), "is over, so the policy is enforced"),
        ("report", (2025, 12, 1), "is more than a year away"),
        ("enforce", (2027, 1, 1), "says until when a policy reports that is enforced"),
    ],
)
def test_days_that_are_worth_a_warning(mode: str, today: tuple[int, int, int], remark: str) -> None:
    policy = Policy.model_validate({"mode": mode, "until": "2027-01-31"})
    now = datetime(*today, tzinfo=UTC).timestamp()
    found = report_remarks(Config(policies={"cors": {"a": policy}}), now)
    assert [sentence for _, sentence, _ in found] == ([remark] if remark else [])
    route = Route("a", mode=policy.mode, until=policy.until)
    of_route = remark.replace("policy", "route")
    assert [sentence for _, sentence, _ in report_remarks(Config(routes=(route,)), now)] == (
        [of_route] if remark else []
    )


PRODUCTION = """\
environment: ENVIRONMENT
listen: {trusted_proxies: [0.0.0.0/0]}
ops: {host: 0.0.0.0, token: x}
state: {path: ., key: "${KEY}"}
cors: {app: {mode: report, origins: ["https://linguamate.app"]}}
auth: {a: {mode: report, kind: jwt, algorithms: [HS256], secret: "${KEY}"}}
routes: []
"""


def test_all_of_it_in_production_and_nothing_elsewhere(problems_of: Problems) -> None:
    found = problems_of(PRODUCTION.replace("ENVIRONMENT", "production"), KEY=TOKEN)
    assert [problem.partition(" ")[0] for problem in found] == [
        "listen.trusted_proxies[0]",
        "ops.host",
        "ops.token",
        "cors.app.mode",
        "auth.a.mode",
        "auth.a.secret",
    ]
    assert problems_of(PRODUCTION.replace("ENVIRONMENT", "development"), KEY=TOKEN) == []
    dated = PRODUCTION.replace("ENVIRONMENT", "production").replace("report", "report, until: 2099-12-31")
    assert not [problem for problem in problems_of(dated, KEY=TOKEN) if ".mode" in problem]
    assert time.time() < datetime(2099, 12, 31, tzinfo=UTC).timestamp()
