"""Forms that an upload policy lets pass."""

from __future__ import annotations

import pytest

from gateway.policy.upload.settings import Part, Settings
from gateway.review.diff.witness.forms import content, encoded, form

PICTURES = Settings(
    parts={
        "picture": Part(types=("image/png", "image/gif"), max=1000, required=True),
        "size": Part(max=16, pattern="[0-9]{1,3}", required=True),
        "more": Part(max=16),
    }
)


def test_a_form_has_the_required_parts() -> None:
    found = form(PICTURES)
    assert b'name="picture"; filename="picture"\r\ncontent-type: image/png\r\n\r\n\x89PNG' in found
    assert b'name="size"\r\n\r\n' in found
    assert b"more" not in found
    assert found.endswith(b"--witness--\r\n")
    assert b"picture" not in form(PICTURES, without="picture")
    assert b'name="other"\r\n\r\nx\r\n' in form(PICTURES, {"other": (b"x", "")})


@pytest.mark.parametrize(
    ("media_type", "begins"), [("image/gif", b"GIF8"), ("image/png", b"\x89PNG"), ("", b"\x89PNG")]
)
def test_a_file_is_of_the_type_that_is_asked_for(media_type: str, begins: bytes) -> None:
    octets, declared = content(PICTURES.parts["picture"], media_type)
    assert octets.startswith(begins)
    assert declared == (media_type or "image/png")


def test_no_parts_are_a_form_too() -> None:
    assert encoded({}) == b"--witness--\r\n"
