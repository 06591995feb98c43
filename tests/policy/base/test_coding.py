"""The coding of a content, as its fields name it."""

from __future__ import annotations

import pytest

from gateway.policy.base.coding import IDENTITY, coding_of


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        (b"gzip", b"gzip"),
        (b" \tGZip\t ", b"gzip"),
        (b"Identity", IDENTITY),
        (b"gzip, identity", b"gzip, identity"),
        (b"", b""),  # which names nothing, and is not the same as no field
        (b"\x0bidentity", b"\x0bidentity"),  # white space of Python, and none of HTTP
    ],
)
def test_a_coding_has_one_spelling(sent: bytes, named: bytes) -> None:
    assert coding_of({b"content-encoding": sent}) == named


def test_content_without_the_field_is_not_coded() -> None:
    assert coding_of({}) == IDENTITY
