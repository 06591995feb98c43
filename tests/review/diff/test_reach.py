"""Ways that open and close: a route that is new, wider, above another or no longer closed."""

from __future__ import annotations

from tests.review.diff.written import UPSTREAMS, Compare, short

ROUTES = """
defaults: {auth: token, body: json, rate_limits: [calls]}
routes:
  - {name: closed, paths: [/closed], auth: public, deny: "not yet"}
  - {name: one, paths: [/one], upstream: files, schema: {none: "a test"}}
  - {name: say, procedures: [say.hello], upstream: api, schema: {none: "a test"}}
"""


def test_a_closed_route_that_opens_is_the_most_dangerous(compare: Compare) -> None:
    new = ROUTES.replace('auth: public, deny: "not yet"', 'upstream: files, auth: public, schema: {none: "a test"}')
    (change,) = compare(ROUTES, new)
    assert short([change]) == [("loosens", "routes.closed.deny", "closed")]
    assert change.before == "closed: not yet"
    assert change.why == (
        "Anybody, without a token, may now read `/closed` (upstream `files`); before, that was closed: `not yet`."
    )
    assert change.danger > 90
    assert short(compare(new, ROUTES)) == [("tightens", "routes.closed.deny", "closed")]


def test_a_new_route_says_who_may_use_it(compare: Compare) -> None:
    new = ROUTES + '  - {name: two, paths: [/two/*], upstream: files, schema: {none: "a test"}}\n'
    (change,) = compare(ROUTES, new)
    assert short([change]) == [("loosens", "routes.two", "two")]
    assert change.why == (
        "Whoever has a token of `token` may now read `/two/*` (upstream `files`); before, no route took such requests (`no_route`)."
    )
    assert (change.where_old, change.where_new.rpartition(":")[2]) == ("", "13")
    (back,) = compare(new, ROUTES)
    assert back.why == "`GET, HEAD /two/*` is refused now (`no_route`) and passed before."


def test_a_pattern_that_grows_is_one_of_its_route(compare: Compare) -> None:
    new = ROUTES.replace("[/one]", "[/one, /one/*]")
    (change,) = compare(ROUTES, new)
    assert (change.setting, change.before, change.after) == ("routes.one.paths", "[/one]", "[/one, /one/*]")


def test_a_method_that_is_added(compare: Compare) -> None:
    new = ROUTES.replace("paths: [/one]", "paths: [/one], methods: [GET, DELETE]")
    (change,) = compare(ROUTES, new)
    assert (change.setting, change.before, change.after) == ("routes.one.methods", "[GET]", "[DELETE, GET]")


def test_a_procedure_and_an_alias(compare: Compare) -> None:
    (change,) = compare(ROUTES, ROUTES.replace("[say.hello]", "[say.*]"))
    assert (change.setting, change.before, change.after) == ("routes.say.procedures", "[say.hello]", "[say.*]")
    aliased = UPSTREAMS.replace("transformer: none", "transformer: none, aliases: {hello: say.hello}")
    (change,) = compare(ROUTES, compare.side(ROUTES, upstreams=aliased))
    assert short([change]) == [("loosens", "upstreams.api.trpc.aliases", "say")]
    assert change.after == "[hello]"


def test_an_alias_of_what_is_closed_opens_nothing(compare: Compare) -> None:
    aliased = UPSTREAMS.replace("transformer: none", "transformer: none, aliases: {hello: say.other}")
    assert compare(ROUTES, compare.side(ROUTES, upstreams=aliased)) == []


def test_another_prefix_is_one_change_each_way(compare: Compare) -> None:
    moved = UPSTREAMS.replace("/trpc", "/rpc")
    assert short(compare(ROUTES, compare.side(ROUTES, upstreams=moved))) == [
        ("loosens", "upstreams.api.trpc.prefix", "say"),
        ("tightens", "upstreams.api.trpc.prefix", "say"),
    ]


def test_a_change_behind_another_prefix_is_not_hidden_by_it(compare: Compare) -> None:
    moved = compare.side(
        ROUTES.replace("procedures: [say.hello]", "procedures: [say.hello], auth: public"),
        upstreams=UPSTREAMS.replace("/trpc", "/rpc"),
    )
    assert ("loosens", "routes.say.auth", "say") in short(compare(ROUTES, moved))


def test_a_closed_route_says_another_reason(compare: Compare) -> None:
    assert short(compare(ROUTES, ROUTES.replace("not yet", "never"))) == [("changes", "routes.closed.deny", "closed")]


def test_the_id_of_a_new_route_is_of_all_that_it_asks_for(compare: Compare) -> None:
    public = (
        '  - {name: two, paths: [/two], upstream: files, auth: public, rate_limits: [%s], schema: {none: "a test"}}\n'
    )
    with_limit, without = (compare(ROUTES, ROUTES + public % limits)[0] for limits in ("tries", ""))
    assert with_limit.id != without.id
    assert compare(ROUTES, ROUTES.replace("\n", "\n\n") + public % "tries")[0].id == with_limit.id
