"""What a route takes, and whether a token is needed, for who has not seen the files."""

from __future__ import annotations

from gateway.review.diff.route_words import route_words
from tests.review.diff.written import Compare

ROUTES = """
defaults: {auth: token, body: json}
routes:
  - {name: closed, paths: [/closed], auth: public, deny: "not yet"}
  - {name: one, paths: [/1, /2, /3], methods: [POST, GET], upstream: files, schema: {none: "a test"}}
  - {name: trial, paths: [/4], mode: report, until: 2099-01-01, upstream: files, schema: {none: "a test"}}
  - {name: say, procedures: [say.hello], auth: public, upstream: api, schema: {none: "a test"}}
"""


def test_each_route_with_its_requests_and_its_token(compare: Compare) -> None:
    side = compare.side(ROUTES)
    assert route_words(side, side) == {
        "closed": "`GET /closed`, closed",
        "one": "`GET, POST /1, /2 and 1 more`, a token of `token`",
        "trial": "`GET /4`, no token needed",
        "say": "`GET, POST say.hello`, no token needed",
    }


def test_the_new_side_counts_and_a_route_that_is_gone_is_as_it_was(compare: Compare) -> None:
    new = compare.side(ROUTES.replace("[/4]", "[/5]").replace("name: say", "name: speak"))
    found = route_words(compare.side(ROUTES), new)
    assert found["trial"] == "`GET /5`, no token needed" and {"say", "speak"} <= found.keys()
