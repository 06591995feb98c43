"""Whether content is of its declared type."""

from gateway.policy.upload.content import Content
from tests.policy.upload.forms import WEBM

ALLOWED = frozenset({"audio/webm"})


def test_a_file_of_its_type_settles_and_another_does_not() -> None:
    content = Content("audio/webm", ALLOWED)
    assert content.feed(WEBM) is None
    assert content.settled
    assert content.end() is None
    assert Content("audio/webm", ALLOWED).feed(b"<html>" * 9) is not None
