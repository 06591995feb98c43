"""A recorded request as stages see it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.query import canonical_query
from gateway.core.trpc import is_batch
from gateway.review.replay.content import RecordedContent, fields_of, query_of
from tests.review.replay.log_lines import of


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({}, {b"content-type": b"application/json"}),
        ({"origin": "https://a.example"}, {b"content-type": b"application/json", b"origin": b"https://a.example"}),
        (
            {"content_type": None, "fetch": ["cross-site", "", "image"], "referer_origin": "https://b.example"},
            {b"sec-fetch-site": b"cross-site", b"sec-fetch-dest": b"image", b"referer": b"https://b.example/"},
        ),
        (
            {"content_type": None, "preflight": "PUT", "preflight_headers": ["a", "b"]},
            {b"access-control-request-method": b"PUT", b"access-control-request-headers": b"a,b"},
        ),
        ({"content_type": None, "peer": "10.0.0.1"}, {b"x-forwarded-for": b"192.0.2.7"}),
    ],
)
def test_the_fields_that_a_line_tells_of(more: dict[str, Any], fields: dict[bytes, bytes]) -> None:
    line = {name: value for name, value in more.items() if value is not None}
    found = of(**line)
    found.content = more.get("content_type", "") is not None
    assert fields_of(found, "x-forwarded-for") == {b"host": b"127.0.0.1", **fields}


def test_the_client_in_the_other_field_of_proxies() -> None:
    assert fields_of(of(peer="10.0.0.1"), "forwarded")[b"forwarded"] == b"for=192.0.2.7"
    v6 = of(peer="10.0.0.1", client="2001:db8::1")
    assert fields_of(v6, "forwarded")[b"forwarded"] == b'for="[2001:db8::1]"'


@pytest.mark.parametrize("octets", [0, 7, 8, 40, 5000])
@pytest.mark.parametrize("parameters", [1, 2, 20])
@pytest.mark.parametrize("batch", [False, True])
def test_a_query_is_as_long_and_has_as_many_parameters(octets: int, parameters: int, batch: bool) -> None:
    found = query_of(of(query_bytes=octets, query_parameters=parameters, procedures=["a", "b"] if batch else ["a"]))
    assert is_batch(found) is batch
    assert canonical_query(found) == found
    if octets >= 40:
        assert len(found) == (octets if parameters > 1 or not batch else len("batch=1"))
        assert found.count("&") == parameters - 1


async def test_content_is_here_and_says_nothing() -> None:
    content = RecordedContent(5)
    assert content.whole() and await content.read() == b"" and await content.gather(1) is None
    assert RecordedContent(0).whole() == b""
