"""Schema files as text: one reading, and the line of each value."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.schema.document import DEEPEST, Flaw, line_and_column, offset_of, read

TEXT = """{
  "type": "object",
  "properties": {
    "a": {"pattern": "^[\\"}{]$", "enum": [1, [], {}, "x,y"]},
    "b": [
      true,
      null
    ]
  }
}
"""


@pytest.mark.parametrize(
    ("tokens", "found"),
    [
        ((), (1, 1)),
        (("type",), (2, 3)),
        (("properties", "a"), (4, 5)),
        (("properties", "a", "pattern"), (4, 11)),
        (("properties", "a", "enum"), (4, 34)),
        (("properties", "a", "enum", 1), (4, 46)),
        (("properties", "a", "enum", 3), (4, 54)),
        (("properties", "b", 1), (7, 7)),
        (("properties", "b", 5), (5, 5)),
        (("properties", "c", "d"), (3, 3)),
        (("type", "x"), (2, 3)),
    ],
)
def test_where_a_value_is(tokens: tuple[str | int, ...], found: tuple[int, int]) -> None:
    assert line_and_column(TEXT, offset_of(TEXT, tokens)) == found


def paths(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], object]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(above, value), *[found for key, inner in below for found in paths(inner, (*above, key))]]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 1]))
def test_every_value_is_found_where_it_is_written(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    for tokens, inner in paths(value):
        rest = text[offset_of(text, tokens) :]
        if tokens and isinstance(tokens[-1], str):
            name, end = json.JSONDecoder().raw_decode(rest)
            assert name == tokens[-1]
            rest = re.sub(r"^\s*:\s*", "", rest[end:])
        assert json.JSONDecoder().raw_decode(rest)[0] == inner


@pytest.mark.parametrize(
    ("octets", "at", "sentence"),
    [
        (b"", (1, 1), "it is empty"),
        (b" \n", (2, 1), "it is empty"),
        (b'{"a": 1', (1, 8), "ends too early"),
        (b'{"a": 1}\n{}', (2, 1), "something follows"),
        (b'{\n  "a": 1,\n}', (3, 1), "is no JSON"),
        (b'{"a": nope}', (1, 7), "is no JSON"),
        (b'{"b": [{"a": 1,\n "a": 2}]}', (2, 2), "has a twice"),
        (b'{"a": NaN}', (1, 7), "holds NaN"),
        (b'{"const": -1e999}', (1, 11), "holds -1e999, which is beyond"),
        (b"\xef\xbb\xbf{}", (1, 1), "byte order mark"),
        (b'{"a": "\xff"}', (1, 8), "not UTF-8"),
        (b"[" * (DEEPEST + 1), (1, DEEPEST + 1), "nested deeper"),
        (b"[" * 100_000, (1, DEEPEST + 1), "nested deeper"),
        (b'{"a": ' + b"9" * 5000 + b"}", (1, 1), "number"),
    ],
)
def test_what_has_no_reading_is_named_where_it_is(octets: bytes, at: tuple[int, int], sentence: str) -> None:
    with pytest.raises(Flaw, match=sentence) as caught:
        read(octets)
    text = octets.decode("utf-8", "replace")
    assert line_and_column(text, caught.value.offset) == at


def test_brackets_in_texts_are_not_depth() -> None:
    assert read(json.dumps("[" * 500).encode())[1] == "[" * 500
