"""What an access line has of a request's head beside its path, so that the request can be judged again by another configuration
(``gateway replay``). Kinds, sizes and names of websites: nothing that says who somebody is or what they have written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gateway.core.exchange import Call, Exchange
from gateway.core.trpc import is_batch
from gateway.ops.plain import redact

MOST_CALLS = 100
"""Calls of one batch whose names are in its line. No configuration needs more (``max_batch`` is 10 by default)."""
MOST_HEADERS = 40
"""Names of fields that a preflight asks for."""

_PAGE = re.compile(rb"https?://[^/?#@]{1,300}(?=[/?#]|$)", re.IGNORECASE).match
_OWN = (None, b"same-origin", b"none")  # what a browser says of a page's own requests, which are not asked for more


def add_judged(fields: dict[str, Any], exchange: Exchange) -> None:
    """What decides about a request beside its path and its token."""
    query = exchange.query
    if query:
        fields["query_bytes"] = len(query)
        separators = query.count("&")
        if separators != 1 or ";" in query:  # a call has two parameters, `batch` and `input`
            fields["query_parameters"] = separators + query.count(";") + 1
    origin = exchange.origin
    if origin:
        fields["origin"] = origin  # an allowed one is short and plain (``core.origin``)
    else:
        add_origin(fields, exchange)
    if exchange.peer != exchange.client:
        fields["peer"] = exchange.peer
    if exchange.stream is not None:
        add_content(fields, exchange)
    elif exchange.method == "OPTIONS":
        add_preflight(fields, exchange)


def add_calls(fields: dict[str, Any], calls: Sequence[Call]) -> list[str]:
    """The procedures of ``calls``; adds by which names they were called where one is an alias."""
    named = calls[:MOST_CALLS]
    if len(calls) > MOST_CALLS:
        fields["calls"] = len(calls)
    if any(call.alias for call in named):
        fields["called"] = [redact(call.alias or call.procedure) for call in named]
    return [redact(call.procedure) for call in named]


def add_batch(fields: dict[str, Any], exchange: Exchange) -> None:
    """Whether a request without any procedure that is known was to be a batch."""
    if is_batch(exchange.query):
        fields["batch"] = True


def add_origin(fields: dict[str, Any], exchange: Exchange) -> None:
    """The Origin that no policy has admitted; without one, what a browser says of another website's page that makes the request:
    of that page's address the origin alone."""
    given = exchange.fields
    origin = given.get(b"origin")
    if origin is not None:
        fields["origin_sent"] = redact(origin.decode("latin-1"))
        return
    site = given.get(b"sec-fetch-site")
    if site in _OWN:
        return
    words = (given.get(name, b"") for name in (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest"))
    fields["fetch"] = [redact(word.decode("latin-1"), 20) for word in words]
    referer = given.get(b"referer")
    if referer is not None:
        page = _PAGE(referer)
        fields["referer_origin"] = redact(page[0].decode("latin-1")) if page is not None else ""


def add_content(fields: dict[str, Any], exchange: Exchange) -> None:
    """What the head says of the content: its media type without parameters, its coding, and its length where another number of
    bytes went to the upstream, such as none."""
    given, stream = exchange.fields, exchange.stream
    sent = given.get(b"content-type", b"")
    # In lower case a token would not be known as one.
    fields["content_type"] = redact(sent.partition(b";")[0].strip(b" \t").decode("latin-1"), 100).lower()
    coding = getattr(stream, "coding", "") or given.get(b"content-encoding", b"").decode("latin-1").strip(" \t")
    if coding:
        fields["content_coding"] = redact(coding, 20).lower()
    length = stream.length if stream is not None else None
    if length is not None and length != exchange.bytes_in:
        fields["content_length"] = length


def add_preflight(fields: dict[str, Any], exchange: Exchange) -> None:
    """The method and the fields that a preflight asks for (Fetch Standard 3.2.2)."""
    method = exchange.fields.get(b"access-control-request-method")
    if method is None:
        return
    if not exchange.calls:
        add_batch(fields, exchange)
    fields["preflight"] = redact(method.decode("latin-1"), 40)
    asked = exchange.fields.get(b"access-control-request-headers", b"").split(b",", MOST_HEADERS)
    names = [name for part in asked[:MOST_HEADERS] if (name := part.strip(b" \t"))]
    texts = [redact(name.decode("latin-1"), 100).lower() for name in names]
    if len(asked) > MOST_HEADERS:
        texts.append("…")
    if texts:
        fields["preflight_headers"] = texts
