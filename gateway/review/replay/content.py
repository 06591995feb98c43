"""A recorded request as the stages see it: its fields, its query and its content, as far as a log has them."""

from __future__ import annotations

from functools import lru_cache

from gateway.core.verdict import Refusal
from gateway.policy.base.trusted_fields import ForwardingField
from gateway.review.replay.recorded import RecordedRequest

_REMEMBERED_QUERY = 2048  # bytes
_FETCH = (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")


class RecordedContent:
    """The content of a request of which only the length is known, None where that is not known either (``RequestContent``)."""

    __slots__ = ("length", "limit")

    received = arrived = 0
    complete, late = True, False

    def __init__(self, length: int | None) -> None:
        self.length = length
        self.limit: int | None = None

    def whole(self) -> bytes | Refusal | None:
        return b"" if self.length == 0 else b"?"

    def put_back(self, data: bytes) -> None:
        """Nothing reads it."""

    async def gather(self, least: int) -> Refusal | None:
        return None

    async def read(self) -> bytes | Refusal:
        return b""


def fields_of(line: RecordedRequest, forwarding: ForwardingField) -> dict[bytes, bytes]:
    """The fields that ``line`` tells of. ``forwarding`` is the one in which a trusted proxy has named the client."""
    fields: dict[bytes, bytes] = {b"host": b"127.0.0.1"}
    if line.origin:
        fields[b"origin"] = _octets(line.origin)
    elif line.fetch:
        fields |= {name: _octets(word) for name, word in zip(_FETCH, line.fetch, strict=False) if word}
        if line.referer:
            fields[b"referer"] = _octets(line.referer) + b"/"
    if line.asked:
        fields[b"access-control-request-method"] = _octets(line.asked)
        fields[b"access-control-request-headers"] = _octets(",".join(line.asked_headers))
    if line.content:
        given = {b"content-type": line.media_type, b"content-encoding": line.coding}
        fields |= {name: _octets(text) for name, text in given.items() if text}
    if line.peer != line.client:
        fields[forwarding.encode()] = _forwarded(line.client, forwarding)
    elif line.reason == "forwarded_malformed":
        fields[forwarding.encode()] = b"?"
    if line.reason == "host_refused":
        fields[b"host"] = b"gateway.example"
    return fields


def _octets(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def _forwarded(client: str, field: ForwardingField) -> bytes:
    if field != "forwarded":
        return client.encode()
    return f'for="[{client}]"'.encode() if ":" in client else f"for={client}".encode()


def query_of(line: RecordedRequest) -> str:
    """A query as long as that of ``line``, with as many parameters and in a batch the one that makes it one."""
    if not line.query_bytes:
        return "batch=1" if line.batch else ""
    made = _long_query if line.query_bytes <= _REMEMBERED_QUERY else _long_query.__wrapped__
    return made(line.query_bytes, line.query_parameters or USUAL_PARAMETERS, line.batch)


USUAL_PARAMETERS = 2
"""Of the query of a call, ``batch`` and ``input``: a line says how many there are where it is another number."""


@lru_cache(maxsize=4096)
def _long_query(octets: int, parameters: int, batch: bool) -> str:
    start = "batch=1" if batch else ""
    separators = "&" * (parameters - 1)
    return (start + separators).ljust(octets, "x") if separators or not batch else start
