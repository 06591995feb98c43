"""Reading a response: how far it has come, what it holds, and what may not come."""

from __future__ import annotations

import pytest

from gateway.core.fields import Pair
from gateway.proxy.pool.phase import Phase
from gateway.proxy.pool.response import ResponseReader
from gateway.proxy.wire.http import HttpParserError


def reading(*, bodiless: bool = False) -> ResponseReader:
    """A reader of the response to a request that has just been sent; ``bodiless``: with HEAD."""
    reader = ResponseReader()
    reader.phase = Phase.HEAD
    reader._bodiless = bodiless
    return reader


def feed(reader: ResponseReader, *pieces: bytes) -> list[Phase]:
    """The phases that ``reader`` is in behind each of ``pieces``."""
    phases = []
    for piece in pieces:
        reader._parser.feed_data(piece)
        phases.append(reader.phase)
    return phases


def test_a_response_comes_head_first_and_then_its_content():
    reader = reading()
    pieces = (b"HTTP/1.1 200 OK\r\n", b"content-length: 4\r\na: b\r\n\r\n", b"co", b"nt")
    assert feed(reader, *pieces) == [Phase.HEAD, Phase.BODY, Phase.BODY, Phase.DONE]
    assert (reader.status, reader.length, reader.buffered, reader._parts) == (200, 4, 4, [b"co", b"nt"])
    assert (b"a", b"b") in reader.fields.pairs and reader._keep


@pytest.mark.parametrize("cut", range(1, 60))
def test_it_is_the_same_response_wherever_it_is_cut(cut: int):
    whole = b"HTTP/1.1 103 Early\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    reader = reading()
    early: list[tuple[int, list[Pair]]] = []
    reader._on_informational = lambda status, pairs: early.append((status, pairs))
    assert feed(reader, whole[:cut], whole[cut:])[-1] is Phase.DONE
    assert (early, reader.status, b"".join(reader._parts)) == ([(103, [(b"link", b"a")])], 200, b"ab")


@pytest.mark.parametrize("head", [b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.1 304 No\r\n\r\n"])
def test_some_responses_have_no_content(head: bytes):
    assert feed(reading(), head) == [Phase.DONE]
    assert feed(reading(bodiless=True), b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n") == [Phase.DONE]


BROKEN = {
    "content where none may be": (True, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ncont"),
    "a second response": (False, b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 204 No\r\n\r\n"),
    "a switch that nobody asked for": (False, b"HTTP/1.1 101 Now\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    "a status that there is not": (False, b"HTTP/1.1 600 No\r\n\r\n"),
    "a coding that cannot be read": (False, b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n"),
}


@pytest.mark.parametrize(("bodiless", "sent"), BROKEN.values(), ids=BROKEN)
def test_what_may_not_come_breaks_the_response(bodiless: bool, sent: bytes):
    with pytest.raises(HttpParserError):
        feed(reading(bodiless=bodiless), sent)
