"""The words of the gateway's own answers."""

from __future__ import annotations

import json

import pytest

from gateway.core.exchange import Exchange
from gateway.core.lines import Lines
from gateway.core.reason import REASONS, refuse
from gateway.proxy.reply import DATE, answer_head, refusal_body, refusal_fields, status_line


def test_the_date_is_http_s_own_and_moves_with_the_clock():
    assert DATE.field(784111777.5) == (b"date", b"Sun, 06 Nov 1994 08:49:37 GMT")  # RFC 9110 5.6.7
    assert DATE.field(784111778.0) == (b"date", b"Sun, 06 Nov 1994 08:49:38 GMT")


def test_stages_win_over_the_upstream_and_vary_is_the_union():
    head = answer_head(
        200,
        [(b"vary", b"trpc-accept, Origin"), (b"x-frame-options", b"ALLOW"), (b"x-gone", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
        [Lines.of([(b"vary", b"Origin"), (b"x-frame-options", b"DENY")])],
        frozenset({b"x-gone"}),
        b"content-length: 0\r\n",
        False,
    )  # fmt: skip
    assert head == (
        b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-frame-options: DENY\r\n"
        b"vary: trpc-accept, Origin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )


def test_a_status_without_a_phrase_still_has_its_line():
    assert status_line(299) == b"HTTP/1.1 299 \r\n"


@pytest.mark.parametrize("shape", ["problem", "superjson", "none"])
@pytest.mark.parametrize("slug", sorted(REASONS))
def test_every_refusal_reads_well_in_every_shape(slug, shape):
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    exchange.id = "request-1"
    refusal = refuse(slug, "for the log alone", retry_after=1)
    _, body = refusal_body(refusal, exchange, shape)
    told = json.loads(body)
    if shape == "superjson":
        told = told["error"]["json"]
    elif shape == "none":
        told = told["error"]
    sentence = told["detail"] if shape == "problem" else told["message"]
    data = told if shape == "problem" else told["data"]
    assert "{" not in sentence and "1 seconds" not in sentence
    assert sentence.endswith(".")
    assert (data["reason"], data["request_id"], data["retry_after"]) == (slug, "request-1", 1)
    assert b"for the log alone" not in body
    assert (b"retry-after", b"1") in refusal_fields(refusal)
