import pytest

from gateway.core.reason import REASONS
from gateway.core.verdict import Refusal, refuse


def test_a_refusal_has_the_reason_of_its_slug_and_by_default_nothing_more() -> None:
    assert refuse("no_route") == Refusal(REASONS["no_route"], "", 0, (), False)


def test_the_other_parts_of_a_refusal() -> None:
    challenge = ((b"www-authenticate", b"Bearer"),)
    refusal = refuse("token_missing", "no field", retry_after=3, headers=challenge, close=True)
    assert (refusal.detail, refusal.retry_after, refusal.headers, refusal.close) == ("no field", 3, challenge, True)


def test_a_slug_that_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(KeyError):
        refuse("made_up")
