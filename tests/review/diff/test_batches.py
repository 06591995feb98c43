"""Which calls may travel in one batch."""

from __future__ import annotations

from tests.review.diff.written import POLICIES, Compare, short

ROUTES = """
defaults: {auth: public, cors: app, body: json}
routes:
  - {name: login, procedures: [auth.login], methods: [POST], upstream: api, batch: deny, schema: {none: "a test"}}
  - {name: say, procedures: [say.hello, say.bye], upstream: api, schema: {none: "a test"}}
  - {name: other, procedures: [other.get], upstream: api, cors: others, schema: {none: "a test"}}
"""
ROUTES_FIRST = """routes:
  - {name: first, procedures: [a.first], auth: token, upstream: api, schema: {none: "a test"}}
"""
CORS = POLICIES.replace(
    "  app:", '  others: {origins: ["https://other.example"], no_origin: allow, methods: [GET, POST]}\n  app:'
)


def test_a_call_that_may_travel_with_others(compare: Compare) -> None:
    old, new = compare.side(ROUTES, CORS), compare.side(ROUTES.replace(", batch: deny", ""), CORS)
    (change,) = compare(old, new)
    assert short([change]) == [("loosens", "routes.login.batch", "login")]
    assert (change.before, change.after) == ("deny", "allow")
    assert change.why.startswith("Calls of `login` may now travel in one batch with calls of `")
    assert short(compare(new, old)) == [("tightens", "routes.login.batch", "login")]


def test_routes_that_travel_together_since_their_policies_are_one(compare: Compare) -> None:
    old, new = compare.side(ROUTES, CORS), compare.side(ROUTES.replace("cors: others, ", ""), CORS)
    assert ("loosens", "routes.other.batch", "other,say") in short(compare(old, new))
    assert ("tightens", "routes.other.batch", "other,say") in short(compare(new, old))


def test_two_calls_of_the_route_itself_show_it_whatever_else_is_there(compare: Compare) -> None:
    first = ROUTES.replace("routes:\n", ROUTES_FIRST)
    old, new = (compare.side(text, CORS) for text in (first, first.replace(", batch: deny", "")))
    (change,) = compare(old, new, witnesses=True)
    assert change.witnesses["login"].target == "/trpc/auth.login,auth.login?batch=1"
