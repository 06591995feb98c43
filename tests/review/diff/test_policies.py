"""A policy that is there on one side only."""

from __future__ import annotations

import pytest

from tests.review.diff.written import Compare, short

ROUTES = """
defaults: {auth: public}
routes:
  - {name: one, procedures: [one.get], methods: [POST], upstream: api, schema: {none: "a test"}NAMED}
"""


@pytest.mark.parametrize(
    ("named", "key"), [("auth: token", "auth"), ("body: json", "body"), ("lockout: accounts, body: json", "lockout")]
)
def test_without_it_more_passes(compare: Compare, named: str, key: str) -> None:
    rest = "".join(f", {part}" for part in named.split(", ")[1:])
    old, new = (compare.side(ROUTES.replace("NAMED", text)) for text in (f", {named}", rest))
    assert short(compare(old, new)) == [("loosens", f"routes.one.{key}", "one")]
    assert short(compare(new, old)) == [("tightens", f"routes.one.{key}", "one")]


def test_pages_gain_and_lose_by_a_cors_policy(compare: Compare) -> None:
    old, new = (compare.side(ROUTES.replace("NAMED", text)) for text in ("", ", cors: app"))
    assert [effect for effect, _, _ in short(compare(old, new))] == ["loosens", "tightens"]
    assert [effect for effect, _, _ in short(compare(new, old))] == ["loosens", "tightens"]


def test_another_reason_to_go_without_is_shown(compare: Compare) -> None:
    old = ROUTES.replace("NAMED", "")
    (change,) = compare(old, old.replace("a test", "no time"))
    assert (change.effect, change.setting, change.before, change.after) == (
        "changes",
        "routes.one.schema",
        "a test",
        "no time",
    )
