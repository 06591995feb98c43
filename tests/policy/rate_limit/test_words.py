"""A limit in words: how many, in how long, for each what."""

from __future__ import annotations

import pytest

from gateway.policy.rate_limit.rate_limit import Settings
from gateway.policy.rate_limit.words import in_words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"limit": "5/minute", "key": ["address"]}, "5 requests a minute for each address"),
        (
            {"limit": "1/second", "burst": 9, "key": ["principal", "route"]},
            "1 request a second (9 at once after a pause) for each user and each route",
        ),
        (
            {"limit": "100/15m", "key": ["header:x-device", "input:/user/email"]},
            "100 requests in 15m for each value of the field `x-device` and each value of `user.email` in the body",
        ),
    ],
)
def test_how_many_in_how_long_and_for_each_what(written: dict[str, object], words: str) -> None:
    assert in_words(Settings.model_validate(written)) == words
