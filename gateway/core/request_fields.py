"""The fields of a request: how they are collected, and which of them go upstream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from gateway.core.fields import (
    COMMON,
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

# Set by the gateway itself for every upstream request.
_SET_BY_GATEWAY = frozenset((b"host", b"content-length", b"expect"))

# Fields in which proxies and identity-aware front ends inform backends; from a client they are forged. Method overrides and rewritten
# URLs would reach another route than the one checked. ``proxy`` is CVE-2016-5385, x-middleware-* is CVE-2025-29927.
_IDENTITY = re.compile(
    rb"(?:x-)?forwarded(?:-.*)?|x-(?:user|auth|authenticated|authorization|remote|principal|gateway|internal|original|"
    rb"rewrite|envoy|ssl|tls|jwt|middleware|consumer|credential|amzn-oidc|goog-authenticated-user|goog-iap|"
    rb"ms-client-principal|appengine|azure)(?:-.*)?|x-(?:real|client|cluster-client|originating|proxyuser|"
    rb"true-client)-ip|"
    rb"x-(?:userid|username|groups?|roles?|scopes?|subject|claims|identity|permissions|admin|email|sub|host|url|"
    rb"proxyuser|client-(?:cert|dn|verify)(?:-.*)?|http-method(?:-override)?|method-override)|"
    rb"(?:remote|auth|ssl|cf|fastly)-.*|(?:true-client|client|wl-proxy-client|proxy-client)-ip|proxy|user-?id"
)
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


class _Forwarded(dict[bytes, bool]):
    """Whether a request field of that lower-case name goes upstream."""

    def __missing__(self, name: bytes) -> bool:
        return name not in HOP_BY_HOP and name not in _SET_BY_GATEWAY and _IDENTITY.fullmatch(name) is None


_NAMES = _RequestNames(LOWER)
_PASSES = _Forwarded()
_PASSES.update({name: _PASSES[name] for name in COMMON})


def is_identity(name: bytes) -> bool:
    """Whether a lower-case field name informs a backend of the client or of the original request: clients may not send it."""
    return _IDENTITY.fullmatch(name) is not None


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


def forwardable(fields: Mapping[bytes, bytes], without: frozenset[bytes] = frozenset()) -> list[Pair]:
    """The pairs that go upstream: not hop-by-hop, not identity, not host, content-length or expect.

    ``without`` names further fields to leave out, those that the gateway sets itself. Raises Malformed as hop_by_hop.
    """
    hop = hop_by_hop(fields)
    passes = _PASSES
    kept = [pair for pair in fields.items() if passes[pair[0]]]
    if without or hop is not HOP_BY_HOP:
        stopped = without | hop
        return [pair for pair in kept if pair[0] not in stopped]
    return kept
