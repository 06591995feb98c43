"""An explanation as JSON."""

from gateway.review.dry_run.outcome import Canonical, Outcome
from gateway.review.dry_run.wire import Forwarded
from gateway.review.explain.explanation import Explanation


def test_a_body_that_is_no_text_is_shown_all_the_same() -> None:
    outcome = Outcome(Canonical("GET", "/a", "b=c"), "r", (), (), "pass", 200, ((b"a", b"\xff"),), b"\xff")
    found = Explanation(outcome, "", (), ()).as_dict()
    assert (found["canonical"], found["response"]["body"]) == ("GET /a?b=c", "\ufffd")
    assert found["response"]["headers"] == [["a", "ÿ"]]


def test_of_what_an_upstream_gets_the_names_alone_are_shown() -> None:
    forwarded = Forwarded("tutor", "GET", "/a", ((b"X-Api-Key", b"hush"), (b"x-api-key", b"hush")))
    outcome = Outcome(Canonical("GET", "/a", ""), "r", (), (), "pass", 200, (), b"", forwarded=(forwarded,))
    found = Explanation(outcome, "", (), ()).as_dict()
    assert found["forwarded"] == [{"upstream": "tutor", "method": "GET", "target": "/a", "headers": ["x-api-key"]}]
