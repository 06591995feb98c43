"""The clock of responses whose head has come: one connection, call after call."""

from typing import Any

from gateway.proxy.pool.timeouts import ResponseTimeouts


class Answering:
    """What the clock reads of a connection."""

    def __init__(self, buffered: int, streaming: bool) -> None:
        self.trailers: list[Any] = []
        self.buffered = buffered
        self.streaming = streaming
        self.deadline = 5.0


def response(buffered: int = 0, streaming: bool = False) -> Any:
    return Answering(buffered, streaming)


def test_silence_is_counted_from_the_last_byte_seen() -> None:
    clock, here = ResponseTimeouts(1.0), response(5)
    assert not clock.silent(here, 10.0)
    assert not clock.silent(here, 10.9)
    here.buffered = 6
    assert not clock.silent(here, 11.5)
    assert not clock.silent(here, 12.4)
    assert clock.silent(here, 12.5)


def test_the_next_response_on_the_connection_begins_anew() -> None:
    clock, here = ResponseTimeouts(1.0), response(5)
    clock.silent(here, 10.0)
    clock.end(here, 11.0)
    here.trailers = []
    assert not clock.silent(here, 11.0), "as many bytes have come, but of another answer"
    assert not clock.overdue(here, 11.0), "and the end was that of the one before"
    clock.end(here, 12.0)
    assert not clock.overdue(here, 11.9)
    assert clock.overdue(here, 12.0)


def test_what_has_no_end_is_never_overdue_and_what_is_forgotten_has_none() -> None:
    clock, here, other = ResponseTimeouts(1.0), response(), response()
    assert not clock.overdue(here, 1e9)
    clock.end(here, 1.0)
    assert not clock.overdue(other, 1e9)
    clock.forget(here)
    clock.forget(here)
    assert not clock.overdue(here, 1e9)


def test_a_stream_has_its_own_clock() -> None:
    clock, here = ResponseTimeouts(1.0), response(streaming=True)
    assert not any(clock.silent(here, now) for now in (10.0, 20.0))


def test_silence_while_the_client_is_waited_for_does_not_count() -> None:
    clock, here = ResponseTimeouts(1.0), response(5)
    assert not clock.silent(here, 10.0)
    for now in (10.5, 11.5, 12.5):
        clock.restart(here, now)
    assert here.deadline == 0.0
    assert not clock.silent(here, 13.4)
    assert clock.silent(here, 13.5)
