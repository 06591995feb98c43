"""Which of two policies of ``bodies`` takes more."""

from __future__ import annotations

import pytest

from tests.settings_compared import LOOSENS, TIGHTENS, Written, of_policies

INFLATE: Written = {"max": 100, "inflate": {}}

LOOSER = [
    ("max", {"max": 100}, {"max": 200}),
    ("max", {"max": 100}, {}),
    ("types", {"types": ["audio/webm"]}, {"types": ["audio/webm", "text/plain"]}),
    ("types", {"types": ["audio/webm"]}, {"types": ["audio/*"]}),
    ("types", {"types": ["audio/*"]}, {}),
    ("inflate", {"max": 100}, INFLATE),
    ("inflate.codings", {**INFLATE, "inflate": {"codings": ["gzip"]}}, INFLATE),
    ("inflate.ratio", INFLATE, {**INFLATE, "inflate": {"ratio": 30}}),
    ("without_content", {"without_content": ["GET"]}, {}),
    ("query.max", {"query": {"max": 10}}, {}),
    ("query.max", {"query": {"max": 10}}, {"query": {"max": 20}}),
    ("query.parameters", {"query": {"parameters": 10}}, {"query": {}}),
    ("mode", {}, {"mode": "report"}),
]


@pytest.mark.parametrize(("setting", "strict", "loose"), LOOSER)
def test_what_takes_more_loosens(setting: str, strict: Written, loose: Written) -> None:
    assert of_policies("bodies", strict, loose) == [(setting, LOOSENS)]
    assert of_policies("bodies", loose, strict) == [(setting, TIGHTENS)]


def test_other_types_loosen_either_way() -> None:
    one, other = {"types": ["audio/*", "text/plain"]}, {"types": ["audio/webm", "text/html"]}
    assert of_policies("bodies", one, other) == of_policies("bodies", other, one) == [("types", LOOSENS)]


def test_bounds_that_bound_nothing_are_none() -> None:
    assert of_policies("bodies", {}, {"query": {}}) == []
    assert of_policies("bodies", {"types": ["audio/*"]}, {"types": ["audio/webm", "audio/*"]}) == []
