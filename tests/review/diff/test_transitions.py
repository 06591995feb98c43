"""What becomes of a class of requests on both sides."""

from __future__ import annotations

from gateway.review.diff.classes import RequestClass
from gateway.review.diff.side import Match
from gateway.review.diff.transitions import Transition


def test_the_other_direction_of_requests_that_have_moved() -> None:
    request = RequestClass("public", "/rpc/say", "say", before="/trpc/say")
    there = Transition(request, "GET", Match("one", ""), Match("", "no_route"))
    back = there.reversed()
    assert (back.request.before, back.request.target) == ("/rpc/say", "/trpc/say")
    assert (back.before, back.after) == (there.after, there.before)
    assert back.reversed() == there
