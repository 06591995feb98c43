"""What a pointer leads to, and which spellings are one value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.base.pointer import MISSING, find, normalized, parse_pointer

# RFC 6901 section 5, with its document
DOCUMENT = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "m~n": 8, " ": 7, "deep": {"list": [{"x": None}]}}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/m~0n", 8),
        ("/ ", 7),
        ("/deep/list/0/x", None),
        ("/foo/2", MISSING),
        ("/foo/00", MISSING),
        ("/foo/-", MISSING),
        ("/foo/²", MISSING),
        ("/foo/bar", MISSING),
        ("/nothing", MISSING),
        ("/a~1b/c", MISSING),
    ],
)
def test_find(pointer: str, value: object) -> None:
    assert find(DOCUMENT, parse_pointer(pointer)) == value


def test_the_escape_of_the_escape_comes_last() -> None:
    assert parse_pointer("/~01") == ("~1",)


def test_a_pointer_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="begins with a slash"):
        parse_pointer("email")


@pytest.mark.parametrize(
    "spelling",
    [
        "ADA@Example.com",
        " ada@example.com\t",
        "\ufeffada@example.com\u3000",
        "\uff41da@example.com",  # a full-width letter
    ],
)
def test_texts_that_a_backend_may_take_for_one(spelling: str) -> None:
    assert normalized(spelling) == normalized("ada@example.com")


def test_folding_goes_beyond_lower_case() -> None:
    assert normalized("STRASSE") == normalized("straße")
    assert normalized("e\u0301") == normalized("\u00c9")
    assert normalized("\u212a") == normalized("k")  # the Kelvin sign


def test_kinds_stay_apart() -> None:
    values = [MISSING, None, "", "null", "1", 1, True, "true", [], {}, ["1"], [1], {"a": 1}, "m", "\ud800"]
    assert len({normalized(value) for value in values}) == len(values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0, -0.0),
        (9007199254740993, 9007199254740992),
        (10**400, float("inf")),
        (-(10**400), float("-inf")),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1.0}),
    ],
)
def test_numbers_are_what_javascript_reads(one: object, other: object) -> None:
    assert normalized(one) == normalized(other)


def test_a_value_too_deep_to_spell() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        normalized(value)
    while value:  # taken apart by hand: so deep a list overruns the interpreter's own clean-up
        value = value.pop()  # type: ignore[assignment]  # only lists were put in


keys = st.text(st.sampled_from("a/~01"), max_size=3)
documents: st.SearchStrategy[Any] = st.recursive(
    st.integers(0, 3) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def paths(document: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every value in ``document`` below its root, with the reference tokens to it."""
    members = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [one for key, value in members for one in [((*path, str(key)), value), *paths(value, (*path, str(key)))]]


@given(documents)
def test_every_value_of_a_document_has_a_pointer(document: Any) -> None:
    for tokens, value in paths(document):
        pointer = "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)
        assert parse_pointer(pointer) == tokens
        assert find(document, parse_pointer(pointer)) is value


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(json_values)
def test_a_value_is_normalized_alike_however_it_was_written(value: Any) -> None:
    written = json.dumps(value)
    assert normalized(json.loads(written)) == normalized(value)
    assert normalized(json.loads(json.dumps(value, indent=1, ensure_ascii=False))) == normalized(value)


@given(st.text(max_size=8))
def test_normalizing_twice_is_normalizing_once(text: str) -> None:
    once = normalized(text)[1:].decode("utf-8", "surrogatepass")
    assert normalized(once) == normalized(text)
