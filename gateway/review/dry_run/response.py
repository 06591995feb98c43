"""What an upstream says in a dry run, and how a response is read that a client would get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.failure import CallFailure
from gateway.core.fields import Pair
from gateway.proxy.wire.http import HttpResponseParser

_FRAMED = frozenset(("content-length", "transfer-encoding"))
_BODILESS = frozenset((204, 304))


@dataclass(frozen=True, slots=True)
class ScriptedResponse:
    """A response of ``status`` with ``fields`` and ``body`` after so many seconds, or how the call fails instead of it:
    ``failure``. A call that is not responded to (``TIMEOUT``) takes as long as the configuration lets it."""

    status: int = 200
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    failure: CallFailure | None = None
    after: float = 0.0

    def __post_init__(self) -> None:
        if not 200 <= self.status <= 599:
            raise ValueError(f"{self.status} is no status of a response")

    def octets(self) -> bytes:
        """The response as it comes over the connection; JSON unless its fields say otherwise."""
        given = {name.lower(): value for name, value in self.fields.items()}
        body = b"" if self.status in _BODILESS else self.body
        if body and "content-type" not in given:
            given["content-type"] = "application/json"
        if self.status not in _BODILESS and not given.keys() & _FRAMED:
            given["content-length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        return f"HTTP/1.1 {self.status} \r\n{lines}\r\n".encode() + body


class ReadResponse:
    """The final response in ``octets``, which a client has got to a request of ``method``; ``status`` 0 without one. ``whole``: all of its
    content is there."""

    def __init__(self, octets: bytes, method: str) -> None:
        self.status = 0
        self.fields: tuple[Pair, ...] = ()
        self.body = b""
        self.whole = False
        self._pairs: list[Pair] = []
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        head, _, _ = octets.partition(b"\r\n\r\n")
        self._parser.feed_data(octets if method != "HEAD" else head + b"\r\n\r\n")
        self._parser = None  # which holds this object
        self.whole = self.whole or method == "HEAD"

    def on_header(self, name: bytes, value: bytes) -> None:
        self._pairs.append((name, value))

    def on_headers_complete(self) -> None:
        assert self._parser is not None, "it calls this"
        self.status = self._parser.get_status_code()
        self.fields, self._pairs = tuple(self._pairs), []

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.whole = self.status >= 200
