"""Requests that repeat the fields of the one before them on their connection, read by what differs.

Clients send nearly the same head with each request (RFC 7541 lives on it). A head that a parser has accepted needs no
parser the second time: lines that are the same byte for byte mean the same, and of the rest only the values of a few
fields may differ, which mean nothing for framing, routing or the check of other fields; Content-Length is looked at by
itself. Whatever else differs is left to the parser, and nothing of what is read here has reached it.
"""

from __future__ import annotations

import re

from gateway.proxy.admit import Head
from gateway.proxy.inbound import Body, Inbound, Sender

_LINE = re.compile(rb"(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/[\x21-\x7e]*) HTTP/1\.1").fullmatch
_VALUE = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?").fullmatch
_DIGITS = re.compile(rb"0|[1-9][0-9]{0,8}").fullmatch
_LENGTH = b"content-length"
_VARYING = frozenset((b"authorization", _LENGTH, b"x-correlation-id", b"x-request-id", b"traceparent"))


class Template:
    """The first request of its kind on a connection: ``raw`` as it came, ``head`` as it was read."""

    __slots__ = ("_count", "_head", "_lines", "_raw", "_varying")

    def __init__(self, raw: bytes, head: Head) -> None:
        self._raw = raw
        self._head = head
        self._count = 0  # lines, once they are asked for
        self._lines: frozenset[bytes] = frozenset()
        self._varying: dict[bytes, tuple[bytes, bytes]] = {}

    @classmethod
    def of(cls, inbound: Inbound, head: Head) -> Template | None:
        """What can be repeated of a request that came in one piece; None when nothing can."""
        fields = head.fields
        if inbound.raw is None or not inbound.persistent or inbound.upgrade or inbound.version != "1.1":
            return None
        if head.refusal is not None or len(fields) != len(inbound.fields):
            return None
        if b"transfer-encoding" in fields or b"expect" in fields:
            return None
        return cls(inbound.raw, head)

    def read(self, data: bytes, sender: Sender) -> Inbound | None:
        """The request that ``data`` is, the whole of it and nothing else; None when it takes a parser to tell.

        As many lines as before, none twice, each as before or another value of its field: then no field is there that
        was not there before, none is missing, and none is there twice.
        """
        if not self._count:
            self._prepare()
        end = data.find(b"\r\n\r\n")
        lines = data[:end].split(b"\r\n")
        first = lines.pop(0)
        asked = _LINE(first)
        present = frozenset(lines)
        if asked is None or len(lines) != self._count or len(present) != self._count:
            return None
        changed = present - self._lines
        values: dict[bytes, bytes] = {}
        for line in changed:
            spelled, _, value = line.partition(b": ")
            known = self._varying.get(spelled)
            if known is None or known[1] in present or _VALUE(value) is None:
                return None
            values[known[0]] = value
        if len(values) != len(changed):
            return None  # one is there twice, in the place of another
        method, target = asked.groups()
        head = self._head.differing(values, end - len(first)) if values else self._head
        inbound = Inbound(method.decode(), target.decode(), "1.1", (), True, False)
        inbound.head = head
        inbound.whole = True
        rest = data[end + 4 :]
        length = head.fields.get(_LENGTH)
        if length is None:
            return None if rest else inbound
        if _DIGITS(length) is None or int(length) != len(rest):
            return None
        if rest:
            inbound.body = Body(sender)
            inbound.body.feed(rest)
            inbound.body.end()
        return inbound

    def _prepare(self) -> None:
        lines = self._raw[: self._raw.find(b"\r\n\r\n")].split(b"\r\n")[1:]
        self._count = len(lines)
        self._lines = frozenset(lines)
        for line in lines:
            spelled = line.partition(b": ")[0]
            name = spelled.lower()
            if name in _VARYING:
                self._varying[spelled] = name, line
        self._raw = b""
