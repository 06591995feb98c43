"""Which of two policies of ``response_headers`` holds browsers and caches back less."""

from __future__ import annotations

import pytest

from tests.settings_compared import CHANGES, LOOSENS, TIGHTENS, Written, of_policies


def sets(name: str, value: str) -> Written:
    return {"set": {name: value}}


HSTS = "strict-transport-security"

LOOSER = [
    ("set.cache-control", sets("cache-control", "no-store"), {}),
    ("remove.x-frame-options", {}, {"remove": ["x-frame-options"]}),
    ("set.x-frame-options", {}, sets("x-frame-options", "SAMEORIGIN")),
    ("set.referrer-policy", {}, sets("referrer-policy", "unsafe-url")),
    ("set." + HSTS, {}, sets(HSTS, "max-age=300")),
    ("set." + HSTS, sets(HSTS, "max-age=31536000; includeSubDomains"), {}),
    ("remove.x-vendor", {"remove": ["x-vendor"]}, {}),
    ("set.cross-origin-opener-policy", sets("cross-origin-opener-policy", "same-origin"), {}),
]

EITHER_WAY = [
    ("set.content-security-policy", {}, sets("content-security-policy", "default-src 'self'")),
    ("set." + HSTS, sets(HSTS, "max-age=31536000"), sets(HSTS, "max-age=300; includeSubDomains")),
    ("remove.referrer-policy", {"remove": ["referrer-policy"]}, sets("referrer-policy", "unsafe-url")),
    ("set.cache-control", {}, sets("cache-control", "private")),
]


@pytest.mark.parametrize(("setting", "strict", "loose"), LOOSER)
def test_what_holds_back_less_loosens(setting: str, strict: Written, loose: Written) -> None:
    assert of_policies("response_headers", strict, loose) == [(setting, LOOSENS)]
    assert of_policies("response_headers", loose, strict) == [(setting, TIGHTENS)]


@pytest.mark.parametrize(("setting", "one", "other"), EITHER_WAY)
def test_what_nobody_can_be_sure_of_loosens_either_way(setting: str, one: Written, other: Written) -> None:
    assert of_policies("response_headers", one, other) == [(setting, LOOSENS)]
    assert of_policies("response_headers", other, one) == [(setting, LOOSENS)]


def test_other_fields_and_reporting_are_neither() -> None:
    assert of_policies("response_headers", {}, sets("x-app", "1")) == [("set.x-app", CHANGES)]
    assert of_policies("response_headers", {}, {"mode": "report"}) == [("mode", CHANGES)]


@pytest.mark.parametrize(
    "written", [sets("X-Frame-Options", "deny"), sets(HSTS, "max-age=31536000"), {"remove": ["server"]}]
)
def test_what_is_so_without_being_written_is_no_change(written: Written) -> None:
    assert of_policies("response_headers", {}, written) == of_policies("response_headers", written, {}) == []
