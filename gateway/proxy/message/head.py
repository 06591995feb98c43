"""The head of a request, read one way or refused before any policy sees it (RFC 9112, RFC 9110)."""

from __future__ import annotations

import re
from itertools import chain

from gateway.core.exchange import Exchange
from gateway.core.fields import Malformed, Pair, free_of_controls
from gateway.core.grammar import HOST
from gateway.core.methods import KNOWN, METHODS
from gateway.core.path import Ambiguous, canonical, split_target
from gateway.core.path_sent import unspelled_query
from gateway.core.request_fields import ONCE, collect, hop_by_hop
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.message.request import ReceivedRequest, over_limit

# RFC 9112 3.2: an invalid Host is refused. What a real client sends is a name or an address, and perhaps a port.
_HOST = re.compile(rf"{HOST}(?::[0-9]{{0,5}})?".encode()).fullmatch


_NEVER = b"sec-websocket-key1"  # of a draft in which eight bytes without a length follow

# What a client sends anew with each request, and what means nothing for framing, routing or the check of other fields.
_VARYING = frozenset((b"authorization", b"content-length", b"x-correlation-id", b"x-request-id", b"traceparent"))


_ALLOWED = ((b"allow", ", ".join(METHODS).encode()),)


class RequestHead:
    """The fields of a request, collected and checked.

    The requests of a connection repeat most of their fields (RFC 7541 lives on it), and reading, checking and rewriting
    them anew is a sixth of what a request costs. So ``read`` begins with the head before.

    ``fields`` must not be changed; it is empty when ``refusal`` says that they cannot be read. ``lines`` are the fields
    as ``upstream`` gets them, by name (``proxy.upstream.attempt``).
    """

    __slots__ = ("bytes", "fields", "lines", "malformed", "raw", "refusal", "upstream", "version")

    def __init__(self, received: ReceivedRequest) -> None:
        self.raw = received.fields
        self.version = received.version
        self.bytes = len(b"".join(chain.from_iterable(self.raw))) + 4 * len(self.raw)
        self.fields: dict[bytes, bytes] = {}
        self.upstream: object = None
        self.lines: dict[bytes, bytes] = {}
        try:
            fields = collect([(name, value.rstrip(b" \t")) for name, value in self.raw])
            hop_by_hop(fields)
        except Malformed as error:
            self.malformed = True
            self.refusal: Refusal | None = refuse("head_malformed", str(error), close=True)
            return
        self.malformed = False
        self.fields = fields
        self.refusal = _meaning(fields, self.version) or _once(self.raw, fields)

    def updated(self, raw: tuple[Pair, ...]) -> RequestHead | None:
        """The head whose fields are ``raw``, when it differs from this one only in values that vary; None otherwise."""
        before = self.raw
        if len(raw) != len(before) or len(raw) != len(self.fields) or self.refusal is not None:
            return None
        values: dict[bytes, bytes] = {}
        more = 0
        for pair, old in zip(raw, before):  # noqa: B905  # as long as each other
            if pair != old:
                sent, value = pair
                name = sent.lower()
                if sent != old[0] or name not in _VARYING:
                    return None
                values[name] = value.rstrip(b" \t")
                more += len(value) - len(old[1])
        if not free_of_controls(values.values()) or b"," in values.get(b"content-length", b""):
            return None
        head: RequestHead = object.__new__(RequestHead)
        head.raw, head.version, head.bytes = raw, self.version, self.bytes + more
        head.malformed, head.refusal = False, None
        head.fields = self.fields | values
        head.upstream = self.upstream
        head.lines = lines = self.lines.copy()
        for pair in values.items():
            if pair[0] in lines:
                lines[pair[0]] = b"%b: %b\r\n" % pair
        return head


def read(received: ReceivedRequest, before: RequestHead | None) -> RequestHead:
    """The head of ``received``; ``before`` is that of the request before it on the same connection."""
    if before is not None and before.version == received.version:
        raw = received.fields
        if raw == before.raw:
            return before
        found = before.updated(raw)
        if found is not None:
            return found
    return RequestHead(received)


