"""An explanation as JSON."""

from gateway.review.dry_run.outcome import Canonical, Outcome
from gateway.review.explain.explanation import Explanation


def test_a_body_that_is_no_text_is_shown_all_the_same() -> None:
    outcome = Outcome(Canonical("GET", "/a", "b=c"), "r", (), (), "pass", 200, ((b"a", b"\xff"),), b"\xff")
    found = Explanation(outcome, "", (), ()).as_dict()
    assert (found["canonical"], found["response"]["body"]) == ("GET /a?b=c", "\ufffd")
    assert found["response"]["headers"] == [["a", "ÿ"]]
