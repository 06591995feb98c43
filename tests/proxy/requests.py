"""Requests as bytes, for tests that speak over a raw connection (``tests.upstream_fixture.wire``)."""

from __future__ import annotations

_GET = b"GET %b HTTP/1.1\r\nhost: gateway\r\n%b\r\n"


def get(path: str, *fields: str) -> bytes:
    """A GET of ``path``, with header ``fields`` as lines."""
    return _GET % (path.encode(), b"".join(field.encode() + b"\r\n" for field in fields))


def post(path: str, body: bytes, *fields: str) -> bytes:
    """A POST of JSON ``body`` to ``path``, with more header ``fields`` as lines."""
    lines = "".join(f"{field}\r\n" for field in ("content-type: application/json", *fields))
    return f"POST {path} HTTP/1.1\r\nhost: gateway\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body
