"""Which of two policies of ``cors`` lets more pages in."""

from __future__ import annotations

import pytest

from tests.settings_compared import LOOSENS, TIGHTENS, Written, of_policies

BASE: Written = {"origins": ["https://a.app"]}

LOOSER = [
    ("origins", {}, {"origins": ["https://a.app", "https://b.app"]}),
    ("origins", {"origins": ["https://a.b.app"]}, {"origins": ["https://*.b.app"]}),
    ("origins", {}, {"origins": ["*"]}),
    ("no_origin", {"no_origin": "refuse"}, {}),
    ("cross_site", {}, {"cross_site": "navigate"}),
    ("cross_site", {"cross_site": "navigate"}, {"cross_site": "allow"}),
    ("preflight", {"preflight": "refuse"}, {}),
    ("methods", {}, {"methods": ["GET", "POST", "DELETE"]}),
    ("request_headers", {}, {"request_headers": ["content-type", "authorization", "x-more"]}),
    ("expose_headers", {}, {"expose_headers": ["x-request-id"]}),
    ("credentials", {}, {"credentials": True}),
    ("max_age", {}, {"max_age": 3600.0}),
    ("mode", {}, {"mode": "report"}),
    ("until", {"mode": "report", "until": "2027-01-01"}, {"mode": "report", "until": "2027-02-01"}),
    ("until", {"mode": "report", "until": "2027-01-01"}, {"mode": "report"}),
]


@pytest.mark.parametrize(("setting", "strict", "loose"), LOOSER)
def test_what_lets_more_pages_in_loosens(setting: str, strict: Written, loose: Written) -> None:
    assert of_policies("cors", {**BASE, **strict}, {**BASE, **loose}) == [(setting, LOOSENS)]
    assert of_policies("cors", {**BASE, **loose}, {**BASE, **strict}) == [(setting, TIGHTENS)]


@pytest.mark.parametrize("other", ["http://a.app", "https://a.app:8443", "https://*.a.app"])
def test_another_origin_loosens_either_way(other: str) -> None:
    one, two = BASE, {"origins": [other]}
    assert of_policies("cors", one, two) == of_policies("cors", two, one) == [("origins", LOOSENS)]


def test_an_origin_that_a_pattern_admits_already_is_no_change() -> None:
    one, two = {"origins": ["https://*.a.app"]}, {"origins": ["https://b.a.app", "https://*.a.app"]}
    assert of_policies("cors", one, two) == of_policies("cors", two, one) == []
