"""The parser of HTTP/1.1 for both sides of the gateway: llhttp, strict (this file is httptools' door)."""

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
    HttpResponseParser,
)

__all__ = [
    "HttpParserCallbackError",
    "HttpParserError",
    "HttpParserUpgrade",
    "HttpRequestParser",
    "HttpResponseParser",
]
