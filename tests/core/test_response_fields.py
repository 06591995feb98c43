"""An answer that is read by what differs from the one before is the answer as read by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import Pair
from gateway.core.fields import Malformed, answer_pairs
from gateway.core.response_fields import ResponseFields, read

NAMES = [b"Content-Length", b"content-length", b"Date", b"ETag", b"Etag", b"x-correlation-id", b"Server", b"Connection"]
NAMES += [b"Content-Type", b"Set-Cookie", b"Vary", b"Transfer-Encoding", b"X-Custom", b"bad name"]
VALUES = [b"5", b"7", b"keep-alive", b"date", b"x-correlation-id, close", b"chunked", b"\x01", b"", b'"a"']

fields = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=7)
whole = fields.map(lambda raw: [(name, b"7" if value == b"\x01" else value) for name, value in raw if b" " not in name])


def seen(raw: list[Pair], before: ResponseFields | None = None) -> object:
    try:
        if before is None:
            return answer_pairs(raw)
        found = read(raw, before)
        return found.pairs, found.framing
    except Malformed as error:
        return str(error)


@given(whole, st.lists(st.tuples(st.integers(0, 6), st.sampled_from(VALUES)), max_size=3), fields, st.booleans())
def test_what_was_before_makes_no_difference(
    first: list[Pair], edits: list[tuple[int, bytes]], other: list[Pair], edited: bool
) -> None:
    before = read(first, None)
    then = first.copy()
    for at, value in edits:
        if at < len(then):
            then[at] = (then[at][0], value)
    raw = then if edited else other
    assert seen(raw, before) == seen(raw)
    if not isinstance(seen(raw), str):
        assert seen(first, read(raw, before)) == seen(first)  # and on from there
    assert (before.pairs, before.framing) == answer_pairs(first)  # and it is left as it was


def test_the_same_fields_are_read_once() -> None:
    first = read([(b"Date", b"Sun"), (b"Content-Type", b"text/plain")], None)
    assert read([(b"Date", b"Sun"), (b"Content-Type", b"text/plain")], first) is first
    assert read([(b"Date", b"Mon"), (b"Content-Type", b"text/plain")], first).pairs[0] == (b"date", b"Mon")


def test_a_control_byte_is_seen_in_what_differs_too() -> None:
    first = read([(b"Date", b"Sun")], None)
    with pytest.raises(Malformed):
        read([(b"Date", b"Sun\x01")], first)


def test_one_answer_s_length_is_not_another_s() -> None:
    first = read([(b"Content-Length", b"5")], None)
    assert read([(b"Content-Length", b"7")], first).framing == {b"content-length": b"7"}
    assert first.framing == {b"content-length": b"5"}
