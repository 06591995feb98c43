"""Header fields: what a request brings, what of it goes upstream, and what of an answer comes back.

Works on the raw pairs of the parser. Names are lower-case throughout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from gateway.core.grammar import TCHAR, TOKEN

Pair = tuple[bytes, bytes]


class Malformed(ValueError):
    """The fields cannot be passed on safely. The sentence is safe to log."""


# RFC 9110 7.6.1 and 7.6.2, RFC 9113 3.2.1 (HTTP2-Settings). Trailer is here because the announced trailers of a request
# are not passed on, and those of an answer go on unannounced, which RFC 9110 6.6.2 allows.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization proxy-authentication-info te "
    b"trailer transfer-encoding upgrade http2-settings".split()
)
# Set by the gateway itself for every upstream request.
_OWN = frozenset((b"host", b"content-length", b"expect"))

# What proxies and identity-aware front ends tell backends; from a client it is a lie. Method overrides and rewritten
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
# Of an answer: the gateway speaks for itself on these. alt-svc would lead clients round the gateway; the x-accel and
# sendfile families are orders to a server in front of us.
_ANSWER_DROPPED = re.compile(
    rb"access-control-.*|server|x-powered-by|x-aspnet(?:mvc)?-version|x-runtime|alt-svc|x-accel-.*|x-sendfile|"
    rb"x-lighttpd-send-.*|x-reproxy-.*"
)
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"trailer", b"upgrade"))

_STOPPING = _FRAMING | {b""}  # of an answer: what is not passed on
_OPTIONS = frozenset((b"keep-alive", b"upgrade", b"trailer"))  # framing fields that Connection lists by right

_PLAIN_NAME = re.compile(rb"[A-Za-z0-9-]+")
_TOKEN = re.compile(TOKEN.encode())
_TOKENS = re.compile(rf"[ \t]*+(?:{TCHAR}*+[ \t]*+(?:,[ \t]*+|\Z))*+".encode())
# 1 for a control byte that no value may hold, 0 for every other byte.
_CONTROL = bytes((byte < 0x20 and byte != 9) or byte == 0x7F for byte in range(256))

# Spelling as sent -> lower case, for the fields that real clients and backends send: a fixed table, so that nothing a
# client makes up is ever remembered.
_COMMON = (
    b"accept accept-charset accept-encoding accept-language accept-ranges access-control-allow-credentials "
    b"access-control-allow-origin age allow authorization cache-control connection content-disposition "
    b"content-encoding content-language content-length content-location content-range content-security-policy "
    b"content-type cookie cross-origin-opener-policy cross-origin-resource-policy date dnt etag expect expires host "
    b"if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive last-modified link location "
    b"origin origin-agent-cluster permissions-policy pragma priority range referer referrer-policy retry-after "
    b"save-data sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site "
    b"sec-fetch-user server set-cookie strict-transport-security te trailer transfer-encoding trpc-accept upgrade "
    b"upgrade-insecure-requests user-agent vary via www-authenticate x-content-type-options x-correlation-id "
    b"x-dns-prefetch-control x-download-options x-frame-options x-permitted-cross-domain-policies x-request-id "
    b"x-requested-with x-session-id x-trpc-source x-xss-protection"
).split()
_LOWER = {spelling: name for name in _COMMON for spelling in (name, name.title())}


class _Names(dict[bytes, bytes]):
    """Lower-case name by spelling, b"" for one to leave out. Names that are not common are worked out, never kept."""

    def __missing__(self, sent: bytes) -> bytes:
        if _PLAIN_NAME.fullmatch(sent):
            return sent.lower()
        if _TOKEN.fullmatch(sent):
            return b""
        raise Malformed("a field name is not a token")


class _Passes(dict[bytes, bool]):
    """Whether a request field of that lower-case name goes upstream."""

    def __missing__(self, name: bytes) -> bool:
        return name not in HOP_BY_HOP and name not in _OWN and _IDENTITY.fullmatch(name) is None


_NAMES = _Names(_LOWER)
_PASSES = _Passes()
_PASSES.update({name: _PASSES[name] for name in _COMMON})


def is_identity(name: bytes) -> bool:
    """Whether a lower-case field name tells a backend who is asking or what was asked: clients may not send it."""
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
    if not plain(fields.values()):
        raise Malformed("a field value holds a control byte")
    return fields


def plain(values: Iterable[bytes]) -> bool:
    """Whether no value holds a control byte other than HTAB (RFC 9110 5.5)."""
    return 1 not in b"".join(values).translate(_CONTROL)


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
    if _TOKENS.fullmatch(value) is None:
        raise Malformed("Connection is not a list of tokens")
    named = _named(value)
    for name in named:
        if (name in _FRAMING and name not in _OPTIONS) or _NOT_TO_BE_NAMED.fullmatch(name) or is_identity(name):
            raise Malformed("Connection names a field that must not be removed")
    return HOP_BY_HOP | named


def _named(value: bytes) -> frozenset[bytes]:
    return frozenset(option for part in value.lower().split(b",") if (option := part.strip(b" \t")))


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


def answer_pairs(raw: Iterable[Pair]) -> tuple[list[Pair], dict[bytes, bytes]]:
    """The fields of an answer that go on to the client, and those that frame it on its connection.

    Pairs are lower-case, in order, repeated ones apart. Left out: hop-by-hop ones, everything Connection names,
    access-control-*, what names the software, and the framing ones (content-length, transfer-encoding, connection,
    keep-alive, trailer, upgrade; repeated ones joined with ``, `` so that two lengths never look like one).
    Raises Malformed for a name that is no token and a control byte other than HTAB in a value.
    """
    raw = tuple(raw)
    known = _ANSWER
    if not plain([value for _, value in raw]):
        raise Malformed("a field value holds a control byte")
    pairs: list[Pair] = []
    framing: dict[bytes, bytes] = {}
    stopping = _STOPPING
    for sent, value in raw:
        name = known[sent]
        if name not in stopping:
            pairs.append((name, value))
        elif name:
            framing[name] = framing[name] + b", " + value if name in framing else value
    connection = framing.get(b"connection", b"keep-alive")
    if connection != b"keep-alive" and connection != b"close":
        named = _named(connection)
        pairs = [pair for pair in pairs if pair[0] not in named]
    return pairs, framing


class _AnswerNames(dict[bytes, bytes]):
    """Lower-case name by spelling, b"" for a field that the client does not get. Raises Malformed for what is no token."""

    def __missing__(self, sent: bytes) -> bytes:
        if _TOKEN.fullmatch(sent) is None:
            raise Malformed("a field name is not a token")
        name = sent.lower()
        dropped = name not in _FRAMING and (name in HOP_BY_HOP or _ANSWER_DROPPED.fullmatch(name))
        return b"" if dropped else name


_ANSWER = _AnswerNames()
_ANSWER.update({spelling: _ANSWER[spelling] for spelling in _LOWER})
