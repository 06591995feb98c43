"""Forms as clients send them, for the tests of uploads."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.proxy.message.body import RequestBody
from tests.policy.upload.made_files import webm

BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"
WEBM = webm() + bytes(range(256)) * 4

Part = tuple[bytes, bytes]
"""The header lines of a part, each with its line end, and its content."""


def file(
    content: bytes = WEBM, media_type: bytes = b"audio/webm", name: bytes = b"audio", filename: bytes = b"a.webm"
) -> Part:
    head = b'Content-Disposition: form-data; name="%b"; filename="%b"\r\nContent-Type: %b\r\n' % (
        name,
        filename,
        media_type,
    )
    return head, content


def text(content: bytes, name: bytes = b"language") -> Part:
    return b'Content-Disposition: form-data; name="%b"\r\n' % name, content


def form(*parts: Part, boundary: bytes = BOUNDARY, end: bytes = b"--\r\n") -> bytes:
    body = b"".join(b"--%b\r\n%b\r\n%b\r\n" % (boundary, head, content) for head, content in parts)
    return body + b"--" + boundary + end


def content_type(boundary: bytes = BOUNDARY) -> bytes:
    return b"multipart/form-data; boundary=" + boundary


def cut(body: bytes, size: int) -> Iterable[bytes]:
    """``body`` in pieces of ``size`` bytes."""
    return (body[at : at + size] for at in range(0, len(body), size))


class Client:
    """The connection that a body arrives on."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def write(self, data: bytes) -> None: ...


def arriving(body: bytes = b"", length: int | None = None) -> RequestBody:
    """The content of a request, of which ``body`` is here."""
    content = RequestBody(Client())
    content.declare(length, 5.0, False)
    if body:
        content.feed(body)
        content.end()
    return content
