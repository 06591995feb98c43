"""One walk over one file, for the tests of its format."""

from __future__ import annotations

from gateway.policy.upload.formats.walk import Accepted, CutError, Format, Walker, WrongTypeError
from tests.policy.upload.made_files import GOOD

ALL = frozenset(GOOD)


def outcome(walk: Format, octets: bytes, families: frozenset[str] = ALL, *, sound_only: bool = True) -> str:
    """``good``, or which error and its words; what it says must not depend on whether octets come one by one."""
    whole = _walked(walk, [octets], Accepted(families, sound_only))
    single = [octets[at : at + 1] for at in range(len(octets))] if len(octets) < 20_000 else [octets]
    assert _walked(walk, single, Accepted(families, sound_only)) == whole
    return whole


def _walked(walk: Format, pieces: list[bytes], accepted: Accepted) -> str:
    walker = None
    try:
        walker = Walker(walk(accepted))
        for piece in pieces:
            walker.feed(piece)
        walker.end()
    except (WrongTypeError, CutError) as error:
        return f"{'wrong' if isinstance(error, WrongTypeError) else 'cut'}: {error.detail}"
    assert walker.settled
    return "good"
