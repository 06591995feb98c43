"""Header fields as requests and responses share them: the names of RFC 9110, and the values that are never passed on.

``core.request_fields`` and ``core.response_fields`` say which of them cross the gateway, and ``core.field_lines`` puts
them on the wire. All work on the raw pairs of the parser; names are lower-case throughout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.core.grammar import TOKEN

Pair = tuple[bytes, bytes]
"""Name and value of one field line."""


class Malformed(ValueError):
    """The fields cannot be passed on safely. The sentence is safe to log."""


# RFC 9110 7.6.1 and 7.6.2, RFC 9113 3.2.1 (HTTP2-Settings). Trailer is here because the announced trailers of a request
# are not passed on, and those of a response go on unannounced, which RFC 9110 6.6.2 allows.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization proxy-authentication-info te "
    b"trailer transfer-encoding upgrade http2-settings".split()
)

FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"trailer", b"upgrade"))
"""Fields that frame a message on its connection, or say what becomes of the connection."""

MOST_OPTIONS = 64
"""Options of one Connection field; honest ones have one or two. 64 KiB of commas would take 2 ms."""

is_token = re.compile(TOKEN.encode()).fullmatch
"""A match when a field name is a token (RFC 9110 section 5.1), else None."""

# Fields that real clients and backends send: a fixed table, so that nothing a client makes up is ever remembered.
COMMON = tuple(
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
    b"x-requested-with x-session-id x-trpc-source x-xss-protection".split()
)

LOWER = {spelling: name for name in COMMON for spelling in (name, name.title())}
"""The lower-case name by the spelling that is sent, for the common fields."""

# 1 for a control byte that no value may hold, 0 for every other byte.
_CONTROL = bytes((byte < 0x20 and byte != 9) or byte == 0x7F for byte in range(256))


def free_of_controls(values: Iterable[bytes]) -> bool:
    """Whether no value holds a control byte other than HTAB (RFC 9110 5.5)."""
    return 1 not in b"".join(values).translate(_CONTROL)


def connection_options(value: bytes) -> frozenset[bytes]:
    """The lower-case options of a Connection field (RFC 9110 7.6.1). Raises Malformed for more than ``MOST_OPTIONS``."""
    if value.count(b",") >= MOST_OPTIONS:
        raise Malformed("Connection names too many fields")
    return frozenset(option for part in value.lower().split(b",") if (option := part.strip(b" \t")))
