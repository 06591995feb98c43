"""What upstreams say in a dry run, and what clients read."""

import pytest

from gateway.review.dry_run.response import ReadResponse, ScriptedResponse


def test_a_script_is_framed_and_is_json_unless_it_says_otherwise() -> None:
    assert (
        ScriptedResponse().octets() == b"HTTP/1.1 200 \r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    )
    assert ScriptedResponse(204).octets() == b"HTTP/1.1 204 \r\n\r\n"
    chunked = ScriptedResponse(fields={"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}, body=b"0\r\n\r\n")
    assert b"content-length" not in chunked.octets()
    for status in (199, 600):
        with pytest.raises(ValueError, match="no status"):
            ScriptedResponse(status)


def test_the_final_response_is_read_behind_informational_ones() -> None:
    read = ReadResponse(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\ncontent-length: 2\r\n\r\nok", "POST")
    assert (read.status, read.fields, read.body, read.whole) == (
        200,
        ((b"a", b"b"), (b"content-length", b"2")),
        b"ok",
        True,
    )
    assert ReadResponse(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", "HEAD").whole
    cut = ReadResponse(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", "GET")
    assert (cut.body, cut.whole) == (b"ab", False)
    assert ReadResponse(b"", "GET").status == 0
