"""The field Date, made once a second."""

from __future__ import annotations

from gateway.core.date import Date


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_the_date_is_http_s_own_and_moves_with_the_clock() -> None:
    wall = Clock(784111777.5)
    date = Date(wall)
    first = date.field()
    assert first == (b"date", b"Sun, 06 Nov 1994 08:49:37 GMT")  # RFC 9110 5.6.7
    wall.now += 0.4
    assert date.field() is first
    wall.now += 0.1
    assert date.field() == (b"date", b"Sun, 06 Nov 1994 08:49:38 GMT")
    wall.now -= 3600
    assert date.field() == (b"date", b"Sun, 06 Nov 1994 07:49:38 GMT")


def test_a_field_lasts_until_the_second_ends() -> None:
    date = Date(Clock(784111777.75), Clock(100.0))
    assert date.until() == 100.25
    assert Date(Clock(784111777.0), Clock(100.0)).until() == 101.0
