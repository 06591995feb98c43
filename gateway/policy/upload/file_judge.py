"""Whether a file is what its type says, judged while its pieces arrive. No input, no output: pieces in, a sentence out."""

from __future__ import annotations

from gateway.policy.upload.formats.walk import Accepted, CutError, Walker, WrongTypeError
from gateway.policy.upload.signatures import ANY, FAMILIES, LONGEST_START, Signature, signature_of, title_of
from gateway.policy.upload.smuggled import WINDOW, Archive, foreign_text

SHOWN = 4
"""Octets of a file that the log may show: enough for most signatures, and too few to be of what somebody has said."""

_CUT = "This file is cut off or damaged. Please send it again."
_KINDS = {"audio": "an audio recording", "video": "a video recording", "image": "a picture"}


class FileJudge:
    """The judge of one file part of an upload.

    ``declared`` is its media type, with parameters or without: they do not count. ``allowed`` are the media types that the
    part takes. ``feed`` and ``end`` return the sentence that refuses the file, or None. After a sentence ``slug`` names the
    reason, and ``detail`` says more for the log. The verdict does not depend on how the file is cut into pieces. It holds
    both ends of the file, 12 KiB, and what its walk reads at once, 16 KiB at most.
    """

    __slots__ = (
        "_accepted",
        "_archive",
        "_head",
        "_kind",
        "_sentence",
        "_signature",
        "_tail",
        "_total",
        "_walker",
        "detail",
        "settled",
        "slug",
    )

    def __init__(self, declared: str, allowed: frozenset[str]) -> None:
        name = declared.partition(";")[0].strip(" \t").lower()
        self._kind = _KINDS.get(name.partition("/")[0], "a file of an accepted type")
        self._accepted = _accepted(name, allowed)
        self._signature: Signature | None = None
        self._walker: Walker | None = None
        self._archive = Archive()
        self._head = b""  # the first octets, WINDOW at most
        self._tail = bytearray()  # the last octets, at least WINDOW and at most twice as many
        self._total = 0
        self._sentence: str | None = None  # that refuses the file
        self.settled = False
        """The family is known and agrees: what has come of the file may go on."""
        self.slug = ""
        self.detail = ""

    def feed(self, piece: bytes) -> str | None:
        """Judge the next octets of the file."""
        if self._sentence is None:
            try:
                missing = WINDOW - len(self._head)
                if missing:
                    self._begin(piece[:missing])
                    piece = piece[missing:]
                if piece and self._walker is not None:
                    self._walker.feed(piece)
                    self._keep(piece)
                if len(self._head) == WINDOW and self._walker is not None:
                    self.settled = self._walker.settled
            except (WrongTypeError, CutError) as error:
                self._refuse(error)
        return self._sentence

    def end(self) -> str | None:
        """Judge the file as a whole: there is no more of it."""
        if self._sentence is None:
            try:
                self._judge_whole()
                self.settled = True
            except (WrongTypeError, CutError) as error:
                self._refuse(error)
        return self._sentence

    def _begin(self, piece: bytes) -> None:
        """Take octets that belong into the first window."""
        self._head += piece
        self._keep(piece)
        if self._walker is not None:
            self._walker.feed(piece)
        elif len(self._head) >= LONGEST_START:
            self._walker = self._recognise()
            self._walker.feed(self._head)
        if len(self._head) == WINDOW:
            self._check_text(self._head)

    def _keep(self, piece: bytes) -> None:
        self._total += len(piece)
        self._archive.feed(piece)
        self._tail += piece[-WINDOW:]
        if len(self._tail) > 2 * WINDOW:
            del self._tail[:-WINDOW]

    def _recognise(self) -> Walker:
        start = self._head[:LONGEST_START]
        if not self._accepted.families:
            raise WrongTypeError("a media type that is not on the list", "This type of file is not accepted here.")
        self._signature = signature = signature_of(start)
        if signature is None or not signature.families & self._accepted.families:
            if signature is not None:
                sentence = f"This file is {signature.title}, not {self._kind} of the type it was sent as."
            else:
                title = title_of(start)
                sentence = f"This file is {title}, not {self._kind}." if title else f"This file is not {self._kind}."
            raise WrongTypeError(f"begins with {start[:SHOWN].hex()}", sentence)
        return Walker(signature.walk(self._accepted))

    def _judge_whole(self) -> None:
        if not self._total:
            raise CutError("no octets", "This file is empty.")
        if self._walker is None:
            self._walker = self._recognise()
            self._walker.feed(self._head)
        if self._archive.end():
            raise WrongTypeError("ends in a ZIP archive", f"This file holds more than {self._kind}.")
        self._check_text(self._head)
        self._check_text(bytes(self._tail[-WINDOW:]))
        self._walker.end()
        if self._signature is not None and not self._tail.rstrip(b"\0").endswith(self._signature.end):
            raise CutError("the end is missing")

    def _check_text(self, window: bytes) -> None:
        found = foreign_text(window)
        if found:
            raise WrongTypeError(f"{found} near an end of the file", f"This file holds more than {self._kind}.")

    def _refuse(self, error: WrongTypeError | CutError) -> None:
        wrong = isinstance(error, WrongTypeError)
        self.slug = "upload_type_refused" if wrong else "upload_malformed"
        self.detail = error.detail
        self.settled = False
        self._sentence = error.sentence or (
            f"This file is not {self._kind} of the type it was sent as." if wrong else _CUT
        )


def _accepted(name: str, allowed: frozenset[str]) -> Accepted:
    if name not in allowed:
        return Accepted(frozenset(), False)
    if name != ANY:
        return Accepted(FAMILIES.get(name, frozenset()), name.startswith("audio/"))
    families = frozenset[str]().union(*(FAMILIES.get(other, ()) for other in allowed))
    return Accepted(families, not any(other.startswith("video/") for other in allowed))
