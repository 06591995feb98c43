"""Ten prepared changes, and what a reviewer who sees nothing else is shown of each: which door opens, or that none does."""

from __future__ import annotations

import json

import pytest

from gateway.policy.base.order import Effect
from tests.review.diff.ten import FOLDER, Prepared, prepared

# What the Markdown of each has to say, whatever else it does.
SHOWN = {
    "01-limit-of-login": ("rate_limits.login.key", "input:/email", "`login`"),
    "03-files-first": ("/files/invoices/", "anybody comes in, without a token", "refused with `token_missing`"),
    "05-names-of-customers": ("properties.name.pattern", "refused with `schema_refused`", "auth.signup.json:1"),
    "07-origins": ("https://*.example.com", "refused with `origin_refused`", "in the browser of its visitor"),
    "09-room-for-photos": ("`64KiB` → `2MiB`", "the default of MAX\\_BODY", "with a body of 65,537 bytes"),
}


@pytest.fixture(scope="module")
def ten() -> dict[str, Prepared]:
    return {one.name: one for one in prepared()}


def test_five_open_a_door_and_five_do_not(ten: dict[str, Prepared]) -> None:
    assert len(ten) == 10 and sum(one.opens for one in ten.values()) == 5
    assert {name: one.review.is_open for name, one in ten.items()} == {name: one.opens for name, one in ten.items()}


def test_each_door_is_named(ten: dict[str, Prepared]) -> None:
    assert SHOWN.keys() == {name for name, one in ten.items() if one.opens}
    for name, parts in SHOWN.items():
        for part in parts:
            assert part in ten[name].text, f"{name}: {part}"


def test_a_request_shows_each_where_one_can(ten: dict[str, Prepared]) -> None:
    for name, one in ten.items():
        for change in one.review.of(Effect.LOOSENS):
            assert change.witnesses or change.unwitnessed, name


def test_what_is_harmless_opens_nothing_and_a_new_name_is_no_change(ten: dict[str, Prepared]) -> None:
    for name in ("02-renamed-limit", "06-default-on-the-route"):
        assert ten[name].review.changes == ()


def test_the_markdown_is_that_of_the_files_beside(ten: dict[str, Prepared]) -> None:
    different = [name for name, one in ten.items() if one.golden.read_text() != one.text]
    assert different == [], "look at it, then: python -m tests.review.diff.ten"
    kept = {path.stem for path in FOLDER.glob("*.md")}
    assert kept == {change["name"] for change in json.loads((FOLDER / "changes.json").read_text())}
