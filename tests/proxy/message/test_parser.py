"""What is read off a client's connection: requests in order, bodies in bounds, and no more at once than is asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.verdict import Refusal
from gateway.proxy.message import parser as reading
from gateway.proxy.message.parser import AHEAD, BETWEEN, RequestParser
from gateway.proxy.message.request import HIGH_WATER, ReceivedRequest

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


class Heard(RequestParser):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.now = 1.0
        loop: Any = SimpleNamespace(time=lambda: self.now)
        super().__init__(loop, 8192)
        self.wire: Any = Wire()
        self.transport = self.wire
        self.told: list[ReceivedRequest] = []
        self.refused: list[str] = []

    def begin(self, inbound: ReceivedRequest) -> None:
        self.told.append(inbound)

    def ended(self) -> None:
        """As ``whole`` says."""

    def unreadable(self, refusal: Refusal) -> None:
        self.refused.append(refusal.reason.slug)

    def over(self) -> None:
        """The request in progress is answered."""
        self.inbound = None
        if self.ahead:
            self.inbound = self.ahead.pop(0)
            self.begin(self.inbound)
            self.catch_up()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 3000))
def test_requests_come_in_their_order_however_the_bytes_are_cut(paths: list[int], size: int) -> None:
    data = b"".join(GET.replace(b"/a", b"/%d" % path) for path in paths)
    heard = Heard()
    for start in range(0, len(data), size):
        heard.data_received(data[start : start + size])
    while heard.inbound is not None:
        heard.over()
    assert [one.target for one in heard.told] == [f"/{path}" for path in paths]
    assert heard.refused == [] and heard.wire.reading


def test_few_requests_are_read_ahead_and_the_client_waits_with_the_rest() -> None:
    heard = Heard()
    heard.data_received(GET * 2000)
    heard.data_received(GET * 3)
    assert len(heard.ahead) < AHEAD + reading.SLICE // len(GET) + 1
    assert not heard.wire.reading
    while heard.inbound is not None:
        heard.over()
    assert len(heard.told) == 2003 and heard.wire.reading


def test_few_are_read_ahead_of_small_pieces_too() -> None:
    heard = Heard()
    for _ in range(500):
        heard.data_received(GET * 2)
    assert len(heard.ahead) < AHEAD + 2 and not heard.wire.reading
    while heard.inbound is not None:
        heard.over()
    assert len(heard.told) == 1000 and heard.wire.reading


def test_nothing_is_heard_behind_the_last_request_of_a_connection() -> None:
    class Last(Heard):
        def ended(self) -> None:
            self.inbound, self.deaf = None, True  # as whoever refused it, and lingered until it was whole

    heard = Last()
    heard.data_received(CHUNKED)
    heard.data_received(b"0\r\n\r\n" + GET + GET)
    assert [one.method for one in heard.told] == ["POST"]
    assert heard.refused == []


def test_an_upload_nobody_reads_stops_and_goes_on_when_it_is_read() -> None:
    heard = Heard()
    heard.data_received(UPLOAD % (4 * HIGH_WATER) + b"x" * (HIGH_WATER + 1))
    body = heard.told[0].body
    assert body is not None and not heard.wire.reading
    body.drop()
    assert heard.wire.reading
    heard.data_received(b"x" * (3 * HIGH_WATER - 1))
    assert heard.told[0].whole and heard.wire.reading, "what nobody will read holds nobody up"


def test_a_counted_upload_is_not_parsed_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    heard.data_received(UPLOAD % 1_000_000)
    body = heard.told[0].body = heard._body(heard.told[0])
    body.declare(1_000_000, 1.0, False)
    fed: list[int] = []
    parse = heard._parse
    monkeypatch.setattr(RequestParser, "_parse", lambda self, data: (fed.append(len(data)), parse(data)))
    heard.data_received(b"x" * 200_000)
    assert fed == [200_000]


@pytest.mark.parametrize(
    "said",
    [
        b"GET /" + b"a" * 10_000,
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 2000,
        b"GET / HTTP/1.1\r\n" + b"x%d: y\r\n" * 200 % tuple(range(200)) + b"\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * 10_000,
    ],
)
def test_a_head_without_end_is_refused_while_it_comes(said: bytes) -> None:
    heard = Heard()
    for start in range(0, len(said), 500):
        heard.data_received(said[start : start + 500])
    assert heard.refused == ["headers_too_large"] and heard.told == []


def test_what_stands_between_the_chunks_of_a_body_has_a_bound() -> None:
    heard = Heard()
    heard.data_received(CHUNKED + b"2;")
    for _ in range(BETWEEN // 4000 + 1):
        heard.data_received(b"a" * 4000)
    assert heard.refused == ["headers_too_large"] and heard.deaf
    body = heard.told[0].body
    assert body is not None
    told = body.whole()
    assert isinstance(told, Refusal) and told.reason.slug == "body_malformed"


def test_the_time_of_a_head_runs_from_its_first_byte_and_not_before() -> None:
    heard = Heard()
    heard.data_received(GET)
    heard.over()
    assert heard.head_since == 0.0
    heard.now = 7.0
    heard.data_received(b"G")
    heard.now = 8.0
    heard.data_received(b"ET / HTTP/1.1\r\n")
    assert heard.head_since == 7.0
    heard.data_received(b"host: a\r\n\r\n")
    assert heard.head_since == 0.0
