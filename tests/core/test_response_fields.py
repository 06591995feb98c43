"""Which fields of a response reach the client; and read by what differs from the one before, it reads the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.date import Date
from gateway.core.fields import MOST_OPTIONS, Malformed, Pair
from gateway.core.response_fields import (
    LONGEST_VARY,
    MOST_FIELDS,
    ResponseFields,
    read_fields,
    read_incremental,
    response_pairs,
)


def pairs(*lines: str) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in (line.split(": ", 1) for line in lines)]


NO_TOKENS = [b"", b"a b", b"content-length ", b" a", b"a:b", b"a\r\nb", b"a\x00", b"caf\xe9", b'"a"', b"a\n"]


@pytest.mark.parametrize("name", NO_TOKENS)
def test_a_name_that_is_no_token_is_malformed(name: bytes) -> None:
    with pytest.raises(Malformed):
        response_pairs([(name, b"1")])


@given(st.integers(0, 255))
def test_control_bytes_in_values_are_malformed(byte: int) -> None:
    value = b"a" + bytes([byte]) + b"b"
    if byte in (*range(9), *range(10, 32), 127):
        for name in (b"X-Custom", b"accept", b"Connection"):
            with pytest.raises(Malformed):
                response_pairs([(name, value)])
    else:
        assert response_pairs([(b"etag", value)]) == ([(b"etag", value)], {})


def test_a_response_keeps_its_fields_in_order_and_cookies_apart() -> None:
    raw = pairs("Content-Type: text/plain", "Set-Cookie: a=1", "X-Own: 1", "set-cookie: b=2", "ETag: x")
    expected = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"x-own", b"1"), (b"set-cookie", b"b=2")]
    assert response_pairs(raw) == ([*expected, (b"etag", b"x")], {})


def test_framing_fields_are_returned_apart() -> None:
    raw = pairs("Content-Length: 5", "content-length: 6", "Transfer-Encoding: chunked", "Keep-Alive: timeout=5")
    framing = {b"content-length": b"5, 6", b"transfer-encoding": b"chunked", b"keep-alive": b"timeout=5"}
    assert response_pairs(raw) == ([], framing)


def test_fields_that_no_response_passes_on() -> None:
    dropped = (
        "Server X-Powered-By Access-Control-Allow-Origin access-control-anything Alt-Svc X-Accel-Redirect X-Sendfile"
    )
    raw = pairs(*(f"{name}: x" for name in f"{dropped} Proxy-Authenticate TE Proxy-Connection".split()), "Vary: Origin")
    assert response_pairs(raw) == ([(b"vary", b"Origin")], {})


def test_fields_that_connection_names_stop_here_but_never_framing_ones() -> None:
    raw = pairs("X-Hop: 1", "Connection: close, x-hop, content-length", "Content-Length: 5", "Date: now")
    expected = {b"connection": b"close, x-hop, content-length", b"content-length": b"5"}
    assert response_pairs(raw) == ([(b"date", b"now")], expected)


NAMES = [b"Content-Length", b"content-length", b"Date", b"ETag", b"Etag", b"x-correlation-id", b"Server", b"Connection"]
NAMES += [b"Content-Type", b"Set-Cookie", b"Vary", b"Transfer-Encoding", b"X-Custom", b"bad name"]
VALUES = [b"5", b"7", b"keep-alive", b"date", b"x-correlation-id, close", b"chunked", b"\x01", b"", b'"a"']

fields = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=7)
whole = fields.map(lambda raw: [(name, b"7" if value == b"\x01" else value) for name, value in raw if b" " not in name])


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


NOW = Date(Clock(784111777.0), Clock(0.0))
DAY = (b"date", b"Sun, 06 Nov 1994 08:49:37 GMT")


def dated(pairs: list[Pair]) -> list[Pair]:
    """``pairs`` with one Date: the first of them, or that of now behind the others."""
    dates = [pair for pair in pairs if pair[0] == b"date"]
    return [pair for pair in pairs if pair[0] != b"date" or pair is dates[0]] if dates else [*pairs, DAY]


def outcome(raw: list[Pair], before: ResponseFields | None = None) -> object:
    try:
        if before is None:
            pairs, framing = response_pairs(raw)
            return dated(pairs), framing
        fields = read_incremental(raw, before, NOW)
        return fields.pairs, fields.framing
    except Malformed as error:
        return str(error)


@given(whole, st.lists(st.tuples(st.integers(0, 6), st.sampled_from(VALUES)), max_size=3), fields, st.booleans())
def test_the_response_before_makes_no_difference(
    first: list[Pair], edits: list[tuple[int, bytes]], other: list[Pair], edited: bool
) -> None:
    before = read_incremental(first, None, NOW)
    then = first.copy()
    for at, value in edits:
        if at < len(then):
            then[at] = (then[at][0], value)
    raw = then if edited else other
    assert outcome(raw, before) == outcome(raw)
    if not isinstance(outcome(raw), str):
        assert outcome(first, read_incremental(raw, before, NOW)) == outcome(first)  # and on from there
    assert (before.pairs, before.framing) == outcome(first)  # and it is left as it was


def test_the_same_fields_are_read_once() -> None:
    first = read_incremental([(b"Date", b"Sun"), (b"Content-Type", b"text/plain")], None)
    assert read_incremental([(b"Date", b"Sun"), (b"Content-Type", b"text/plain")], first) is first
    assert read_incremental([(b"Date", b"Mon"), (b"Content-Type", b"text/plain")], first).pairs[0] == (b"date", b"Mon")


def test_a_control_byte_in_a_changed_value_is_seen_too() -> None:
    first = read_incremental([(b"Date", b"Sun")], None)
    with pytest.raises(Malformed):
        read_incremental([(b"Date", b"Sun\x01")], first)


def test_one_response_s_length_is_not_another_s() -> None:
    first = read_incremental([(b"Content-Length", b"5")], None)
    assert read_incremental([(b"Content-Length", b"7")], first).framing == {b"content-length": b"7"}
    assert first.framing == {b"content-length": b"5"}


@pytest.mark.parametrize("other", [b"ETag", b"ETAG", b"etag"])
def test_a_field_in_two_spellings_is_a_field_twice(other: bytes) -> None:
    first = read_incremental([(other, b"1"), (b"Etag", b"2")], None)
    assert read_incremental([(other, b"1"), (b"Etag", b"3")], first).pairs[:2] == [(b"etag", b"1"), (b"etag", b"3")]


def test_a_response_without_date_gets_one_that_moves_with_the_clock() -> None:
    wall, clock = Clock(784111777.25), Clock(50.0)
    date = Date(wall, clock)
    raw = [(b"Content-Type", b"text/plain"), (b"ETag", b"1")]
    first = read_incremental(raw, None, date)
    assert first.pairs == [(b"content-type", b"text/plain"), (b"etag", b"1"), DAY]
    assert first.lines(frozenset())[0].endswith(b"etag: 1\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
    assert read_incremental(list(raw), first, date) is first
    wall.now, clock.now = wall.now + 0.75, clock.now + 0.75
    later = (b"date", b"Sun, 06 Nov 1994 08:49:38 GMT")
    second = read_incremental(list(raw), first, date)
    assert second.pairs == [*first.pairs[:2], later]
    assert read_incremental(list(raw), second, date) is second
    third = read_incremental([raw[0], (b"ETag", b"2")], second, date)
    assert third.pairs == [first.pairs[0], (b"etag", b"2"), later]
    own = [raw[0], (b"Date", b"Mon")]
    fourth = read_incremental(own, third, date)
    assert fourth.pairs == [first.pairs[0], (b"date", b"Mon")]
    clock.now += 3600
    assert read_incremental(list(own), fourth, date) is fourth


def test_of_several_dates_the_first_goes_on() -> None:
    raw = [(b"Date", b"a"), (b"X-Own", b"1"), (b"date", b"b"), (b"DATE", b"a")]
    first = read_incremental(raw, None, NOW)
    assert first.pairs == [(b"date", b"a"), (b"x-own", b"1")]
    assert read_incremental([(b"Date", b"c"), *raw[1:]], first, NOW).pairs == [(b"date", b"c"), (b"x-own", b"1")]


def test_an_informational_response_gets_none() -> None:
    assert read_fields([(b"X-Own", b"1")], None).pairs == [(b"x-own", b"1")]
    assert read_fields([(b"Date", b"a")], None).pairs == [(b"date", b"a")]


def test_two_lengths_in_two_spellings_never_become_one() -> None:
    first = read_incremental([(b"CONTENT-LENGTH", b"5"), (b"Content-Length", b"6")], None)
    then = read_incremental([(b"CONTENT-LENGTH", b"5"), (b"Content-Length", b"7")], first)
    assert then.framing == {b"content-length": b"5, 7"}


def test_a_response_has_so_many_fields_at_most() -> None:
    raw = [(b"Connection", b"close")] * MOST_FIELDS
    assert response_pairs(raw[:MOST_OPTIONS])[1][b"connection"].count(b"close") == MOST_OPTIONS
    with pytest.raises(Malformed, match="Connection"):
        response_pairs(raw)
    with pytest.raises(Malformed, match="too many"):
        response_pairs([*raw, (b"x", b"1")])


def test_a_vary_without_end_stands_for_everything() -> None:
    replaced = frozenset((b"vary",))
    for length, merged in ((LONGEST_VARY, b"a" * LONGEST_VARY), (LONGEST_VARY + 1, b"*")):
        fields = ResponseFields.of([(b"vary", b"a" * length)])
        assert fields.lines(replaced) == (b"", merged)
