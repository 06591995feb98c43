"""A form (multipart/form-data, RFC 7578) read strictly while it arrives: as every parser reads it, or not at all.

python-multipart finds the parts. It is lenient where others are not: it takes a body that was cut off, text after the end,
blanks behind a boundary, headers of any kind. So each byte that is no content of a part is matched here against the one
spelling that it may have, and the content against what undici looks for, which is the text of the boundary alone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from gateway.policy.upload.part_head import LONGEST_HEAD, PartHead, parse_head
from gateway.policy.upload.refused import MalformedForm

# It logs what it finds wrong: a stranger must not write into the log.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL + 1)

# RFC 2046 section 5.1.1 allows 70 characters and more kinds of them; these are read alike whether they are quoted or not.
_BOUNDARY = "[0-9A-Za-z'+_.-]{1,70}"
_CONTENT_TYPE = re.compile(
    rf'multipart/form-data[ ]?;[ ]?boundary=(?:({_BOUNDARY})|"({_BOUNDARY})")'.encode(), re.IGNORECASE
).fullmatch


class PartEvents(Protocol):
    """What a form calls for each of its parts, in this order. Each may raise to refuse the form."""

    def on_part(self, head: PartHead, raw: bytes) -> None:
        """A part begins. ``raw`` are the bytes since the content of the one before, the boundary among them."""

    def on_content(self, data: bytes) -> None:
        """``data`` of the content of the part follows."""

    def on_part_end(self) -> None:
        """The content of the part is complete."""


def boundary_of(content_type: bytes) -> bytes:
    """The boundary of the form of that Content-Type. Raises MalformedForm where two parsers may find different ones."""
    found = _CONTENT_TYPE(content_type)
    boundary: bytes = b"" if found is None else found[1] or found[2]
    if not boundary.strip(b"-"):  # undici finds one of hyphens alone too early, in the hyphens before it
        raise MalformedForm("The content type of the form needs one boundary, of 1 to 70 letters, digits and ' + _ . -")
    return boundary


def _finder(boundary: bytes) -> Callable[[bytes], int]:
    """What finds where in a text ``boundary`` begins first, -1 where it does not, in linear time for every text.

    ``bytes.find`` compares from each octet on as long as the text agrees: 3 ms for 64 KiB of one letter, where the boundary is of
    it 69 times and another. Where the first four octets do not come again in the boundary, what agrees in more than four of
    them cannot overlap by more, so it is linear too. An expression always is, and takes 30 us to compile.
    """
    if boundary.find(boundary[:4], 1) < 0:
        return lambda text: text.find(boundary)
    search = re.compile(re.escape(boundary)).search
    return lambda text: -1 if (found := search(text)) is None else found.start()


class Form:
    """One form whose boundary is ``boundary``. ``feed`` takes its bytes in pieces of any length, ``end`` what is left of it."""

    __slots__ = (
        "_at",
        "_boundary",
        "_buffer",
        "_ended",
        "_events",
        "_find",
        "_first",
        "_last",
        "_parser",
        "_piece",
        "_shift",
    )

    def __init__(self, boundary: bytes, events: PartEvents) -> None:
        self._boundary = boundary
        self._find = _finder(boundary)
        self._events = events
        self._parser = MultipartParser(
            boundary,
            {
                "on_headers_finished": self._on_head,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )
        self._first = True
        self._ended = False
        self._piece = b""
        self._buffer = b""  # what no event has had, and the piece
        self._shift = 0  # where in the buffer the piece begins
        self._at = 0  # where in the buffer that begins which no event has had
        self._last = b""  # the end of the content so far, where a boundary may have begun

    def feed(self, piece: bytes) -> None:
        """Read ``piece``, which follows. Raises MalformedForm, and what the events raise."""
        rest = self._buffer[self._at :]
        self._at, self._shift, self._piece = 0, len(rest), piece
        self._buffer = rest + piece if rest else piece
        if not self._ended:
            try:
                self._parser.write(piece)
            except FormParserError:
                raise MalformedForm("The form is not well-formed.") from None
        left = len(self._buffer) - self._at
        if self._ended:
            if self._first:
                raise MalformedForm("The form has no parts.")
            if not self._end().startswith(self._buffer[self._at : self._at + left]):
                raise MalformedForm("The form goes on after its end.")
        elif left > LONGEST_HEAD:
            raise MalformedForm("A part of the form has headers that are too long.")

    def end(self) -> bytes:
        """The bytes after the last content, once all have been read. Raises MalformedForm where the form is not complete."""
        rest = self._buffer[self._at :]
        if not self._ended or rest not in (self._end(), self._end()[:-2]):
            raise MalformedForm("The form was cut off before its end. Please send it again.")
        return rest

    def _end(self) -> bytes:
        return b"\r\n--%b--\r\n" % self._boundary

    def _on_head(self) -> None:
        delimiter = (b"--%b\r\n" if self._first else b"\r\n--%b\r\n") % self._boundary
        end = self._buffer.find(b"\r\n\r\n", self._at) + 4
        raw = self._buffer[self._at : end]
        if not raw.startswith(delimiter) or len(raw) > LONGEST_HEAD:
            raise MalformedForm("The form has something beside its parts, or a header that is too long.")
        self._first = False
        self._at = end
        self._last = b""
        self._events.on_part(parse_head(raw[len(delimiter) : -4].split(b"\r\n")), raw)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        """Content: of the piece, or what came at the end of those before and might have been a boundary."""
        begin = self._shift + start if data is self._piece else self._shift - end
        if begin != self._at:
            raise MalformedForm("The form can be read in two ways.")
        content = data[start:end]
        self._at = begin + len(content)
        whole = self._boundary_end(content)
        if whole >= 0:
            self._events.on_content(content[: whole - 1])  # what is wrong before it is said first, however it is cut
            raise MalformedForm("A part of the form holds the boundary that ends it. Please send it again.")
        before = len(self._boundary) - 1
        self._last = (self._last + content)[-before:] if len(content) < before else content[len(content) - before :]
        self._events.on_content(content)

    def _boundary_end(self, content: bytes) -> int:
        """Where in ``content`` the text of a boundary ends that is no delimiter, -1 where there is none."""
        length = len(self._boundary)
        shared = self._find(self._last + content[: length - 1])
        if shared >= 0:
            return shared + length - len(self._last)
        found = self._find(content)
        return -1 if found < 0 else found + length

    def _on_part_end(self) -> None:
        self._events.on_part_end()

    def _on_end(self) -> None:
        self._ended = True
