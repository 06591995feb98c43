"""What an acknowledgement has to say, and until when it does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.acknowledgements import Acknowledgement, WrittenAcknowledgement, day_of
from gateway.config.tree import Position

WHOLE: dict[str, Any] = {"loosens": "3fa9c1", "by": "ada", "reason": "agreed", "until": "2027-01-31"}


def test_one_of_a_change_and_one_of_a_finding() -> None:
    assert WrittenAcknowledgement.model_validate(WHOLE).until == date(2027, 1, 31)
    of_finding = {**WHOLE, "finding": "public-without-limit:login"}
    del of_finding["loosens"]
    made = WrittenAcknowledgement.model_validate(of_finding)
    assert (made.finding, made.at) == ("public-without-limit:login", "all")
    assert WrittenAcknowledgement.model_validate(of_finding | {"at": "routes.login"}).at == "routes.login"


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": None},
        {"by": ""},
        {"by": " \t"},
        {"reason": "\n"},
        {"by": "who answers for it"},  # as gateway diff proposes it
        {"reason": " Why it may  be so."},
        {"reason": "x" * 501},
        {"until": "tomorrow"},
        {"until": None},
        {"loosens": 12345678},
        {"loosens": 1e10},
        {"loosens": "a b"},
        {"loosens": "a\n"},
        {"loosens": "-a"},
        {"loosens": None},
        {"finding": "also"},
        {"why": "no such key"},
        {"at": "routes.login"},  # a change says itself where it is
    ],
)
def test_what_is_no_acknowledgement(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WrittenAcknowledgement.model_validate({**WHOLE, **wrong})


@pytest.mark.parametrize("key", ["by", "reason", "until"])
def test_nothing_of_it_may_be_left_out(key: str) -> None:
    with pytest.raises(ValidationError):
        WrittenAcknowledgement.model_validate({name: value for name, value in WHOLE.items() if name != key})


def test_it_ends_with_its_last_day_in_utc() -> None:
    one = Acknowledgement("3fa9c1", None, "ada", "agreed", date(2027, 1, 31), Position("a.yaml", 1, 1))
    assert not one.expired(datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    assert one.expired(datetime(2027, 2, 1, tzinfo=UTC).timestamp())
    assert day_of(0.0) == date(1970, 1, 1)
