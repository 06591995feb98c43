"""Compiled schemas: what passes, what is refused, and what is no schema."""

import pytest

from gateway.policy.schema.validator import BACKTRACKS, SchemaError, compiled
from tests.processor_time import takes_at_most


def takes(schema: object, value: object) -> bool:
    return compiled(schema).validator.is_valid(value)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a@b.co", True),
        ("a+tag@sub.b.co", True),
        ("a@b", False),
        ("Name <a@b.co>", False),
        ("a@[127.0.0.1]", False),
        ('"x y"@b.co', False),
        ("a@b..co", False),
        ("", False),
    ],
)
def test_an_email_is_what_zod_takes_for_one(text: str, good: bool) -> None:
    assert takes({"format": "email"}, text) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://a.b/c?d=e", True),
        ("file:///data/user/0/picked.jpeg", True),  # what a phone's picker of images gives
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("vbscript:x", False),
        ("no uri", False),
        ("/path", False),
    ],
)
def test_a_uri_runs_nothing(text: str, good: bool) -> None:
    assert takes({"format": "uri"}, text) is good


def test_a_date_is_asserted() -> None:
    assert takes({"format": "date-time"}, "2026-01-01T00:00:00.000Z")
    assert not takes({"format": "date-time"}, "yesterday")


def test_a_length_is_counted_in_characters() -> None:
    assert takes({"maxLength": 4}, "😀" * 4)
    assert not takes({"maxLength": 4}, "😀" * 5)


@pytest.mark.parametrize(
    ("schema", "at", "sentence"),
    [
        ([], (), "is no schema"),
        ("x", (), "is no schema"),
        (None, (), "is no schema"),
        ({"type": "strin"}, ("type",), "is no type"),
        ({"format": "emial"}, ("format",), "format that is not known"),
        ({"properties": {"a": {"pattern": "["}}}, ("properties", "a", "pattern"), "no regular expression"),
        ({"pattern": r"^(?:\w{1,64}\.){1,60}$"}, ("pattern",), "is too large when it is compiled"),
        ({"patternProperties": {"(": {}}}, ("patternProperties", "("), "no regular expression"),
        ({"minLength": -1}, ("minLength",), "must be at least 0"),
        ({"minimum": "3"}, ("minimum",), "must be a number"),
        ({"required": "a"}, ("required",), "must be an array"),
        ({"required": ["a", "a"]}, ("required",), "an entry twice"),
    ],
)
def test_what_is_no_schema_is_named(schema: object, at: tuple[str | int, ...], sentence: str) -> None:
    with pytest.raises(SchemaError, match=sentence) as caught:
        compiled(schema)
    assert tuple(caught.value.at) == at


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("e-mail", "email?"),
        ("datetime", "date-time?"),
        ("dateTime", "date-time?"),
        ("url", "uri?"),
        ("int32", "pattern"),
    ],
)
def test_a_format_that_is_misspelled(name: str, hint: str) -> None:
    with pytest.raises(SchemaError) as caught:
        compiled({"properties": {"a": {"format": name}}})
    assert hint in caught.value.hint


@pytest.mark.parametrize("ref", ["file:///etc/hostname", "http://127.0.0.1:1/x", "other.json"])
def test_nothing_is_fetched(ref: str) -> None:
    with pytest.raises(SchemaError):
        compiled({"$ref": ref})


def test_patterns_are_linear_where_they_can_be() -> None:
    assert not compiled({"pattern": "^(a+)+$"}).backtracks
    assert compiled({"pattern": "^(?!b)a+$"}).backtracks
    schema = compiled({"pattern": "^(a+)+$"}).validator
    assert takes_at_most(0.003, lambda: schema.is_valid("a" * 65_000 + "b"))


def test_a_pattern_that_goes_back_too_often_refuses() -> None:
    schema = compiled({"pattern": r"^(?=(a+)+\1$)b"}).validator
    hostile = "a" * BACKTRACKS + "c"
    assert not schema.is_valid(hostile)
    assert takes_at_most(0.003, lambda: schema.is_valid(hostile))


@pytest.mark.parametrize("text", ["ab " * 21_000, "é" * 32_000, "x" * 65_000, "abx" * 21_000, "xé " * 14_000])
@pytest.mark.parametrize("pattern", [r"^(?:\w{1,64}\.){1,15}$", r"[^x]*x[^y]{400}y", "(a|b|x)*x[abx ]{500}z"])
def test_a_large_pattern_is_searched_for_in_time(pattern: str, text: str) -> None:
    schema = compiled({"pattern": pattern}).validator
    assert takes_at_most(0.003, lambda: schema.is_valid(text))