def _meaning(fields: dict[bytes, bytes], version: str) -> Refusal | None:
    """Check version, host and framing."""
    if version not in ("1.1", "1.0"):
        return refuse("head_malformed", "HTTP version", close=True)
    host = fields.get(b"host")
    if host is None and version == "1.1":
        return refuse("head_malformed", "no Host", close=True)
    for name in (b"host", b"content-length", b"transfer-encoding", b"origin", b"expect"):
        if name in fields and b"," in fields[name]:
            return refuse("head_malformed", f"more than one value in {name.decode()}", close=True)
    if host is not None and _HOST(host) is None:
        return refuse("head_malformed", "Host is not a name or an address", close=True)
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (version == "1.0" or b"content-length" in fields or coding.lower() != b"chunked"):
        # RFC 9112 6.1: the classic of request smuggling, so nothing but the plain form is taken
        return refuse("head_malformed", "transfer-encoding", close=True)
    return None


def _once(raw: tuple[Pair, ...], fields: dict[bytes, bytes]) -> Refusal | None:
    """Refuse what is there twice and may not be, and blanks where none may be."""
    if _NEVER in fields:
        return refuse("head_malformed", _NEVER.decode(), close=True)
    if len(fields) != len(raw):
        names = [name.lower() for name, _ in raw]
        for name in ONCE.intersection(fields):
            if names.count(name) > 1:
                return refuse("head_malformed", f"more than one {name.decode()}", close=True)
    if b"transfer-encoding" in fields and fields[b"transfer-encoding"] not in [value for _, value in raw]:
        return refuse("head_malformed", "transfer-encoding", close=True)
    return None


def validate(exchange: Exchange, head: RequestHead | None, limit: int) -> Refusal | None:
    """The refusal of a head that is over ``limit`` bytes (the parser bounds each line only) or that has no one reading;
    sets the canonical path, which is empty for one that has none and may be carried all the same, and the query as it
    came. Beside a refusal there is a path only where nothing but the method is refused."""
    assert head is not None, "it was read"
    if head.malformed:
        return head.refusal
    if len(exchange.target) + head.bytes > limit:
        return refuse(over_limit(len(exchange.target), head.bytes), close=True)
    if head.refusal is not None:
        return head.refusal
    if exchange.method not in KNOWN:
        read_target(exchange, head.fields.get(b"host"))  # whose routes say what else is taken there
        return refuse("method_not_allowed", exchange.method, headers=_ALLOWED, close=True)
    fields = head.fields
    if b"expect" in fields and fields[b"expect"].lower() != b"100-continue":
        return refuse("expectation_failed", close=True)
    return read_target(exchange, fields.get(b"host"))


def _same(target: str, authority: bytes, host: bytes) -> bool:
    """Whether the ``authority`` of an absolute ``target`` is ``host``: a port that is the scheme's own may be left out (RFC 9110
    4.2.3)."""
    port = b":443" if target[:6].lower() == "https:" else b":80"
    return authority.lower().removesuffix(port) == host.lower().removesuffix(port)


def read_target(exchange: Exchange, host: bytes | None) -> Refusal | None:
    """Set the canonical path of ``exchange`` and its query as it came; the refusal of a target that has no one reading."""
    target = exchange.target
    try:
        if target[:1] == "/":
            exchange.path, exchange.query = canonical(target)
            return None
        authority, target = split_target(target)
        if authority is not None and (host is None or not _same(exchange.target, authority.encode(), host)):
            return refuse("head_malformed", "the target's authority is not Host's", close=True)
        if target == "*":
            if exchange.method != "OPTIONS":
                return refuse("head_malformed", "asterisk-form", close=True)  # RFC 9112 3.2.4
            return refuse("no_route", "asterisk-form")
        exchange.path, exchange.query = canonical(target)
    except Ambiguous as error:
        if exchange.target.lower().startswith(("http:///", "https:///")):  # names nobody (RFC 9110 4.2.1)
            return refuse("head_malformed", str(error), close=True)
        query = unspelled_query(exchange.target)
        if query is None:
            return refuse("path_ambiguous", str(error))
        exchange.query = query
        exchange.detail = str(error)  # where the routes, which decide (``proxy.routing.table``), have none for it
    return None
