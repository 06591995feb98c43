"""What came of a request beside what was expected of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.review.dry_run.outcome import Canonical, Outcome
from gateway.review.dry_run.wire import Forwarded
from gateway.review.policy_tests.expectation import ANOTHER, Unmet, unmet
from gateway.review.policy_tests.language import Expectation

SENT = Forwarded(
    "tutor", "POST", "/text/?a=1", ((b"authorization", b"Bearer sk-very-secret"), (b"a", b"1"), (b"a", b"2"))
)
CAME = Outcome(
    Canonical("POST", "/a", ""), "login", (), (), "rate_limited", 429, ((b"Retry-After", b"60"), (b"a", b"1"), (b"a", b"2")),
    b'{"error": {"code": -32029, "message": "Try again in 60 seconds."}}', ("schema_refused",), "gone", "", (SENT,),
)  # fmt: skip


def wrong(**expected: Any) -> list[Unmet]:
    return list(unmet(Expectation.model_validate(expected), CAME))


@pytest.mark.parametrize(
    "expected",
    [
        {"verdict": "rate_limited", "status": 429, "route": "login", "fallback": "gone"},
        {"headers": {"Retry-After": 60}},
        {"headers": {"retry-after": "*", "a": "1", "x-other": None}},
        {"headers": {"a": "1, 2"}},
        {"json": {"error": {"code": -32029, "message": "Try again in * seconds."}}},
        {"body": "*32029*"},
        {"would_refuse": "schema_refused"},
        {"sent": {"upstream": "tutor", "method": "POST", "target": "/text/*"}},
        {"sent": {"headers": {"authorization": "Bearer *", "a": "2", "cookie": None}}},
    ],
)
def test_what_came_as_expected(expected: Any) -> None:
    assert wrong(**expected) == []


@pytest.mark.parametrize(
    ("expected", "path", "wanted", "got"),
    [
        ({"verdict": "pass"}, "verdict", "pass", "rate_limited"),
        ({"status": 200}, "status", "200", "429"),
        ({"route": None}, "route", "none", "login"),
        ({"fallback": None}, "fallback", "none", "gone"),
        ({"headers": {"retry-after": "6"}}, "headers.retry-after", "6", "60"),
        ({"headers": {"retry-after": None}}, "headers.retry-after", "none", "60"),
        ({"headers": {"x-other": "*"}}, "headers.x-other", "*", "none"),
        ({"headers": {"a": "3"}}, "headers.a", "3", "1, 2"),
        ({"json": {"error": {"code": 1}}}, "json.error.code", "1", "-32029"),
        ({"json": {"other": 1}}, "json.other", "1", "nothing"),
        ({"json": []}, "json", "[]", '{"error": {"code": -32029, "message": "Try again in 60 seconds."}}'),
        ({"body": "x*"}, "body", '"x*"', '"{\\"error\\": {\\"code\\": -32029, \\"message\\": \\"Try again in 60 seconds.\\"}}"'),
        ({"would_refuse": []}, "would_refuse", "none", "schema_refused"),
        ({"sent": None}, "sent", "none", "POST /text/?a=1 to tutor"),
        ({"sent": {"upstream": "stt"}}, "sent.upstream", "stt", "tutor"),
        ({"sent": {"method": "GET"}}, "sent.method", "GET", "POST"),
        ({"sent": {"target": "/images/*"}}, "sent.target", "/images/*", "/text/?a=1"),
        ({"sent": {"headers": {"a": None}}}, "sent.headers.a", "none", ANOTHER),
        ({"sent": {"headers": {"cookie": "*"}}}, "sent.headers.cookie", "*", "none"),
    ],
)  # fmt: skip
def test_what_came_otherwise(expected: Any, path: str, wanted: str, got: str) -> None:
    (one,) = wrong(**expected)
    assert (one.name, one.expected, one.got) == (path, wanted, got)


def test_no_secret_of_an_upstream_is_shown() -> None:
    for header in ("Bearer other", None):
        assert "sk-very-secret" not in str(wrong(sent={"headers": {"authorization": header}}))


def test_all_that_came_otherwise_is_named_in_order() -> None:
    found = wrong(status=200, verdict="pass", headers={"b": "1", "a": "9"}, sent=None)
    assert [one.name for one in found] == ["verdict", "status", "headers.b", "headers.a", "sent"]


@pytest.mark.parametrize("unmatched", ["unmatched", "egress-unmatched"])
@pytest.mark.parametrize("written", [None, "unmatched"])
def test_no_route_is_none_on_both_listeners(unmatched: str, written: str | None) -> None:
    assert list(unmet(Expectation(route=written), replace(CAME, route=unmatched))) == []


def test_no_route_and_no_call() -> None:
    came = replace(CAME, route="unmatched", forwarded=(), body=b"<html>", fallback="")
    assert list(unmet(Expectation(route=None, fallback=None, sent=None), came)) == []
    found = list(unmet(Expectation.model_validate({"route": "login", "sent": {}, "json": {}}), came))
    assert [(one.name, one.got) for one in found] == [
        ("route", "none"), ("json", 'no JSON: "<html>"'), ("sent", "none"),
    ]  # fmt: skip
