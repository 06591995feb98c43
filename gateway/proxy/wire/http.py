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
    "cause",
]


def cause(error: HttpParserError | HttpParserUpgrade) -> str:
    """Why a response could not be read, at most 200 characters for the log. httptools wraps what a callback raised."""
    inner = error.__context__ if isinstance(error, HttpParserCallbackError) else error
    if isinstance(inner, HttpParserUpgrade):
        return "switched protocols unasked"
    return str(inner if isinstance(inner, ValueError) else error)[:200]
