"""What a lockout may say, and what follows from it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.policy.lockout.settings import Settings

ALL = {"failures": 30, "within": 3600.0, "lock_for": 60.0}


def test_everywhere_gives_each_address_a_count_of_its_own() -> None:
    assert not Settings(account="/email").by_address
    assert Settings.model_validate({"account": "/email", "everywhere": ALL}).by_address


def test_one_network_may_do_a_third_and_never_less_than_one_address() -> None:
    for failures, expected in ((10, 10), (5, 10), (15, 15)):
        made = Settings.model_validate({"account": "/email", "failures": failures, "everywhere": ALL})
        assert made.of_network is not None and made.of_network.failures == expected


@pytest.mark.parametrize(
    "written", [{"everywhere": ALL, "scope": "account"}, {"everywhere": {**ALL, "failures": 19}}, {"account": "email"}]
)
def test_what_contradicts_itself_is_refused(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"account": "/email", **written})
