"""The fields of draft-ietf-httpapi-ratelimit-headers-11 for one limit, state by state."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.rate_limit.limit_fields import REMEMBERED, LimitFields
from gateway.state.rules.gcra import Taken

PER_ACCOUNT = LimitFields("per-account", 5, 60.0, 5)  # one unit every 12 seconds


def test_the_policy_is_the_lasting_rate_and_not_the_burst() -> None:
    assert LimitFields("per-client", 300, 60.0, 60).policy == b'"per-client";q=300;w=60'


def test_a_window_is_a_whole_number_of_seconds() -> None:
    assert LimitFields("quick", 10, 0.1, 10).policy == b'"quick";q=10;w=1'
    assert LimitFields("odd", 10, 1.5, 10).policy == b'"odd";q=10;w=2'


def test_a_name_is_a_string_of_structured_fields() -> None:
    fields = LimitFields('50% of "\\"', 5, 60.0, 5)
    assert fields.policy == b'"50% of \\"\\\\\\"";q=5;w=60'
    assert fields.lines(Taken(True, 0.0, 4, 12.0)).item == b'"50% of \\"\\\\\\"";r=4;t=12'


def test_one_limit_alone_has_all_its_lines_ready() -> None:
    lines = PER_ACCOUNT.lines(Taken(True, 0.0, 4, 12.0))
    assert lines.complete.raw == (
        b'ratelimit-policy: "per-account";q=5;w=60\r\n'
        b'ratelimit: "per-account";r=4;t=12\r\n'
        b"x-ratelimit-limit: 5\r\nx-ratelimit-remaining: 4\r\nx-ratelimit-reset: 12\r\n"
    )
    assert lines.older.names == {b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset"}


def test_t_is_the_wait_for_the_next_unit_and_reset_the_wait_for_all() -> None:
    lines = PER_ACCOUNT.lines(Taken(False, 7.0, 0, 55.0))
    assert lines.item == b'"per-account";r=0;t=7'
    assert b"x-ratelimit-reset: 55\r\n" in lines.older.raw


@given(st.integers(0, 5), st.floats(0, 60))
def test_a_client_that_waits_for_t_finds_another_unit(remaining: int, since: float) -> None:
    """Units come back every 12 seconds: with ``remaining`` left, the next one is there at the end of ``t``."""
    reset = (5 - remaining) * 12.0 - since % 12.0 if remaining < 5 else 0.0
    seconds = int(PER_ACCOUNT.lines(Taken(True, 0.0, remaining, reset)).item.rpartition(b"=")[2])
    assert seconds >= 1
    assert seconds >= reset - (4 - remaining) * 12.0 - 1e-6


def test_states_that_round_alike_share_their_lines() -> None:
    assert PER_ACCOUNT.lines(Taken(True, 0.0, 4, 11.2)) is PER_ACCOUNT.lines(Taken(True, 0.0, 4, 11.9))


def test_the_lines_of_many_states_are_not_kept_for_ever() -> None:
    fields = LimitFields("hourly", 10_000, 3600.0, 10_000)
    first = fields.lines(Taken(True, 0.0, 9_999, 1.0))
    for remaining in range(REMEMBERED):
        fields.lines(Taken(True, 0.0, remaining, 1.0))
    again = fields.lines(Taken(True, 0.0, 9_999, 1.0))
    assert again is not first
    assert again.item == first.item
