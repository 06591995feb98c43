"""How the structure of a file is walked while its pieces arrive: what a walk asks for, and how it refuses.

A walk is a generator over one file. It yields what it wants next and is sent what came:

- a positive number: that many octets; fewer only at the end of the file
- a negative number: to pass over as many, whatever they are; a file that ends before is cut off
- octets: to pass over everything up to and with these; a file without them is cut off
- ``Units``: to pass over the plain units that are whole in the piece at hand
- ``SETTLED``: nothing; the file is known to be of an accepted family, and what was held of it may go on

When it returns, the rest of the file may be anything. A walk never sees where pieces end, so neither does its verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

SETTLED = None


class Units(NamedTuple):
    """The plain units of a file, such as the pages of Ogg, which are many and small: 34 octets for 20 ms of silence."""

    after: Callable[[bytes, int], int]
    """Where in a piece the whole plain units end that begin at a place in it, without a step of the walk for each."""
    free: bool
    """What the walk has asked for since the last request of this kind was for one of them, and does not count."""


Request = int | bytes | Units | None

T = TypeVar("T")
Part = Generator[Request, bytes, T]
"""A part of a walk, with what it returns to the whole."""
Walk = Part[None]


class Accepted(NamedTuple):
    """What a walk may find."""

    families: frozenset[str]
    """Families of containers that agree with the declared type."""
    sound_only: bool
    """The declared type is one of audio: a track of pictures contradicts it."""


Format = Callable[[Accepted], Walk]


class _RefusedError(Exception):
    def __init__(self, detail: str, sentence: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        """For the log."""
        self.sentence = sentence
        """For a user; empty where there is nothing more to say than the class says."""


class WrongTypeError(_RefusedError):
    """The file is not what its type says."""


class CutError(_RefusedError):
    """The file is not whole, or not well-formed."""


LONGEST_HEAD = 512 * 1024
"""Octets in which a walk has to settle: an MP3 has the picture of its album before its sound."""

# A walk may ask so often at once, and once more for so many octets: 64 KiB of empty boxes would take 5 ms otherwise. Plain units
# do not count, of which each takes a third of a microsecond.
_STEPS_AT_ONCE = 64
_OCTETS_PER_STEP = 64
_LONGEST_UNIT = 4
"""Steps that a plain unit takes at most where it is in more than one piece."""


def exactly(count: int) -> Part[bytes]:
    """Read ``count`` octets. Raises CutError when the file ends before."""
    data = yield count
    if len(data) < count:
        raise CutError(f"ends {count - len(data)} octets early")
    return data


class Walker:
    """Leads one walk over the pieces of a file. Raises what the walk raises, and CutError where the file ends too early."""

    __slots__ = ("_at", "_counted", "_done", "_held", "_steps", "_walk", "_wanted", "settled")

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._held = bytearray()  # what has come of a read, or the end of what was searched
        self._at = 0  # octets that the walk has behind it
        self._steps = 0
        self._counted = 0  # of them, when the walk came to its last unit
        self._done = False
        self.settled = False
        self._wanted: int | bytes | Units = 0  # octets to read, below zero to pass over; what to look for; or units
        self._go_on(None)

    def feed(self, piece: bytes) -> None:
        """Go on with the next octets of the file."""
        at, size = 0, len(piece)
        while not self._done:
            wanted = self._wanted
            data = b""
            if isinstance(wanted, bytes):
                used, found = self._search(wanted, piece[at:])
            elif isinstance(wanted, Units):
                used, found = wanted.after(piece, at) - at, True
            elif wanted < 0:
                used = min(-wanted, size - at)
                found = used == -wanted
                self._wanted = wanted + used
            elif not self._held and wanted <= size - at:
                used, found, data = wanted, True, piece[at : at + wanted]
            else:
                used = min(wanted - len(self._held), size - at)
                self._held += piece[at : at + used]
                found = len(self._held) == wanted
            at += used
            self._at += used
            if not found:
                return
            if self._held:
                data = bytes(self._held)
                self._held.clear()
            self._go_on(data)

    def end(self) -> None:
        """Go on to the end of the file, which is here."""
        while not self._done:
            if isinstance(self._wanted, bytes) or (isinstance(self._wanted, int) and self._wanted < 0):
                raise CutError(f"ends early, after {self._at} octets")
            data = bytes(self._held)
            self._held.clear()
            self._go_on(data)

    def _search(self, wanted: bytes, piece: bytes) -> tuple[int, bool]:
        """How many octets of ``piece`` are behind the walk now, and whether ``wanted`` ends there."""
        held = len(self._held)
        self._held += piece
        found = self._held.find(wanted)
        if found >= 0:
            self._held.clear()
            return found + len(wanted) - held, True
        del self._held[: 1 - len(wanted)]
        return len(piece), False

    def _go_on(self, data: bytes | None) -> None:
        """Send the walk what it asked for, and take its next request."""
        try:
            wanted = next(self._walk) if data is None else self._walk.send(data)
            while wanted is SETTLED:
                self.settled = True
                wanted = next(self._walk)
        except StopIteration:
            self._done = True
            return
        self._steps += 1
        if isinstance(wanted, Units):
            self._steps = self._counted = self._counted if wanted.free else self._steps - 1
        # What may turn out to be a plain unit does not count before it is none: then the verdict is the same however it is cut.
        if max(self._counted, self._steps - _LONGEST_UNIT) > _STEPS_AT_ONCE + self._at // _OCTETS_PER_STEP:
            raise CutError("made of parts of too few octets")
        if not self.settled and isinstance(wanted, int) and self._at + abs(wanted) > LONGEST_HEAD:
            raise CutError(f"nothing to hear or see in {LONGEST_HEAD} octets")
        self._wanted = wanted
