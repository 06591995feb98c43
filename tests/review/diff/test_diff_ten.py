"""Ten prepared changes, and what a reviewer who sees nothing else is shown of each: which door opens, or that none does."""

from __future__ import annotations

import json

import pytest

from gateway.policy.base.order import Effect
from tests.review.diff.ten import FOLDER, Prepared, prepared

# What the Markdown of each has to say, whatever else it does.
SHOWN = {
    "01-limit-of-login": (
        "#### 1. More tries: One address may now try any number of values: this limit counts each value of `email` in the body",
        "Before: 5 requests a minute for each address. Now: 5 requests a minute for each address and each value of `email`",
        "rate_limits.login.key",
        "`login` (`POST auth.login`, no token needed)",
        "witness-1000001@example.com",  # after five of another account
    ),
    "03-files-first": (
        "#### 1. Open to anybody: Anybody, without a token, may now read `/files/invoices/*`; before, a token of `customer`",
        "Because route `files` now stands before `invoices` (lines 35 and 41).",
        "Before: HTTP 401 `token_missing` by the gateway. Now: passes the gateway; the backend may still refuse it.",
        "for example `GET, HEAD /files/INVOICES/other`",
        "It holds for every spelling",
    ),
    "05-names-of-customers": (
        "#### 1. Less is checked: Any text of at most 40 characters may now be sent as `name`; before, it had to match `^[A-Za-z ]+$`.",
        "HTTP 422 `schema_refused`",
        "auth.signup.json:1",
    ),
    "07-origins": (
        "#### 1. Open to more callers: Pages of `https://*.example.com` may now call from their visitors' browsers and read",
        "each name below `example.com`, of any depth",
        "Browsers send no cookies along (`credentials: false`)",
        "HTTP 403 `origin_refused`",
    ),
    "09-room-for-photos": (
        "#### 1. More load by one client: Bodies of up to `2MiB` may now be sent; before, `64KiB` was the most.",
        "`64KiB` → `2MiB`",
        "It is the default, for where the variable `MAX_BODY` is not set in the environment.",
        "with a body of 65,537 bytes",
    ),
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
        assert "Every request is decided as before. Edited: `" in ten[name].text
    assert "`rate_limits.per-client` is called `rate_limits.ordinary` now" in ten["02-renamed-limit"].text


def test_what_closes_is_named(ten: dict[str, Prepared]) -> None:
    assert "- Pages of `https://checkout.example.com` are refused now" in ten["08-one-origin-less"].text


def test_no_address_is_mangled_by_what_makes_it_harmless(ten: dict[str, Prepared]) -> None:
    assert not [name for name, one in ten.items() if ":\\/" in one.text or "\\*" in one.text]


def test_the_markdown_is_that_of_the_files_beside(ten: dict[str, Prepared]) -> None:
    different = [name for name, one in ten.items() if one.golden.read_text() != one.text]
    assert different == [], "look at it, then: python -m tests.review.diff.ten"
    kept = {path.stem for path in FOLDER.glob("*.md")}
    assert kept == {change["name"] for change in json.loads((FOLDER / "changes.json").read_text())}
