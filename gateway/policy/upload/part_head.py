"""The head of one part of a form, read so that every parser reads the same, or refused.

Parsers differ on all that is left out here: names without quotes, ``filename*``, escapes in quoted strings, a field twice,
a ``Content-Transfer-Encoding`` that encodes (undici of Node 20 decodes base64, others pass it on), folded lines and blanks at
the ends.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from gateway.core.grammar import TOKEN
from gateway.policy.upload.refused import MalformedForm

LONGEST_HEAD = 4096
"""Bytes of the head of a part, with the boundary before it."""

LONGEST_FILE_NAME = 512
"""Bytes. File systems take 255; some clients encode a name with percent signs, which makes it up to three times as long."""

_LINE = re.compile(rb"([A-Za-z-]++): ?([\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)").fullmatch
_FIELDS = frozenset((b"content-disposition", b"content-type", b"content-length", b"content-transfer-encoding"))
_DISPOSITION = re.compile(
    rb'form-data; name="([\x20\x21\x23-\x5b\x5d-\x7e]*+)"(?:; filename="([\x20\x21\x23-\x7e\x80-\xff]*+)")?'
).fullmatch
_PARAMETER = re.compile(rf'[ ]?;[ ]?({TOKEN})=(?:{TOKEN}|"[\x20\x21\x23-\x5b\x5d-\x7e]*")'.encode()).match
_TYPE = re.compile(f"{TOKEN}/{TOKEN}".encode()).match
_PLAIN_TEXT = re.compile(rb'text/plain(?:[ ]?;[ ]?charset=(?:utf-8|"utf-8"))?', re.IGNORECASE).fullmatch
# That nothing is encoded (RFC 2045 section 6.2): the HttpClient of Apache and the http of Dart write it.
_NOT_ENCODED = re.compile(rb"binary|8bit", re.IGNORECASE).fullmatch
_DIGITS = re.compile(rb"[0-9]{1,15}").fullmatch
# What stands for a quote, a slash, a control character or another percent sign once somebody decodes it.
_ENCODED = re.compile("%(?:[01][0-9a-f]|7f|22|25|2f|5c)", re.IGNORECASE).search
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]").search
_DRIVE = re.compile("[A-Za-z]:").match


class PartHead(NamedTuple):
    """What the head of a part says.

    ``file_name`` is None for a text. ``type`` is the media type in lower case without parameters, empty without one, and
    ``content_type`` the whole field value. ``length`` is the declared one in bytes, if there is one.
    """

    name: str
    file_name: str | None
    type: str
    content_type: bytes
    length: int | None

    @property
    def is_plain_text(self) -> bool:
        """Whether it declares nothing else than text in UTF-8."""
        return not self.content_type or _PLAIN_TEXT(self.content_type) is not None


def parse_head(lines: list[bytes]) -> PartHead:
    """The head whose field lines are ``lines``. Raises MalformedForm."""
    fields: dict[bytes, bytes] = {}
    for line in lines:
        found = _LINE(line)
        if found is None:
            raise MalformedForm("A part of the form has a header that is not well-formed.")
        name = found[1].lower()
        if name in fields:
            raise MalformedForm("A part of the form has a header twice.")
        fields[name] = found[2]
    if fields.keys() - _FIELDS:
        raise MalformedForm("A part of the form has a header that parts do not have here.")
    if _NOT_ENCODED(fields.get(b"content-transfer-encoding", b"binary")) is None:
        raise MalformedForm("A part of the form is encoded. Please send its content as it is.")
    disposition = _DISPOSITION(fields.get(b"content-disposition", b""))
    if disposition is None:
        raise MalformedForm(
            'Each part of the form needs: Content-Disposition: form-data; name="..."; filename="..." for files.'
        )
    declared = fields.get(b"content-type", b"")
    length = fields.get(b"content-length")
    if length is not None and _DIGITS(length) is None:
        raise MalformedForm("A part of the form has a length that is no number.")
    return PartHead(
        disposition[1].decode("ascii"),
        None if disposition[2] is None else _file_name(disposition[2]),
        _essence(declared) if declared else "",
        declared,
        None if length is None else int(length),
    )


def with_type(raw: bytes, content_type: bytes) -> bytes:
    """``raw``, a head that ``parse_head`` has read, with another content type."""
    return b"\r\n".join(
        [
            b"Content-Type: %b" % content_type if line[:13].lower() == b"content-type:" else line
            for line in raw.split(b"\r\n")
        ]
    )


def _essence(value: bytes) -> str:
    """The media type of ``value`` in lower case, without its parameters (RFC 9110 section 8.3.1)."""
    found = _TYPE(value)
    at = found.end() if found else 0
    names: list[bytes] = []
    while found is not None and at < len(value):
        found = _PARAMETER(value, at)
        if found is not None:
            names.append(found[1].lower())
            at = found.end()
    if found is None or len(set(names)) < len(names):
        raise MalformedForm("A part of the form has a content type that is not well-formed.")
    return value.partition(b";")[0].strip().decode("ascii").lower()


def _file_name(raw: bytes) -> str:
    """The name of a file, which a backend may use as a path. Raises MalformedForm for one that leads out of a folder."""
    if not raw:
        raise MalformedForm("A file of the form has no name. Please choose a file, or leave its part out.")
    if len(raw) > LONGEST_FILE_NAME:
        raise MalformedForm(f"A file of the form needs a name of 1 to {LONGEST_FILE_NAME} bytes.")
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedForm("The name of a file in the form is not UTF-8.") from None
    spelled = unicodedata.normalize("NFKC", name)
    if _ENCODED(name) or _CONTROL(name) or '"' in spelled:
        raise MalformedForm(
            "The name of a file in the form holds a quote or another character that is read in more than one way."
            " Please rename the file."
        )
    if "/" in spelled or "\\" in spelled or _DRIVE(spelled) or not spelled.strip(". "):
        raise MalformedForm("The name of a file in the form is a path. Please send the name alone.")
    return name
