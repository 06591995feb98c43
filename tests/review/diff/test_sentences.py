"""The words that Markdown and text have in common: the first sentence of a change, its routes, and what a client gets."""

from __future__ import annotations

from gateway.policy.base.order import Danger, Effect
from gateway.review.diff.sentences import routes, title, verdicts
from tests.review.diff.reviews import change, review, witness


def test_how_bad_it_is_stands_before_the_first_sentence() -> None:
    one = change(why="Pages of `/a. b` may call. Because of `x`. And more.", danger=Danger.OPEN + 2)
    assert title(one) == ("Open to more callers: Pages of `/a. b` may call.", "Because of `x`. And more.")
    anybody = "Anybody, without a token, may read `/a`."
    assert title(change(why=anybody, danger=Danger.OPEN)) == (f"Open to anybody: {anybody}", "")
    assert title(change(why=anybody, danger=Danger.LEAK)) == (f"More can be learned: {anybody}", "")
    assert title(change(danger=Danger.CHECK))[0] == "Less is checked: More pages may call."
    assert title(change(danger=Danger.CHECK, setting="rate_limits.a.key"))[0].startswith("More tries: ")
    assert title(change())[0].startswith("More may pass: ")
    assert title(change(Effect.TIGHTENS, why="It closes.")) == ("It closes.", "")


def test_routes_with_what_they_take_and_how_many_more() -> None:
    words = {"a": "`GET /a`, no token needed"}
    assert routes(change(routes=("a", "b")), review(route_words=words)) == "`a` (`GET /a`, no token needed), `b`"
    many = change(routes=tuple(f"r{n}" for n in range(20)))
    assert routes(many, review()).endswith("`r11` and 8 more")


def test_what_a_client_gets_before_and_now() -> None:
    assert verdicts(witness(before="origin_refused")) == (
        "Before: HTTP 403 `origin_refused` by the gateway. Now: passes the gateway; the backend may still refuse it."
    )
    assert "Before: `of nobody` by the gateway" in verdicts(witness(before="of nobody"))
