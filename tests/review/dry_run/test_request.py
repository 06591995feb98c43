"""Requests of a dry run as bytes."""

import pytest

from gateway.review.dry_run.request import DryRequest


def test_host_and_length_are_added_where_they_are_not_given() -> None:
    octets = DryRequest("POST", "/x", {"x-a": "é"}, b"ab").octets([(b"more", b"1")])
    assert (
        octets
        == b"POST /x HTTP/1.1\r\nhost: gateway.example\r\nx-a: \xc3\xa9\r\ncontent-length: 2\r\nmore: 1\r\n\r\nab"
    )
    given = DryRequest("POST", "/x", [("Host", "a"), ("Transfer-Encoding", "chunked")], b"0\r\n\r\n").octets()
    assert given == b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert b"host" not in DryRequest("GET", "/", http="1.0").octets()
    assert b"host: 127.0.0.1\r\n" in DryRequest("GET", "/", listener="egress").octets()


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": ""},
        {"target": ""},
        {"target": "/\r\nx: y"},
        {"fields": {"a": "b\nc"}},
        {"fields": [("a\0", "b")]},
        {"address": "nowhere"},
        {"claims": {}, "fields": {"Authorization": "Bearer x"}},
    ],
)
def test_what_no_client_can_send_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        DryRequest(**{"method": "GET", "target": "/", **wrong})  # type: ignore[arg-type]  # wrong on purpose


def test_host_is_that_of_an_absolute_target_unless_it_is_given() -> None:
    assert (
        DryRequest("GET", "https://a.example:8/x?y")
        .octets()
        .startswith(b"GET https://a.example:8/x?y HTTP/1.1\r\nhost: a.example:8\r\n")
    )
    assert b"host: b\r\n" in DryRequest("GET", "http://a.example/x", {"host": "b"}).octets()
