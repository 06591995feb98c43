"""Requests are read off a connection in their order, bodies within bounds, and no more at once than may wait."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.verdict import Refusal
from gateway.proxy.message import parser as reading
from gateway.proxy.message.body import HIGH_WATER
from gateway.proxy.message.late_origin import SECONDS
from gateway.proxy.message.parser import (
    AHEAD,
    BETWEEN,
    CHUNK,
    CHUNK_RATE,
    FREE_CHUNKS,
    MOST_FIELDS,
    MOST_PIPELINED,
    RequestParser,
)
from gateway.proxy.message.request import ReceivedRequest

GET = b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n"
UPLOAD = b"PUT /a HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"
CHUNKED = b"POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"


class Wire:
    """A transport that notes whether it is read from."""

    def __init__(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Connection:
    """A connection that notes what its parser reads, and answers a request when ``answer`` is called."""

    def __init__(self) -> None:
        self.now = 1.0
        self.timers: dict[Callable[[], None], float] = {}
        loop: Any = SimpleNamespace(time=lambda: self.now, call_later=self._call_later)
        self.parser = RequestParser(self, loop, 8192)
        self.wire: Any = Wire()
        self.parser.transport = self.wire
        self.feed = self.parser.feed
        self.requests: list[ReceivedRequest] = []
        self.refused: list[str] = []

    def _call_later(self, delay: float, call: Callable[[], None]) -> SimpleNamespace:
        self.timers[call] = self.now + delay
        return SimpleNamespace(cancel=lambda: self.timers.pop(call, None))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        for call in [call for call, due in self.timers.items() if due <= self.now]:
            call()

    def on_request(self, request: ReceivedRequest) -> None:
        self.requests.append(request)

    def on_end(self) -> None:
        """As ``whole`` says."""

    def on_error(self, refusal: Refusal) -> None:
        self.refused.append(refusal.reason.slug)

    def write(self, data: bytes) -> None:
        """Nothing is sent."""

    def answer(self) -> None:
        """The request in progress is answered."""
        self.parser.current = None
        if self.parser.pipelined:
            self.on_request(self.parser.next_request())
            self.parser.catch_up()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 3000))
def test_requests_come_in_their_order_however_the_bytes_are_cut(paths: list[int], size: int) -> None:
    data = b"".join(GET.replace(b"/a", b"/%d" % path) for path in paths)
    connection = Connection()
    for start in range(0, len(data), size):
        connection.feed(data[start : start + size])
    while connection.parser.current is not None:
        connection.answer()
    assert [one.target for one in connection.requests] == [f"/{path}" for path in paths]
    assert connection.refused == [] and connection.wire.reading


def test_few_requests_are_read_ahead_and_the_client_waits_with_the_rest() -> None:
    connection = Connection()
    connection.feed(GET * 2000)
    connection.feed(GET * 3)
    assert len(connection.parser.pipelined) < MOST_PIPELINED + reading.SLICE // len(GET) + 1
    assert not connection.wire.reading
    while connection.parser.current is not None:
        connection.answer()
    assert len(connection.requests) == 2003 and connection.wire.reading


def test_few_are_read_ahead_of_small_pieces_too() -> None:
    connection = Connection()
    for _ in range(500):
        connection.feed(GET * 2)
    assert len(connection.parser.pipelined) < MOST_PIPELINED + 2 and not connection.wire.reading
    while connection.parser.current is not None:
        connection.answer()
    assert len(connection.requests) == 1000 and connection.wire.reading


@pytest.mark.parametrize("size", [3_000, 40_000, AHEAD - 1, AHEAD])
def test_the_content_of_requests_that_wait_is_bounded_for_all_of_them_together(size: int) -> None:
    connection = Connection()
    connection.feed(GET)
    sent, upload = 0, UPLOAD % size + b"x" * size
    while connection.wire.reading and sent < 40:
        connection.feed(upload)
        sent += 1
    held = sum(request.body.unread for request in connection.parser.pipelined if request.body is not None)
    assert min(AHEAD, MOST_PIPELINED * size) <= held <= AHEAD + size
    connection.feed(GET)
    for _ in range(sent + 1):
        assert connection.parser.current is not None
        connection.answer()
    assert len(connection.requests) == sent + 2 and connection.wire.reading


def test_nothing_is_read_behind_the_last_request_of_a_connection() -> None:
    class Last(Connection):
        def on_end(self) -> None:
            self.parser.current, self.parser.discarding = None, True  # as after a refusal, once the request is whole

    connection = Last()
    connection.feed(CHUNKED)
    connection.feed(b"0\r\n\r\n" + GET + GET)
    assert [one.method for one in connection.requests] == ["POST"]
    assert connection.refused == []


def test_an_upload_that_is_not_read_pauses_the_client_until_it_is() -> None:
    connection = Connection()
    connection.feed(UPLOAD % (4 * HIGH_WATER) + b"x" * (HIGH_WATER + 1))
    body = connection.requests[0].body
    assert body is not None and not connection.wire.reading
    body.drop()
    assert connection.wire.reading
    connection.feed(b"x" * (3 * HIGH_WATER - 1))
    assert connection.requests[0].whole and connection.wire.reading, "what is dropped does not pause the client"


def test_a_counted_upload_is_not_parsed_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection()
    connection.feed(UPLOAD % 1_000_000)
    body = connection.requests[0].body = connection.parser.body_of(connection.requests[0])
    body.declare(1_000_000, 1.0, False)
    fed: list[int] = []
    parse = connection.parser._parse
    monkeypatch.setattr(RequestParser, "_parse", lambda self, data: (fed.append(len(data)), parse(data)))
    connection.feed(b"x" * 200_000)
    assert fed == [200_000]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 2000,
        b"GET / HTTP/1.1\r\n" + b"x%d: y\r\n" * 200 % tuple(range(200)) + b"\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * 10_000,
    ],
)
def test_a_head_without_end_is_refused_while_it_comes(data: bytes) -> None:
    connection = Connection()
    for start in range(0, len(data), 500):
        connection.feed(data[start : start + 500])
    connection.wait(SECONDS)
    assert connection.refused == ["headers_too_large"] and connection.requests == []


def test_a_target_without_end_has_a_reason_of_its_own() -> None:
    connection = Connection()
    for piece in (b"GET /", *[b"a" * 500] * 20):
        connection.feed(piece)
    assert connection.refused == [] and connection.parser.discarding
    connection.wait(SECONDS)
    assert connection.refused == ["target_too_long"] and connection.requests == []


def test_a_head_whose_origin_has_arrived_is_refused_at_once() -> None:
    for begin in (
        b"GET / HTTP/1.1\r\norigin: https://a\r\nx: ",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\norigin: https://a\r\n",
    ):
        connection = Connection()
        connection.feed(begin + b"y" * 10_000)
        assert len(connection.refused) == 1 and connection.parser.origin == b"https://a" and not connection.timers


def test_behind_a_request_no_origin_is_waited_for() -> None:
    connection = Connection()
    connection.feed(GET + b"GET /" + b"a" * 20_000)
    assert connection.refused == ["target_too_long"] and not connection.timers


def test_nothing_is_waited_for_once_the_connection_is_over() -> None:
    for over in (RequestParser.drop, RequestParser.close):
        connection = Connection()
        connection.feed(b"GET /" + b"a" * 10_000)
        over(connection.parser)
        connection.feed(b"\r\norigin: https://a\r\n")
        assert not connection.timers and connection.refused == []


def test_what_stands_between_the_chunks_of_a_body_has_a_bound() -> None:
    connection = Connection()
    connection.feed(CHUNKED + b"2;")
    for _ in range(BETWEEN // 4000 + 1):
        connection.feed(b"a" * 4000)
    assert connection.refused == ["headers_too_large"] and connection.parser.discarding
    body = connection.requests[0].body
    assert body is not None
    content = body.whole()
    assert isinstance(content, Refusal) and content.reason.slug == "body_malformed"


def test_the_time_of_a_head_runs_from_its_first_byte_and_not_before() -> None:
    connection = Connection()
    connection.feed(GET)
    connection.answer()
    assert connection.parser.head_since == 0.0
    connection.now = 7.0
    connection.feed(b"G")
    connection.now = 8.0
    connection.feed(b"ET / HTTP/1.1\r\n")
    assert connection.parser.head_since == 7.0
    connection.feed(b"host: a\r\n\r\n")
    assert connection.parser.head_since == 0.0


def test_chunks_of_next_to_nothing_are_refused_unless_they_come_slowly() -> None:
    """A body of 64 KiB in chunks of one byte is 65,536 pieces: 15 ms, where one of a sensible size is 0.03 ms."""
    for pause, refused in ((0.0, ["head_malformed"]), (1 / CHUNK_RATE, [])):
        connection = Connection()
        connection.feed(CHUNKED)
        for _ in range(3 * FREE_CHUNKS):
            connection.now += pause
            connection.feed(b"1\r\na\r\n")
        assert connection.refused == refused
    body = connection.requests[0].body
    assert body is not None and body.arrived == body.pieces == 3 * FREE_CHUNKS


@pytest.mark.parametrize("size", [CHUNK, 1000])
def test_chunks_of_some_bytes_may_be_as_many_and_as_quick_as_they_like(size: int) -> None:
    connection = Connection()
    connection.feed(CHUNKED + (b"%x\r\n%b\r\n" % (size, b"a" * size)) * 3 * FREE_CHUNKS)
    assert connection.refused == [] and connection.requests[0].body is not None
    assert connection.requests[0].body.arrived == 3 * FREE_CHUNKS * size


def test_too_many_trailers_are_refused_while_they_come() -> None:
    connection = Connection()
    connection.feed(CHUNKED + b"0\r\n")
    connection.feed(b"a:\r\n" * (MOST_FIELDS + 2))
    assert connection.refused == ["headers_too_large"]
