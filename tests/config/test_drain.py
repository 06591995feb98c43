"""How long a run announces its end and finishes what is in progress: both, either, or one plain duration for the two."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.config.drain import DrainTimes
from gateway.config.listen_settings import Listen
from gateway.policy.base.settings import WRITTEN


def drain(written: object) -> DrainTimes:
    return Listen.model_validate({"drain": written}, context=WRITTEN).drain


@pytest.mark.parametrize(
    ("written", "announce", "finish"),
    [
        ({"announce": "2s", "finish": "7s"}, 2.0, 7.0),
        ({"announce": "2s"}, 2.0, 20.0),
        ({"finish": "7s"}, 5.0, 7.0),
        ({"announce": 0}, 0.0, 20.0),
        ({}, 5.0, 20.0),
        ("20s", 5.0, 15.0),
        ("1s", 0.25, 0.75),
        ("1h", 5.0, 3595.0),
    ],
)
def test_what_is_written_and_what_is_meant(written: object, announce: float, finish: float) -> None:
    assert drain(written) == DrainTimes(announce=announce, finish=finish)


def test_nothing_written_fits_into_the_grace_period_of_kubernetes() -> None:
    times = Listen().drain
    assert times.announce + times.finish < 30.0


@pytest.mark.parametrize(
    ("written", "where", "why"),
    [
        ("0s", "drain", "must be more than zero"),
        ("soon", "drain", "is not a duration"),
        (20, "drain", "is not a duration"),
        (None, "drain", "is not a duration"),
        (True, "drain", "is not a duration"),
        (["5s", "20s"], "drain", "is not a duration"),
        ({"finish": "0s"}, "finish", "must be more than zero"),
        ({"announce": 5}, "announce", "is not a duration"),
        ({"anounce": "5s"}, "anounce", "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(written: object, where: str, why: str) -> None:
    with pytest.raises(ValidationError) as raised:
        drain(written)
    (error,) = raised.value.errors()
    assert error["loc"][-1] == where
    assert why in error["msg"]
