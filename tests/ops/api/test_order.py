"""The JSON body of an order."""

from __future__ import annotations

import pytest

from gateway.ops.api.order import LONGEST, InvalidOrder, decode, decode_texts

USAGE = 'Write {"name": "..."}'


def test_an_order_is_an_object_of_known_members() -> None:
    assert decode(b'{"name": 7}', {"name", "by"}, USAGE) == {"name": 7}
    assert decode_texts(b'{"name": "ada", "by": "grace"}', {"name", "by"}, USAGE) == {"name": "ada", "by": "grace"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_another_format_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidOrder, match="The body is not JSON"):
        decode(body, {"name"}, USAGE)


@pytest.mark.parametrize("body", [b"[]", b"7", b'{"nmae": "a"}'])
def test_for_another_shape_the_right_one_is_shown(body: bytes) -> None:
    with pytest.raises(InvalidOrder, match="Write"):
        decode(body, {"name"}, USAGE)


@pytest.mark.parametrize("value", [b"7", b"null", b'""', b'" "', b'"' + b"a" * (LONGEST + 1) + b'"'])
def test_a_text_is_neither_empty_nor_endless(value: bytes) -> None:
    with pytest.raises(InvalidOrder, match="name must be a text of at most 512 characters"):
        decode_texts(b'{"name":' + value + b"}", {"name"}, USAGE)
