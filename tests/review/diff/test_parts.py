"""What differs apart from policies: upstreams, what routes send to them, and whether they only report."""

from __future__ import annotations

from tests.review.diff.written import UPSTREAMS, Compare, short

ROUTES = """
defaults: {auth: token, body: json}
routes:
  - {name: one, paths: [/one], upstream: files, schema: {none: "a test"}}
  - {name: say, procedures: [say.hello], upstream: api, schema: {none: "a test"}}
"""


def test_another_name_of_an_upstream_is_no_difference(compare: Compare) -> None:
    new = compare.side(
        ROUTES.replace("upstream: files", "upstream: disk"), upstreams=UPSTREAMS.replace("files:", "disk:")
    )
    assert compare(ROUTES, new) == []


def test_another_server_is_shown_with_both_addresses(compare: Compare) -> None:
    third = UPSTREAMS + '  other: {endpoints: [{url: "http://127.0.0.1:11"}]}\n'
    new = compare.side(ROUTES.replace("upstream: files", "upstream: other"), upstreams=third)
    changes = [change for change in compare(ROUTES, new) if change.setting == "routes.one.upstream"]
    assert short(changes) == [("loosens", "routes.one.upstream", "one")]
    assert changes[0].why == "Its requests go to http://127.0.0.1:11 and no longer to http://127.0.0.1:10."


def test_another_path_at_the_upstream(compare: Compare) -> None:
    new = ROUTES.replace("paths: [/one]", "paths: [/one], rewrite: /admin")
    (change,) = compare(ROUTES, new)
    assert (change.effect, change.setting, change.before, change.after) == (
        "loosens",
        "routes.one.rewrite",
        "none",
        "/admin",
    )


def test_a_route_that_only_reports(compare: Compare) -> None:
    new = ROUTES.replace("paths: [/one]", "paths: [/one], mode: report, until: 2099-01-01")
    assert short(compare(ROUTES, new)) == [("loosens", "routes.one.mode", "one")]
    assert short(compare(new, ROUTES)) == [("tightens", "routes.one.mode", "one")]
    longer = new.replace("2099", "2100")
    assert short(compare(new, longer)) == [("loosens", "routes.one.until", "one")]
    assert short(compare(longer, new)) == [("tightens", "routes.one.until", "one")]


def test_a_setting_of_a_listener_is_of_no_route(compare: Compare) -> None:
    changes = compare(ROUTES, "environment: staging\n" + ROUTES)
    assert short(changes) == [("changes", "environment", "")]
