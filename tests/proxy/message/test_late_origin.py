"""The Origin of a head that is refused before it is whole: found within bounds of bytes and of time."""

from __future__ import annotations

import asyncio

import pytest

from gateway.proxy.message.late_origin import MOST_BYTES, SECONDS, LateOrigin, origin_in


@pytest.mark.parametrize(
    ("data", "origin"),
    [
        (b"GET /a b HTTP/1.1\r\nOrigin: https://a\r\n\r\n", b"https://a"),
        (b"x: 1\norigin:\thttps://a \t\nb: 1", b"https://a"),
        (b"x: 1\r\nORIGIN: app://.\r\n", b"app://."),
        (b"x: 1\r\norigin: https://a", None),
        (b"x: 1\r\norigin: https://a\r\norigin: https://b\r\n", None),
        (b"x: 1\r\n\r\norigin: https://a\r\n\r\n", None),
        (b"x: 1\r\nx-origin: https://a\r\n\r\n", None),
        (b"x: 1\r\norigin: https://a https://b\r\n\r\n", None),
        (b"x: 1\r\norigin: " + b"a" * 301 + b"\r\n\r\n", None),
    ],
)
def test_the_one_origin_of_a_head_is_found(data: bytes, origin: bytes | None) -> None:
    assert origin_in(data) == origin


class Looking:
    """A LateOrigin that notes what it has found."""

    def __init__(self) -> None:
        self.found: list[bytes | None] = []
        self.late = LateOrigin(asyncio.get_running_loop(), self.found.append)


async def test_it_is_found_wherever_what_arrives_is_cut() -> None:
    head = b"a" * 500 + b" HTTP/1.1\r\nhost: a\r\norigin: https://a\r\nx: 1\r\n\r\norigin: https://b\r\n"
    for size in (1, 2, 7, 399, 400, 401, len(head)):
        looking = Looking()
        for start in range(0, len(head), size):
            if not looking.found:
                looking.late.took(head[start : start + size])
        assert looking.found == [b"https://a"], size


async def test_a_head_without_one_ends_the_look() -> None:
    looking = Looking()
    looking.late.took(b"a HTTP/1.1\r\nhost: a\r\n\r")
    assert looking.found == []
    looking.late.took(b"\n")
    assert looking.found == [None]


async def test_no_more_bytes_are_looked_through_than_are_bounded() -> None:
    for size in (1, 4096):
        looking, taken = Looking(), 0
        while not looking.found:
            looking.late.took(b"a" * size)
            taken += size
        assert looking.found == [None] and taken <= MOST_BYTES + size


async def test_it_waits_no_longer_than_is_bounded_and_says_nothing_once_it_is_cancelled() -> None:
    looking, cancelled = Looking(), Looking()
    cancelled.late.cancel()
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not looking.found:
        await asyncio.sleep(0.01)
    assert loop.time() - began >= SECONDS - 0.01
    assert (looking.found, cancelled.found) == ([None], [])
