"""Where events end: every line end, every way of cutting a stream into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.flow.event_boundaries import EventBoundaries


def after(*pieces: bytes) -> bool:
    events = EventBoundaries()
    for piece in pieces:
        events.feed(piece)
    return events.between


@pytest.mark.parametrize(
    "whole",
    [
        b"",
        b"data: 1\n\n",
        b"data: 1\r\n\r\n",
        b"data: 1\r\r",
        b"data: 1\n\r\n",
        b"data: 1\n\r",
        b"data: 1\r\n\n",
        b"data: 1\n\n\n",
        b": ping\n",
        b":\n",
        b": ping\r\n: pong\r\n",
        b"data: 1\n\n: ping\n",
        b"event: a\ndata: 1\nid: 7\n\n:\n\n",
        b"data: " + b"x" * 100_000 + b"\n\n",
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000_000])
def test_between_events(whole: bytes, size: int) -> None:
    assert after(*(whole[at : at + size] for at in range(0, len(whole), size)))


@pytest.mark.parametrize(
    "half",
    [
        b"d",
        b"data: 1",
        b"data: 1\n",
        b"data: 1\r\n",
        b"data: 1\n\ndata: 2\n",
        b": pi",
        b": ping\nid: 7\n",
        b"data: 1\n\nd",
        b"data: " + b"x" * 100_000 + b"\n",
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000_000])
def test_in_an_event(half: bytes, size: int) -> None:
    assert not after(*(half[at : at + size] for at in range(0, len(half), size)))


def test_the_rest_of_an_event_is_what_ends_it() -> None:
    events = EventBoundaries()
    events.feed(b"data: 1\n")
    assert events.remainder(b"\ndata: 2\n\n") == b"\n"
    assert events.remainder(b"data: 2\r\n\r\ndata: 3\n\n") == b"data: 2\r\n\r\n"
    assert events.remainder(b"data: 2") == b"data: 2"
    events.feed(b"x" * 5000 + b"\r")
    assert events.remainder(b"\n\r\ny") == b"\n\r\n"


LINES = st.sampled_from([b"data: 1", b"id: 7", b":c", b"", b"x" * 2000])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.lists(st.integers(0, 40), max_size=12), ENDS)
def test_however_it_is_cut_it_ends_in_the_same_places(
    lines: list[tuple[bytes, bytes]], sizes: list[int], end: bytes
) -> None:
    stream = b"".join(line + one for line, one in lines)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(stream[at : at + size])
        at += size
    pieces.append(stream[at:])
    assert after(*pieces) == after(stream)
    assert after(*pieces, b"data: last" + end + end), "two line ends of one kind are an empty line"
    assert not after(*pieces, b"data: last")
