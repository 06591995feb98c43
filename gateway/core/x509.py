"""What a certificate says of itself: whose it is, who issued it, and from when to when it is good (RFC 5280 section 4.1).

Nothing is verified here, and nothing is read that clients send: it is for the certificates that the gateway itself shows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0


class Certificate(NamedTuple):
    """The names as they are encoded, and Unix seconds."""

    subject: bytes
    issuer: bytes
    not_before: float
    not_after: float


def certificate(der: bytes) -> Certificate:
    """The certificate whose encoding is ``der``. Raises ValueError."""
    fields = _members(_value(_value(der, _SEQUENCE), _SEQUENCE))
    if fields and fields[0][0] == _VERSION:
        del fields[0]
    if len(fields) < 6:
        raise ValueError("is no certificate")
    _, _, (_, issuer), (_, validity), (_, subject), *_ = fields
    (first, begin), (second, end), *_ = _members(validity)
    return Certificate(subject, issuer, _time(first, begin), _time(second, end))


def _members(data: bytes) -> list[tuple[int, bytes]]:
    """The elements of ``data`` by tag."""
    found = []
    while data:
        tag, value, data = _element(data)
        found.append((tag, value))
    return found


def _value(data: bytes, tag: int) -> bytes:
    found, value, _ = _element(data)
    if found != tag:
        raise ValueError("is no certificate")
    return value


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and value of the first element, and what is behind it (X.690 section 8.1)."""
    if len(data) < 2:
        raise ValueError("is cut off")
    length, at = data[1], 2
    if length >= 0x80:
        octets = length - 0x80
        length, at = int.from_bytes(data[2 : 2 + octets], "big"), 2 + octets
    if len(data) < at + length:
        raise ValueError("is cut off")
    return data[0], data[at : at + length], data[at + length :]


def _time(tag: int, value: bytes) -> float:
    text = value.decode("ascii", "replace")
    if tag == _UTC_TIME:  # two digits of the year, 50 being 1950
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("has no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
