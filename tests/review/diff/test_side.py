"""One side: which route takes a request, by the table that serves."""

from __future__ import annotations

import pytest

from gateway.review.diff.side import Match, RoutedSide
from gateway.review.dry_run.dry_run import DryRun
from tests.review.diff.written import NOON, Compare

ROUTES = """
listen: {egress: {port: 8181}}
defaults: {auth: public, body: json, rate_limits: [calls]}
routes:
  - {name: closed, paths: [/files/closed], deny: "not yet"}
  - {name: files, paths: [/files/*], upstream: files, rate_limits: [tries], schema: {none: "a test"}}
  - {name: say, procedures: [say.hello], upstream: api, schema: {none: "a test"}}
  - {name: out, listener: egress, paths: [/text], upstream: files, schema: {none: "a test"}}
"""


@pytest.fixture
def side(compare: Compare) -> RoutedSide:
    config = compare.side(ROUTES)
    return RoutedSide(config, DryRun(config, at=NOON).runtime)


@pytest.mark.parametrize(
    ("listener", "method", "target", "expected"),
    [
        ("public", "GET", "/files/a", Match("files", "")),
        ("public", "GET", "/files/closed", Match("closed", "route_denied")),
        ("public", "GET", "/files/CLOSED", Match("", "path_ambiguous")),
        ("public", "DELETE", "/files/a", Match("", "method_not_allowed")),
        ("public", "GET", "/nothing", Match("", "no_route")),
        ("public", "GET", "/a//b", Match("", "path_ambiguous")),
        ("public", "POST", "/trpc/say.hello", Match("say", "", ("say.hello",))),
        ("public", "GET", "/text", Match("", "no_route")),
        ("egress", "GET", "/text", Match("out", "")),
    ],
)
def test_the_route_of_a_request(side: RoutedSide, listener: str, method: str, target: str, expected: Match) -> None:
    assert side.match(listener, method, target) == expected


def test_where_a_route_has_its_policies_from(side: RoutedSide) -> None:
    from gateway.policy.kinds import SECTIONS

    limits = SECTIONS["rate_limits"]
    assert side.inherits("say", limits)
    assert not side.inherits("files", limits)
    assert side.where_named("say", limits) == side.places.setting(("defaults", "rate_limits"))
    assert side.where_named("files", limits) == side.places.route("files")


def test_a_fingerprint_is_of_what_a_route_does_and_not_of_its_name(compare: Compare) -> None:
    one, other, named = (
        RoutedSide(config, DryRun(config, at=NOON).runtime)
        for config in (compare.side(ROUTES), compare.side(ROUTES.replace("[tries]", "[calls]")), compare.side(ROUTES))
    )
    route = named.routes["files"]
    assert one.fingerprint(one.routes["files"]) == named.fingerprint(route)
    assert other.fingerprint(other.routes["files"]) != one.fingerprint(route)
