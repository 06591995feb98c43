"""Inputs out of other inputs: what the engine without coverage does, and what hypothesis draws from."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st

from tests.fuzz.targets import Target

LONGEST = 4096
"""Bytes of an input that is made; those that are grown are larger."""

Edit = tuple[float, int, bytes]
"""Where, as a part of the whole; how many bytes go; what comes in their place."""


def edited(data: bytes, edits: Sequence[Edit]) -> bytes:
    for where, gone, piece in edits:
        at = int(where * (len(data) + 1))
        data = data[:at] + piece + data[at + gone :]
    return data[:LONGEST]


def mutated(chance: Random, corpus: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """One of ``corpus`` with some edits: a word, another byte, nothing, or a piece of another one."""
    data = chance.choice(corpus)
    edits: list[Edit] = []
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        other = chance.choice(corpus)
        begin = chance.randrange(len(other) + 1)
        pieces = (
            chance.choice(words),
            bytes([chance.randrange(256)]),
            b"",
            other[begin : begin + chance.randrange(1, 40)],
        )
        edits.append((chance.random(), chance.choice((0, 0, 1, 1, 2, 8, 40)), chance.choice(pieces)))
    return edited(data, edits)


def near(target: Target) -> st.SearchStrategy[bytes]:
    """Seeds of a harness with edits, and now and then any bytes."""
    pieces = st.one_of(st.sampled_from(target.words), st.binary(max_size=3))
    edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8), pieces), max_size=4)
    return st.one_of(st.builds(edited, st.sampled_from(target.seeds), edits), st.binary(max_size=200))
