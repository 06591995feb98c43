"""What is read off an outcome."""

from gateway.review.dry_run.outcome import Canonical, Outcome


def test_fields_of_one_name_are_joined() -> None:
    fields = ((b"Vary", b"a"), (b"vary", b"b"))
    found = Outcome(Canonical("GET", "/", ""), "r", (), (), "pass", 200, fields, b"")
    assert (found.field("vary"), found.field("date")) == ("a, b", None)
