"""The values of policy tests: what is taken, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.core.reason import REASONS
from gateway.review.policy_tests import words


def taken(kind: Any, value: object) -> object:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (words.Verdict, "pass", "pass"),
        (words.Verdict, "rate_limited", "rate_limited"),
        (words.Reasons, "rate_limited", ("rate_limited",)),
        (words.Reasons, [], ()),
        (words.Failure, "timeout", "timeout"),
        (words.FieldName, "Retry-After", "retry-after"),
        (words.FieldText, 60, "60"),
        (words.FieldText, True, "true"),
        (words.FieldText, "", ""),
        (words.Target, "/a%20b?c=%ff", "/a%20b?c=%ff"),
        (words.Address, "2001:db8::<n>", "2001:db8::<n>"),
        (words.Moment, "2027-01-31T12:00:00Z", 1_801_396_800.0),
        (words.Moment, "2027-01-31T13:00:00+01:00", 1_801_396_800.0),
        (words.Octets, "aGk=", b"hi"),
        (words.Octets, "aG\n k=", b"hi"),
        (words.Repeats, 6, 6),
    ],
)
def test_what_is_taken(kind: Any, written: object, value: object) -> None:
    assert taken(kind, written) == value


@pytest.mark.parametrize(
    ("kind", "written", "sentence"),
    [
        (words.Verdict, "rate_limitd", "is neither pass nor a reason to refuse"),
        (words.Reasons, ["pass"], "is no reason to refuse"),
        (words.Failure, "timeouts", "is no way in which a call fails"),
        (words.Token, "GET /", "is not a token of HTTP"),
        (words.FieldName, "a b", "is not a token of HTTP"),
        (words.FieldText, "a\r\nb: c", "must be one line"),
        (words.Target, "/a b", "has a blank"),
        (words.Target, "/é", "has a blank or another character"),
        (words.Address, "10.0.0", "is not an address"),
        (words.Moment, "2027-01-31T12:00:00", "is not a moment with its time zone"),
        (words.Moment, "noon", "is not a moment with its time zone"),
        (words.Moment, 5, "is not a moment with its time zone"),
        (words.Octets, "???", "is not base64"),
        (words.Repeats, 0, "greater than or equal to 1"),
        (words.Repeats, True, "whole number"),
        (words.Repeats, words.MOST_REPEATS + 1, "less than or equal"),
        (words.Status, 99, "greater than or equal to 200"),
    ],
)
def test_what_is_refused(kind: Any, written: object, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        taken(kind, written)


def test_a_reason_that_is_nearly_right_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        taken(words.Verdict, "rate_limitd")
    (error,) = caught.value.errors()
    assert error["ctx"]["error"].hint == "did you mean rate_limited?"


def test_every_reason_is_a_verdict() -> None:
    assert set(words.VERDICTS) == {"pass", *REASONS}


def test_a_text_has_its_number() -> None:
    assert words.numbered("10.0.<n>.7", 12) == "10.0.12.7"
