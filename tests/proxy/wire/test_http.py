"""Why a response could not be read, in words for the log."""

from __future__ import annotations

import pytest

from gateway.proxy.wire.http import HttpParserError, HttpParserUpgrade, HttpResponseParser, cause


class Refusing:
    """Callbacks of a parser that accept no status but 200."""

    def __init__(self) -> None:
        self.parser = HttpResponseParser(self)

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status == 500:
            raise KeyError("nobody's business")
        if status not in (101, 200):
            raise ValueError(f"status {status} " + "x" * 500)


def caught(data: bytes) -> str:
    with pytest.raises((HttpParserError, HttpParserUpgrade)) as raised:
        Refusing().parser.feed_data(data)
    return cause(raised.value)


def test_the_parser_says_what_it_could_not_read() -> None:
    assert "Expected HTTP/" in caught(b"nonsense\r\n\r\n")


def test_a_callback_says_what_it_refused_in_at_most_200_characters() -> None:
    text = caught(b"HTTP/1.1 299 No\r\n\r\n")
    assert text.startswith("status 299 xxx")
    assert len(text) == 200


def test_any_other_exception_of_a_callback_is_not_shown() -> None:
    assert "business" not in caught(b"HTTP/1.1 500 No\r\n\r\n")


def test_a_switch_of_protocols_has_a_sentence_of_its_own() -> None:
    switched = b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    assert caught(switched) == "switched protocols unasked"
