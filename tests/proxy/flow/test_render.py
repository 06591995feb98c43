"""Responses as bytes: heads, refusals in each format, and what they are put together from."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.core.issue import Issue
from gateway.core.reason import REASONS
from gateway.core.response_fields import ResponseFields
from gateway.core.verdict import Details, Refusal, refuse
from gateway.proxy.flow.render import (
    CLOSED,
    KEPT,
    refusal_content,
    render_detailed,
    render_head,
    render_refusal,
    status_line,
)
from gateway.proxy.routing.route import bind

DAY = (b"date", b"Sun, 06 Nov 1994 08:49:37 GMT")


def test_stages_win_over_the_upstream_and_vary_is_the_union():
    head = render_head(
        200,
        ResponseFields.of([(b"vary", b"trpc-accept, Origin"), (b"x-frame-options", b"ALLOW"), (b"x-gone", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]),
        [FieldLines.of([(b"vary", b"Origin"), (b"x-frame-options", b"DENY")])],
        frozenset({b"x-gone"}),
        b"content-length: 0\r\n",
        CLOSED,
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
    _, body = refusal_content(refusal, exchange.id, shape)
    content = json.loads(body)
    if shape == "superjson":
        content = content["error"]["json"]
    elif shape == "none":
        content = content["error"]
    sentence = content["detail"] if shape == "problem" else content["message"]
    data = content if shape == "problem" else content["data"]
    assert "{" not in sentence and "1 seconds" not in sentence
    assert sentence.endswith(".")
    assert (data["reason"], data["request_id"], data["retry_after"]) == (slug, "request-1", 1)
    assert b"for the log alone" not in body


def plain(refusal, exchange, of):
    """The response put together anew, field by field."""
    content_type, body = refusal_content(refusal, exchange.id, of.error_format)
    own = [DAY, content_type, (b"cache-control", b"no-store"), *refusal.headers]
    if refusal.retry_after:
        own.append((b"retry-after", b"%d" % refusal.retry_after))
    framing = b"content-length: %d\r\n" % len(body)
    return (
        render_head(refusal.reason.status, ResponseFields.of(own), exchange.response_headers, of.removed, framing, KEPT)
        + body
    )


IDENTITY = FieldLines.of([(b"x-request-id", b"request-1"), (b"x-correlation-id", b"other")])
SECURE = FieldLines.of([(b"x-frame-options", b"DENY"), (b"cache-control", b"no-store")])
LIMIT = FieldLines.of([(b"ratelimit", b'"a";r=0;t=1'), (b"retry-after", b"9")])
ORIGIN = FieldLines.of([(b"vary", b"Origin"), (b"access-control-allow-origin", b"https://linguamate.app")])
ADDED = [
    [],
    [IDENTITY],
    [ORIGIN],
    [SECURE, LIMIT, ORIGIN, IDENTITY],
    [ORIGIN, SECURE, FieldLines.of([(b"vary", b"Accept")])],
]


@pytest.mark.parametrize("shape", ["problem", "superjson", "none"])
@pytest.mark.parametrize("added", ADDED, ids=range(len(ADDED)))
def test_a_refusal_from_a_template_reads_as_if_put_together_anew(added, shape):
    removed = frozenset({b"content-type"} if len(added) > 2 else ())
    of = replace(bind("route", []), error_format=shape, removed=removed)
    for slug, wait, headers in (
        ("rate_limited", 1, ()),
        ("rate_limited", 42, ()),
        ("token_invalid", 0, ((b"www-authenticate", b'Bearer realm="api"'),)),
        ("method_not_allowed", 0, ((b"allow", b"GET"),)),
    ):
        for name in ("request-1", "another-id-of-a-request", ""):
            exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
            exchange.id, exchange.response_headers = name, list(added)
            refusal = refuse(slug, "x", retry_after=wait, headers=headers)
            wanted = plain(refusal, exchange, of)
            for _ in range(2):  # the second is from the template
                data, length = render_refusal(refusal, exchange, of, DAY, KEPT)
                assert (data, length) == (wanted, len(wanted.partition(b"\r\n\r\n")[2]))


def test_the_response_to_head_has_the_length_and_no_body():
    exchange = Exchange("HEAD", "/", {}, "192.0.2.1", 0.0)
    exchange.id = "request-1"
    data, length = render_refusal(refuse("no_route"), exchange, bind("route", []), DAY, CLOSED)
    head, _, body = data.partition(b"\r\n\r\n")
    _, whole = refusal_content(refuse("no_route"), exchange.id, "problem")
    assert b"content-length: %d\r\nconnection: close" % len(whole) in head
    assert (body, length) == (b"", 0)


@given(st.text(max_size=40))
def test_no_name_of_a_request_breaks_out_of_the_body(name):
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    exchange.id = name
    data, _ = render_refusal(refuse("no_route"), exchange, bind("route", []), DAY, KEPT)
    assert json.loads(data.partition(b"\r\n\r\n")[2])["request_id"] == name


def test_two_sentences_of_one_slug_are_two_responses():
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    for sentence in ("One.", "Another."):
        refusal = Refusal(replace(REASONS["rate_limited"], sentence=sentence))
        data, _ = render_refusal(refusal, exchange, bind("route", []), DAY, KEPT)
        assert json.loads(data.partition(b"\r\n\r\n")[2])["detail"] == sentence


@pytest.mark.parametrize("method", ["POST", "HEAD"])
@pytest.mark.parametrize(("shape", "members"), [("problem", {"errors"}), ("superjson", {"issues", "zodError"})])
def test_a_detailed_refusal_says_what_is_wrong_and_is_else_like_another(shape, members, method):
    exchange = Exchange(method, "/", {}, "192.0.2.1", 0.0)
    exchange.id = "request-1"
    route = replace(bind("r", []), error_format=shape)
    details = Details((Issue(("email",), "custom", "", "Enter it."),), "Do that.")
    refusal = Refusal(REASONS["schema_refused"], "for the log", 3, ((b"x-own", b"1"),), details=details)
    data, length = render_detailed(refusal, details, exchange, route, DAY, CLOSED)
    plain, plain_length = render_refusal(refusal, exchange, route, DAY, CLOSED)
    head, _, body = data.partition(b"\r\n\r\n")
    lines, plain_lines = (
        {line for line in one.split(b"\r\n") if not line.startswith(b"content-length: ")}
        for one in (head, plain.partition(b"\r\n\r\n")[0])
    )
    assert lines == plain_lines and {b"x-own: 1", b"retry-after: 3"} < lines
    assert length == len(body)
    if method == "HEAD":
        assert not body and length == plain_length == 0
        return
    assert b"content-length: %d" % length in head
    whole, other = (json.loads(one.partition(b"\r\n\r\n")[2]) for one in (data, plain))
    (inside, sentence), (other, _) = (
        (one, one["detail"]) if shape == "problem" else (one["error"]["json"]["data"], one["error"]["json"]["message"])
        for one in (whole, other)
    )
    assert inside.keys() - other.keys() == members and other.keys() < inside.keys()
    assert sentence == "Do that." and b"for the log" not in data
