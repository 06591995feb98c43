"""Claims hold any JSON value; each is read by one rule, and no value makes a rule fail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.auth.claims import accepts_audience, is_subject, numeric_date, scopes_of

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(json_values)
def test_no_value_makes_a_rule_fail(value: Any) -> None:
    date = numeric_date(value)
    assert date is None or date == value
    assert accepts_audience({"aud": value}, "tutor") in (True, False)
    assert is_subject(value) in (True, False)
    assert all(isinstance(scope, str) for scope in scopes_of(value))


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "true", '"5"', "null", "[5]"]
)
def test_only_a_finite_number_is_a_date(text: str) -> None:
    assert numeric_date(json.loads(text)) is None


@pytest.mark.parametrize("value", [0, 1_700_000_000, 1.5, -1])
def test_a_date_may_have_a_fraction(value: float) -> None:
    assert numeric_date(value) == value


@pytest.mark.parametrize(
    ("claims", "own", "accepted"),
    [
        ({}, None, True),
        ({"aud": "tutor"}, None, False),
        ({"aud": None}, None, False),
        ({}, "tutor", False),
        ({"aud": "tutor"}, "tutor", True),
        ({"aud": "tutors"}, "tutor", False),
        ({"aud": ["x", "tutor"]}, "tutor", True),
        ({"aud": ["x"]}, "tutor", False),
        ({"aud": []}, "tutor", False),
        ({"aud": ["tutor", 7]}, "tutor", False),
        ({"aud": {"tutor": 1}}, "tutor", False),
    ],
)
def test_a_token_for_somebody_else_is_not_accepted(claims: dict[str, object], own: str | None, accepted: bool) -> None:
    assert accepts_audience(claims, own) is accepted


@given(st.text(max_size=300))
def test_a_subject_fits_a_field_and_a_log_line(subject: str) -> None:
    visible = all(" " <= letter <= "~" for letter in subject)
    assert is_subject(subject) is (0 < len(subject) <= 256 and visible and subject == subject.strip(" "))


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [("read write", {"read", "write"}), (["read", "write", 7], {"read", "write"}), (None, set()), ({"read": 1}, set())],
)
def test_scopes(scope: object, scopes: set[str]) -> None:
    assert scopes_of(scope) == scopes
