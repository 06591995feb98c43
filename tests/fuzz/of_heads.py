"""Harnesses for heads: their fields alone, and whole connections through a gateway without sockets."""

from __future__ import annotations

import atexit
import re
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING
from zlib import crc32

from gateway.core.fields import HOP_BY_HOP, Malformed, Pair
from gateway.core.forwarded import elements
from gateway.core.identity_fields import is_identity
from gateway.core.origin import parse_origin
from gateway.core.reason import REASONS
from gateway.core.request_fields import ORDINARY_FIELDS, apart, collect, forwardable, hop_by_hop
from gateway.proxy.message.head import RequestHead, read
from gateway.proxy.message.parser import MOST_FIELDS
from gateway.proxy.message.request import ReceivedRequest
from tests.fuzz.gateways import ENTRY, FILES, POLICIES

if TYPE_CHECKING:
    from tests.fuzz.in_process import InProcess

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n")
_LINE = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!\"$-~]*) HTTP/1\.1").fullmatch
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+: (?:[\t \x21-\x7e\x80-\xff]*)", re.DOTALL).fullmatch
_NEVER = {name for name in HOP_BY_HOP if name != b"transfer-encoding"}
_SAME = ("raw", "version", "bytes", "fields", "malformed")


def _received(lines: list[bytes]) -> ReceivedRequest:
    split = [line.partition(b":") for line in lines[:MOST_FIELDS]]
    pairs = tuple([(name, value.lstrip(b" \t")) for name, _, value in split])
    return ReceivedRequest("GET", "/", "1.1", pairs, True, False)


def fields(data: bytes) -> None:
    """Field lines, of two requests of one connection where there is an empty line between them."""
    first, _, second = data.partition(b"\n\n")
    before = RequestHead(_received(first.split(b"\n")))
    received = _received((second or first).split(b"\n"))
    fresh, head = RequestHead(received), read(received, before)
    for name in _SAME:
        assert getattr(head, name) == getattr(fresh, name), name
    assert (head.refusal is None) == (fresh.refusal is None)
    assert head.refusal is None or head.refusal.reason.slug == "head_malformed"
    _collected(received.fields)
    for _, value in received.fields:
        _values(value.decode("latin-1"))


def _collected(raw: tuple[Pair, ...]) -> None:
    try:
        found = collect(raw)
        stopped = hop_by_hop(found)
        passed = forwardable(found)
    except Malformed as error:
        assert str(error).isascii()
        return
    for name, value in passed:
        assert name not in stopped and not is_identity(name) and ORDINARY_FIELDS[name]
        assert name == name.lower() and b"\r" not in value and b"\n" not in value and b"\0" not in value
    for name, several in apart(raw).items():
        assert len(several) > 1 and name in found


def _values(text: str) -> None:
    """The values that have a grammar of their own."""
    origin = parse_origin(text)
    assert origin is None or text.isascii()
    try:
        chain = elements(text)
    except ValueError as error:
        assert str(error).isascii()
        return
    assert all(element for element in chain)


_open = ExitStack()
atexit.register(_open.close)


@cache
def _gateway() -> InProcess:
    """One for all requests of a process."""
    from tests.fuzz.in_process import (
        in_process,
    )  # all of the gateway, which takes the other harnesses seconds to instrument

    return _open.enter_context(in_process(ENTRY, POLICIES, FILES))


def head(data: bytes) -> None:
    """All that one connection sends: responses in HTTP, each refusal with a name, and nothing odd for the upstream."""
    cut = crc32(data) % (len(data) + 1)
    outcome = _gateway().ask(data[:cut], data[cut:])
    assert outcome.events == [], outcome.events
    for exchange in outcome.exchanges:
        assert not exchange.reason or exchange.reason in REASONS, exchange.reason
        assert exchange.reason != "internal_error", exchange.detail
    if outcome.response:
        assert _STATUS.match(outcome.response), outcome.response[:80]
        assert outcome.status < 500, outcome.response[:200]
        assert outcome.status < 400 or outcome.reason or b"HEAD" in data, outcome.response
    recorded = {f"{one.path}?{one.query}".rstrip("?") for one in outcome.exchanges}
    for sent in outcome.sent:
        line, *lines = sent.partition(b"\r\n\r\n")[0].split(b"\r\n")
        found = _LINE(line)
        assert found and found[2].decode().rstrip("?") in recorded, line
        names = [one.partition(b":")[0] for one in lines]
        assert all(_FIELD(one) for one in lines), lines
        assert _NEVER.isdisjoint(names) and names.count(b"host") == names.count(b"x-forwarded-for") == 1, names
        assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1, names
