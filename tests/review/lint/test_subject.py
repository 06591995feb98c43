"""The configuration as rules look at it."""

from __future__ import annotations

from datetime import date

from gateway.config.model import Config, Listen, Route
from gateway.config.setting import Setting
from gateway.policy.response_headers import Settings
from gateway.review.lint.subject import Subject, at, is_guest_route

DAY = date(2027, 1, 31)
NOW = 1_800_000_000.0  # 2027-01-15


def test_what_serves_is_public_and_leads_somewhere() -> None:
    routes = (Route("a"), Route("b", deny="closed"), Route("c", listener="egress"))
    assert [each.name for each in Subject(Config(routes=routes), NOW).served] == ["a"]


def test_policies_that_a_route_names_and_those_that_refuse() -> None:
    named = {
        "on": Settings(),
        "trial": Settings(mode="report", until=DAY),
        "over": Settings(mode="report", until=date(2027, 1, 1)),
    }
    route = Route("a", policies={"response_headers": ("on", "trial", "over", "missing")})
    subject = Subject(Config(routes=(route,), policies={"response_headers": dict(named)}), NOW)
    (served,) = subject.served
    assert [name for name, _ in subject.named(served, "response_headers", Settings)] == ["on", "trial", "over"]
    assert [name for name, _ in subject.enforced(served, "response_headers", Settings)] == ["on", "over"]
    assert [(name, len(routes)) for name, _, routes in subject.used("response_headers", Settings)] == [
        ("on", 1),
        ("trial", 1),
        ("over", 1),
    ]


def test_what_others_reach() -> None:
    for host, others in (
        ("0.0.0.0", True),
        ("10.0.0.1", True),
        ("127.0.0.1", False),
        ("[::1]", False),
        ("localhost", False),
    ):
        assert Subject(Config(listen=Listen(host=host)), NOW).open_to_network is others, host


def test_what_is_written_be_it_empty_on_this_machine() -> None:
    settings = (Setting("state.key", None, "default of KEY", "a.yaml:1:1"), Setting("ops.token", None, "default", ""))
    subject = Subject(Config(settings=settings), NOW)
    assert subject.is_written("state.key") and subject.is_written("state") and not subject.is_written("ops")
    assert not subject.is_written("sta")


def test_paths_of_routes() -> None:
    route = Route("a", policies={"auth": ("token",)})
    assert (at(route), at(route, "auth")) == (("routes", "a"), ("routes", "a", "auth"))
    assert is_guest_route(Route("b")) and not is_guest_route(route)
