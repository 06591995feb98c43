"""What a walk may ask for, and the bounds that hold for each of them."""

import pytest

from gateway.policy.upload.formats.walk import (
    LONGEST_HEAD,
    SETTLED,
    Accepted,
    CutError,
    Part,
    Units,
    Walk,
    Walker,
    exactly,
)
from tests.policy.upload.walks import outcome


def test_a_walk_gets_what_it_asks_for_however_the_pieces_fall() -> None:
    seen: list[bytes] = []

    def walk(accepted: Accepted) -> Walk:
        seen.append((yield 3))
        seen.append((yield -4))
        seen.append((yield b"\r\n"))
        yield SETTLED
        seen.append((yield 0))
        seen.append((yield 5))
        seen.append((yield 5))

    assert outcome(walk, b"abc----\r\r.\r\n12") == "good"
    assert seen == [b"abc", b"", b"", b"", b"12", b""] * 2


def test_nothing_is_asked_after_the_end_of_a_walk() -> None:
    def walk(accepted: Accepted) -> Walk:
        yield SETTLED
        yield from exactly(1)

    assert outcome(walk, b"a" * 3000) == "good"


def _short(accepted: Accepted) -> Walk:
    yield from exactly(9)


def _passed_over(accepted: Accepted) -> Walk:
    yield -9


def _looked_for(accepted: Accepted) -> Walk:
    yield SETTLED
    yield b"end"


@pytest.mark.parametrize("walk", [_short, _passed_over, _looked_for])
def test_a_file_that_ends_before_what_was_asked_for_is_cut(walk: object) -> None:
    assert outcome(walk, b"abcde").startswith("cut: ends")  # type: ignore[arg-type]  # one of the three above


def _steps(length: int) -> Part[None]:
    yield SETTLED
    while (yield length):
        pass


def test_a_walk_over_parts_of_few_octets_is_ended() -> None:
    """Its work is bounded by the length of the file: one step for 64 octets, and 64 more."""
    assert outcome(lambda _: _steps(64), bytes(64 * 200)) == "good"
    assert outcome(lambda _: _steps(8), bytes(8 * 200)) == "cut: made of parts of too few octets"
    assert outcome(lambda _: _steps(1), bytes(60)) == "good"


def _pairs(accepted: Accepted) -> Walk:
    """A file of pairs of small letters, which are plain, and of single capitals."""

    def after(piece: bytes, at: int) -> int:
        while piece[at : at + 2].islower() and at + 2 <= len(piece):
            at += 2
        return at

    yield SETTLED
    plain = False
    while True:
        yield Units(after, plain)
        letter = yield 1
        if not letter:
            return
        plain = letter.islower()
        if plain:
            yield from exactly(1)


def test_plain_units_do_not_count_however_they_are_cut() -> None:
    assert outcome(_pairs, b"ab" * 2000) == "good"
    assert outcome(_pairs, (b"ab" * 70 + b"C") * 100) == "good"
    assert outcome(_pairs, b"C" * 60 + b"ab" * 2000) == "good"
    assert outcome(_pairs, b"Cab" * 200) == "cut: made of parts of too few octets"
    assert outcome(_pairs, b"ab" * 2000 + b"a") == "cut: ends 1 octets early"


def test_a_walk_has_to_settle_early() -> None:
    def late(accepted: Accepted) -> Walk:
        yield 10 - LONGEST_HEAD
        yield 10
        yield SETTLED

    def too_late(accepted: Accepted) -> Walk:
        yield 10
        yield -LONGEST_HEAD

    walker = Walker(late(Accepted(frozenset(), True)))
    walker.feed(bytes(LONGEST_HEAD))
    assert walker.settled
    walker = Walker(too_late(Accepted(frozenset(), True)))
    with pytest.raises(CutError, match="nothing to hear or see"):
        walker.feed(bytes(10))  # at once: it does not wait for what is too much
