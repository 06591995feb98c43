"""The fields of a request: how they are collected, and which of them go upstream."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from gateway.core.fields import (
    FRAMING,
    HOP_BY_HOP,
    LOWER,
    Malformed,
    Pair,
    connection_options,
    free_of_controls,
    is_token,
)
from gateway.core.grammar import TCHAR
from gateway.core.identity_fields import is_identity, seems_identity

# Set by the gateway itself for every upstream request.
_SET_BY_GATEWAY = frozenset((b"host", b"content-length", b"expect"))

# What passes to every upstream: the fields of HTTP and of the web platform that mean the same from any client, those that
# tRPC clients and this app send, and ids and keys that speak for nobody but who sends them. From (RFC 9110 10.1.2) is not
# among them, nor anything else that a backend might take for the word of a front end.
_ORDINARY = (
    b"a-im accept accept-charset accept-datetime accept-encoding accept-language accept-signature "
    b"access-control-request-headers access-control-request-method alt-used authorization baggage cache-control "
    b"content-digest content-disposition content-encoding content-language content-location content-md5 content-range "
    b"content-type cookie date device-memory digest dnt downlink dpop dpr ect idempotency-key if-match if-modified-since "
    b"if-none-match if-range if-unmodified-since last-event-id link max-forwards origin pragma prefer priority purpose range "
    b"referer repr-digest rtt save-data sec-gpc sec-purpose service-worker service-worker-navigation-preload signature "
    b"signature-input traceparent tracestate trpc-accept upgrade-insecure-requests user-agent via viewport-width "
    b"want-content-digest want-digest want-repr-digest width x-api-key x-app-version x-correlation-id x-csrf-token "
    b"x-request-id x-requested-with x-session-id x-trpc-source x-xsrf-token".split()
)
ONCE = frozenset(
    b"access-control-request-method content-length content-type expect host origin sec-fetch-dest sec-fetch-mode sec-fetch-site "
    b"transfer-encoding".split()
)
"""What a request may have once only: routing, framing or a policy depends on it, and a second value would be open to two
readings (RFC 9110 5.3 and the sections of each)."""

# Who is asking, and in which form: policies go by the joined value, so no backend gets two.
_JOINED = frozenset(b"authorization cookie trpc-accept x-api-key x-csrf-token x-session-id x-xsrf-token".split())
_APART = frozenset(_ORDINARY) - ONCE - _JOINED
_ORDINARY_PREFIXES = (b"sec-ch-", b"sec-fetch-", b"sec-websocket-")
# Fields whose loss on the way would change what a request is or who is asking: Connection must not name them.
_NOT_TO_BE_NAMED = re.compile(
    rb"host|content-.*|authorization|cookie|origin|referer|expect|range|if-.*|date|cache-control|access-control-.*|"
    rb"sec-.*|x-request-id|x-correlation-id|x-session-id|trpc-accept|forwarded|via|accept(?:-.*)?"
)
_CONNECTION_OPTIONS = frozenset((b"keep-alive", b"upgrade", b"trailer"))  # framing fields that Connection may name

_PLAIN_NAME = re.compile(rb"[A-Za-z0-9-]+")
_ELEMENT = rf"[ \t]*+{TCHAR}*+[ \t]*+"
_TOKEN_LIST = re.compile(rf"{_ELEMENT}(?:,{_ELEMENT})*".encode())


class _RequestNames(dict[bytes, bytes]):
    """Lower-case name by spelling, b"" for one to leave out. A name that is not common is computed and never kept."""

    def __missing__(self, sent: bytes) -> bytes:
        if _PLAIN_NAME.fullmatch(sent):
            return sent.lower()
        if is_token(sent):
            return b""
        raise Malformed("a field name is not a token")


class PassedFields(dict[bytes, bool]):
    """Whether a request field of that lower-case name goes to an upstream; a name that is not known is computed and not kept.

    ``patterns`` are further names that pass, in lower case, or beginnings of names that end with ``*``. A beginning stands for
    no name that reads like one of an identity. ``on_withheld`` gets each name that stays behind because nothing says that it
    passes.
    """

    __slots__ = ("_on_withheld", "_prefixes")

    def __init__(self, patterns: Iterable[str] = (), on_withheld: Callable[[bytes], None] | None = None) -> None:
        written = [pattern.encode() for pattern in patterns]
        self._prefixes = tuple(pattern[:-1] for pattern in written if pattern.endswith(b"*"))
        self._on_withheld = on_withheld
        super().__init__(dict.fromkeys(_ORDINARY, True))
        self.update((name, not is_identity(name)) for name in written if not name.endswith(b"*"))
        self.update(dict.fromkeys(HOP_BY_HOP | _SET_BY_GATEWAY, False))

    def __missing__(self, name: bytes) -> bool:
        if name.startswith(_ORDINARY_PREFIXES):
            return True
        if is_identity(name):
            return False
        if self._prefixes and name.startswith(self._prefixes) and not seems_identity(name):
            return True
        if self._on_withheld is not None:
            self._on_withheld(name)
        return False


ORDINARY_FIELDS = PassedFields()
"""What passes to an upstream that names no further fields."""

_NAMES = _RequestNames(LOWER)


def collect(raw: Iterable[Pair]) -> dict[bytes, bytes]:
    """Request fields by lower-case name, repeated ones joined with ``, `` (RFC 9110 5.3; cookies ``; ``, RFC 6265 5.4).

    A name with other characters than letters, digits and hyphen is left out: CGI, WSGI and PHP turn ``X_User_Id``,
    ``X.User.Id`` and ``X-User-Id`` into one variable (RFC 3875 4.1.18 maps hyphens to underscores), so such a name can
    only be a mistake or an alias of a field that clients may not send.
    Raises Malformed for a name that is no token and a control byte other than HTAB in a value (RFC 9110 5.5).
    """
    pairs = tuple(raw)
    names = _NAMES
    fields = {names[sent]: value for sent, value in pairs}
    if len(fields) != len(pairs) or b"" in fields:
        fields = _joined(pairs)
    if not free_of_controls(fields.values()):
        raise Malformed("a field value holds a control byte")
    return fields


def _joined(pairs: tuple[Pair, ...]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for sent, value in pairs:
        name = _NAMES[sent]
        if name in fields:
            fields[name] += (b"; " if name == b"cookie" else b", ") + value
        elif name:
            fields[name] = value
    return fields


def apart(raw: Iterable[Pair]) -> dict[bytes, list[bytes]]:
    """The values of the ordinary fields of ``raw`` that are there more than once, in their order.

    They go on as they came: of a field that is no list, such as User-Agent, a backend may take another value out of a joined
    line than out of two. What policies decide by is not among them: it is there once (``ONCE``), or goes on joined as it was
    read, as credentials do and the fields of an operator's own.
    """
    values: dict[bytes, list[bytes]] = {}
    for sent, value in raw:
        name = _NAMES[sent]
        if name in _APART:
            values.setdefault(name, []).append(value.rstrip(b" \t"))
    return {name: several for name, several in values.items() if len(several) > 1}


def hop_by_hop(fields: Mapping[bytes, bytes]) -> frozenset[bytes]:
    """Lower-case names that stop here: the fixed ones and those that Connection names (RFC 9110 7.6.1).

    Raises Malformed when Connection is no list of tokens, or names a field that the gateway or the backend decides by:
    naming it would be a way to have it removed behind the check.
    """
    value = fields.get(b"connection", b"keep-alive")
    if value == b"keep-alive" or value == b"close":
        return HOP_BY_HOP
    if _TOKEN_LIST.fullmatch(value) is None:
        raise Malformed("Connection is not a list of tokens")
    named = connection_options(value)
    for name in named:
        if (
            (name in FRAMING and name not in _CONNECTION_OPTIONS)
            or _NOT_TO_BE_NAMED.fullmatch(name)
            or is_identity(name)
        ):
            raise Malformed("Connection names a field that must not be removed")
    return HOP_BY_HOP | named


def forwardable(
    fields: Mapping[bytes, bytes],
    without: frozenset[bytes] = frozenset(),
    passes: Mapping[bytes, bool] = ORDINARY_FIELDS,
) -> list[Pair]:
    """The pairs that go upstream: those of the names that ``passes`` has, which are never hop-by-hop or identity.

    ``without`` names further fields to leave out, those that the gateway sets itself. Raises Malformed as hop_by_hop.
    """
    hop = hop_by_hop(fields)
    kept = [pair for pair in fields.items() if passes[pair[0]]]
    if without or hop is not HOP_BY_HOP:
        stopped = without | hop
        return [pair for pair in kept if pair[0] not in stopped]
    return kept
