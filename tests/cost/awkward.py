"""What a hostile client fills things with, and what it costs to take them: processor time, since a machine may be busy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import permutations

from tests.processor_time import AGAIN, processor_time, slowdown

MOST = 0.002
"""Seconds of processor time that any one step may take, whatever it is given."""

HEAD = 16 * 1024
"""Bytes of a request's head: ``listen.limits.header_bytes`` as it is shipped."""

BODY = 64 * 1024
"""Bytes of a body that stages look into: ``bodies.json`` as it is shipped. Also those of an upstream's head."""

MARKS = "\"\\,;=(%&[{+/.:@-_ \t<>]})*!?#'"
"""The characters that some grammar of HTTP, URLs, JSON or media types gives a meaning."""

OTHERS = ("\0", "\x80", "\xff", "a", "A", "0", "9", "e", "\n", "😀", "\u0315", "\u0300", "\u1100", "\uac00", "\ufdfa")
"""Letters, digits, controls, bytes outside of ASCII; marks that combine and are put in order, jamo that compose, and a
letter that compatibility normalization turns into 18."""

SEQUENCES = (
    '\\"', "\\\\", "\\u0000", "\\ud800", "\\ud83d\\ude00", "%41", "%22", "%C3%A9", "%C2%80", "%25", "%2", "%e4%bd%a0", "%EF%B7%BA", "/%EF%B7%BA", "/%CC%95%CC%80",
    "\u0315\u0300", "\u1100\u1161\u11a8", '{"a":', '{"":0},', "{},", "[],", "[{", "[[[]],", '"",', '"a",', "1,", "0.1,",
    '"a":1,', "eyJ", "eyJ.", "Bearer ", "basic\t", "a.b", "a,b", "a=b;", 'a="b",', "::", "1.1.1.1,", "fe80::1,", "/*",
    "//", "/../", "/a/", "&a=1", "&batch", "batch=1&", "input=&", "\r\n", "close,", "chunked,", "*/*;q=1,", "[::1]:",
)  # fmt: skip
"""Escapes, and pieces of what is read."""

PAIRS = tuple(first + second for first, second in permutations((*'"\\,;=%&[{+.:@- \t', "\0", "a", "1"), 2))
"""Two characters in turn: what defeats a pattern that is quick on either of them."""

SOME = tuple(dict.fromkeys((*MARKS, *OTHERS, *SEQUENCES)))
ALL = (*SOME, *PAIRS)


def filled(size: int, before: str = "", after: str = "", units: Iterable[str] = SOME) -> Iterator[bytes]:
    """Values of at most ``size`` bytes in UTF-8, of one unit again and again between ``before`` and ``after``."""
    start, end = before.encode(), after.encode()
    for unit in units:
        octets = unit.encode()
        yield start + octets * ((size - len(start) - len(end)) // len(octets)) + end


def slow(work: Callable[[bytes], object], values: Iterable[bytes], most: float = MOST) -> list[str]:
    """What takes ``work`` longer than ``most`` seconds: the beginning of each such value, and its time."""
    found = []
    for value in values:
        seconds = processor_time(lambda value=value: work(value), MOST / 4)  # type: ignore[misc]  # the value of now
        if seconds > most:
            seconds = min(seconds, processor_time(lambda value=value: work(value), most, AGAIN))  # type: ignore[misc]  # as above
        if seconds > most and seconds > most * slowdown():
            found.append(f"{seconds * 1000:.1f} ms for {len(value)} bytes of {value[:40]!a}")
    return found


def growth(work: Callable[[bytes], object], value: Callable[[int], bytes], size: int) -> float:
    """How many times as long ``work`` takes for a value of twice the ``size``: 2 where it is linear, 4 where quadratic."""
    once, twice = value(size), value(2 * size)
    return min(processor_time(lambda: work(twice)) / max(processor_time(lambda: work(once)), 1e-6) for _ in range(2))
