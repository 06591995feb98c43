"""What is wrong with a schema beyond its grammar."""

import pytest

from gateway.policy.schema.lint import MOST_SHOWN, remarks

TREE = {"anyOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}, "b": {}}}]}


@pytest.mark.parametrize(
    ("schema", "at", "sentence", "hint", "warning"),
    [
        (
            {"properties": {"a": {"maxLenght": 3}}},
            ("properties", "a", "maxLenght"),
            "checks nothing",
            "maxLength?",
            True,
        ),
        ({"zzz": 1}, ("zzz",), "checks nothing", "begin names of your own with x-", True),
        ({"lessonId": {"type": "string"}}, ("lessonId",), "checks nothing", "below properties", True),
        ({"items": {"nullable": True}}, ("items", "nullable"), "checks nothing", '["string", "null"]', True),
        ({"x-mesage": "No."}, ("x-mesage",), "says nothing", "x-message?", True),
        (
            {"items": {"type": "number", "minLength": 2}},
            ("items", "minLength"),
            "checks nothing of number",
            "type",
            True,
        ),
        ({"$ref": "file:///etc/hostname"}, ("$ref",), "refers to file:///etc/hostname", "$defs", False),
        ({"$ref": "http://127.0.0.1/x"}, ("$ref",), "nothing is fetched", "$defs", False),
        ({"$ref": "other.json"}, ("$ref",), "a file stands alone", "$defs", False),
        ({"$ref": "#/$defs/a"}, ("$ref",), "refers to nothing in this file", "$defs", False),
        ({"$ref": 5}, ("$ref",), "must be a text", "", False),
        ({"items": {"$dynamicRef": "#a"}}, ("items", "$dynamicRef"), "is not taken", "#/$defs/NAME", False),
        ({"items": {"$id": "http://a"}}, ("items", "$id"), "is not taken inside", "", False),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, ("$schema",), "another version", "2020-12", False),
        ({"$ref": "#"}, (), "refers to itself", "", False),
        (TREE, (), "more than 64 times", "max_depth", False),
        ({"x-message": 5}, ("x-message",), "must be a text", "", False),
    ],
)
def test_a_remark(schema: object, at: tuple[str, ...], sentence: str, hint: str, warning: bool) -> None:
    (remark,) = remarks(schema, 32)
    assert (remark.at, remark.warning) == (at, warning)
    assert sentence in remark.sentence
    assert hint in remark.hint


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "a", "x-own": 1, "x-message": "No."},
        {"properties": {"maxLenght": {"const": {"zzz": 1}}}, "examples": [{"zzz": 1}], "enum": [{"$ref": "x"}]},
        {"$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}}}, "$ref": "#/$defs/a"},
    ],
)
def test_no_remark(schema: object) -> None:
    assert list(remarks(schema, 32)) == []


def test_all_are_reported_together() -> None:
    assert len(list(remarks({"$ref": "a", "items": {"$ref": "b", "typ": 1}}, 32))) == 3


def test_what_is_wrong_is_shown_beside_any_number_of_unknown_names() -> None:
    found = list(remarks({**{f"name{index}": 1 for index in range(100)}, "$ref": "a"}, 32))
    assert [remark.warning for remark in found] == [False] + [True] * MOST_SHOWN
