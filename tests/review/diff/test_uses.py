"""The pairs of routes that requests go through."""

from __future__ import annotations

from gateway.review.diff.classes import RequestClass
from gateway.review.diff.side import Match
from gateway.review.diff.transitions import Transition
from gateway.review.diff.uses import in_words


def request(shown: str, method: str, spelling: bool = False) -> Transition:
    return Transition(
        RequestClass("public", shown, shown, spelling=spelling), method, Match("one", ""), Match("one", "")
    )


def test_requests_in_words() -> None:
    found = [request("/one", "GET"), request("/one", "HEAD"), request("/two", "GET"), request("/ONE", "GET", True)]
    assert in_words(found) == "GET, HEAD /one; GET /two"
    assert in_words(found[3:]) == "GET /ONE"
    assert in_words(found, most=1) == "GET, HEAD /one and 1 more"
