"""What two schemas differ in: which way, an example that both validators confirm, and nothing looser that is missed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.schema.compare import Exists, JsonSchema
from gateway.policy.schema.validator import SchemaError, compiled
from gateway.review.examples import examples
from gateway.review.inputs import ADDED, REMOVED, Direction, SchemaChange, Side, compared, names, unknown

TEXT: JsonSchema = {"type": "string", "maxLength": 254}
LONGER: JsonSchema = {"type": "string", "maxLength": 300}
LOOK_AHEAD: JsonSchema = {"type": "string", "pattern": "^(?!a)b+$"}
TREE = {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "array", "items": {"$ref": "#"}}]}
TALLER_TREE = {"anyOf": [{"type": "string", "maxLength": 6}, {"type": "array", "items": {"$ref": "#"}}]}


def inside(schema: JsonSchema) -> JsonSchema:
    """As an optional member of the items of a list."""
    items = {"type": "object", "properties": {"a": schema, "b": True}, "additionalProperties": False}
    return {"type": "object", "properties": {"list": {"type": "array", "items": items}}}


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [
        (TEXT, {"maxLength": 254, "type": "string"}, Direction.SAME),
        (TEXT, {"allOf": [{"$ref": "#/$defs/x"}], "$defs": {"x": TEXT}}, Direction.SAME),
        (TEXT, LONGER, Direction.LOOSER),
        (LONGER, TEXT, Direction.TIGHTER),
        (inside(TEXT), inside(LONGER), Direction.LOOSER),
        (TREE, TALLER_TREE, Direction.LOOSER),
        ({"const": 1}, {"const": True}, Direction.BOTH),
        ({"const": 1}, {"const": 1.0}, Direction.SAME),
        ({"type": "null"}, {"type": ["null", "object"]}, Direction.LOOSER),
        (True, False, Direction.TIGHTER),
        (False, {}, Direction.LOOSER),
        ({"type": "string", "format": "email"}, {"type": "string"}, Direction.LOOSER),
        ({"type": "string", "format": "uuid"}, {"type": "string", "format": "email"}, Direction.BOTH),
        (
            {"type": "string", "pattern": "^[a-z]{2,3}(-[A-Z]{2})?$"},
            {"type": "string", "pattern": "^[a-z]{2,4}(-[A-Z]{2})?$"},
            Direction.LOOSER,
        ),
        (LOOK_AHEAD, {"type": "string", "pattern": "^(?!x)b+$"}, Direction.UNKNOWN),
    ],
)
def test_verdict(old: JsonSchema, new: JsonSchema, direction: Direction) -> None:
    found = compared(old, new)
    assert found.direction == direction
    assert found.loosens == (direction not in (Direction.SAME, Direction.TIGHTER))
    confirmed(found, old, new)
    if direction in (Direction.LOOSER, Direction.BOTH):
        assert found.gained.example
    if direction in (Direction.TIGHTER, Direction.BOTH):
        assert found.lost.example


def confirmed(found: SchemaChange, old: JsonSchema, new: JsonSchema) -> None:
    """Every example is what it is given for."""
    admitted, admits = compiled(old).validator.is_valid, compiled(new).validator.is_valid
    for side, more, less in ((found.gained, admits, admitted), (found.lost, admitted, admits)):
        if side.example:
            assert side.exists == Exists.YES
            assert more(json.loads(side.example)) and not less(json.loads(side.example))


def test_what_is_only_added_or_gone() -> None:
    assert names({"b": 1, "a": 1}, {"c": 1, "b": 1}) == ["a", "b", "c"]
    assert (ADDED.loosens, REMOVED.loosens, unknown("why").loosens) == (False, True, True)
    assert unknown("why") == SchemaChange(Direction.UNKNOWN, Side(Exists.UNKNOWN), Side(Exists.UNKNOWN), "why")


@pytest.mark.parametrize(
    "half",
    [{"const": "\ud800"}, {"enum": ["\udfff", 1]}, {"pattern": "[\\ud700-\\ue000]"}, {"pattern": "\\ud800"}],
    ids=repr,
)
def test_half_a_surrogate_pair_is_no_example(half: JsonSchema) -> None:
    for old, new in ((True, half), (half, True)):
        with contextlib.suppress(SchemaError):
            confirmed(compared(old, new), old, new)


# As zod writes a sign-up: patterns that all hold for one text, one of them with look-ahead.
SIGN_UP: dict[str, Any] = {
    "type": "object",
    "properties": {
        "email": {
            "type": "string",
            "format": "email",
            "maxLength": 254,
            "pattern": "^(?!\\.)[a-z0-9.]+@([a-z0-9-]+\\.)+[a-z]{2,}$",
        },
        "password": {
            "type": "string",
            "minLength": 8,
            "maxLength": 128,
            "allOf": [{"pattern": one} for one in ("[A-Z]", "[a-z]", "[0-9]", "[^A-Za-z0-9]")],
        },
        "locale": {"type": "string", "pattern": "^[a-z]{2,3}(-[A-Z]{2})?$"},
        "level": {"enum": ["a", "b"]},
        "goal": {"type": "integer", "minimum": 5, "maximum": 120},
        "list": {"type": "array", "minItems": 1, "maxItems": 10, "items": {"type": "string", "format": "uuid"}},
        "accepted": {"const": True},
    },
    "required": ["email", "password", "accepted"],
    "additionalProperties": False,
}


def loosened(schema: Any) -> Iterator[Any]:
    """``schema`` with one of its bounds a little wider, or without one of its members, each in turn."""
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        step = 1 if key.startswith("max") else -1 if key.startswith("min") else 0
        if step:
            yield {**schema, key: value + step}
        elif key in ("pattern", "format", "enum", "const", "additionalProperties"):
            yield {name: member for name, member in schema.items() if name != key}
        elif key == "required":
            yield from ({**schema, key: [name for name in value if name != one]} for one in value)
        elif key == "properties":
            yield from ({**schema, key: {**value, name: wide}} for name in value for wide in loosened(value[name]))
        elif key == "items":
            yield from ({**schema, key: wide} for wide in loosened(value))
        elif key == "allOf":
            yield from ({**schema, key: value[:at] + value[at + 1 :]} for at in range(len(value)))


def test_each_bound_that_is_widened_has_its_example() -> None:
    wide = list(loosened(SIGN_UP))
    assert len(wide) == 21
    for new in wide:
        found, back = compared(SIGN_UP, new), compared(new, SIGN_UP)
        assert found.direction == Direction.LOOSER and found.gained.example, new
        assert back.lost.example and not found.lost.example, new
        confirmed(found, SIGN_UP, new)


PART: dict[str, Any] = {
    "type": "object",
    "properties": {
        "email": {"type": "string", "pattern": "^[a-z]+@([a-z0-9]+\\.)+[a-z]{2,}$", "minLength": 50},
        "name": {"type": "string", "pattern": "^[a-zA-Z0-9]+$", "allOf": [{"pattern": "[A-Z]"}, {"pattern": "[0-9]"}]},
        "note": {"type": "string", "maxLength": 5},
    },
    "required": ["email", "name", "note"],
}
OTHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "inner": {"type": "object", "properties": {"a": {"type": "integer", "maximum": 3}}, "required": ["a"]}
    },
    "required": ["inner"],
}


def test_an_example_differs_in_one_member_and_is_right_in_the_others() -> None:
    """Of one object, and of several that hold together, as those of several inputs of a procedure do."""
    both = {"allOf": [PART, OTHER]}
    pairs = [(PART, wide) for wide in loosened(PART)] + [(both, wide) for wide in loosened(both)]
    pairs += [(both, {"allOf": [wide, OTHER]}) for wide in loosened(PART)]
    pairs += [(both, {"allOf": [PART, wide]}) for wide in loosened(OTHER)]
    assert len(pairs) == 23
    for old, new in pairs:
        found = compared(old, new)
        assert found.direction == Direction.LOOSER and found.gained.example, new
        confirmed(found, old, new)


FORMATS = st.sampled_from(["email", "uuid", "date-time", "uri", "date"])
LENGTHS = st.fixed_dictionaries({}, optional={"minLength": st.integers(0, 4), "maxLength": st.integers(2, 6)})
STRINGS = st.builds(
    lambda lengths, more: {"type": "string", **lengths, **more},
    LENGTHS,
    st.one_of(
        st.just({}),
        st.sampled_from(["^[a-z]+$", "^[a-z]{2,3}$", "a", "^a", r"\d$"]).map(lambda one: {"pattern": one}),
        FORMATS.map(lambda one: {"format": one}),
    ),
)
NUMBERS = st.builds(
    lambda name, more: {"type": name, **more},
    st.sampled_from(["number", "integer"]),
    st.fixed_dictionaries(
        {},
        optional={
            "minimum": st.integers(-3, 3),
            "maximum": st.integers(0, 6),
            "multipleOf": st.sampled_from([1, 2, 3]),
        },
    ),
)
ENUMS = st.lists(
    st.sampled_from([1, 2, True, "a", "b", "a@b", "a@b.co", None, [], {}]), min_size=1, max_size=4, unique_by=repr
).map(lambda values: {"enum": values})
LEAVES = st.one_of(STRINGS, NUMBERS, ENUMS, st.sampled_from([True, {"type": "boolean"}, {"type": ["null", "string"]}]))


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda properties, required, more: {"type": "object", "properties": properties, "required": required, **more},
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        st.lists(st.sampled_from("abc"), unique=True, max_size=2),
        st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": {"type": "string"}}]),
    )


def wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        objects(inner),
        st.builds(lambda items, most: {"type": "array", "items": items, "maxItems": most}, inner, st.integers(0, 3)),
        st.builds(
            lambda key, parts: {key: parts},
            st.sampled_from(["anyOf", "allOf"]),
            st.lists(inner, min_size=1, max_size=2),
        ),
        inner.map(lambda one: {"not": one}),
    )


SCHEMAS = st.recursive(LEAVES, wider, max_leaves=6)


@settings(deadline=None)
@given(SCHEMAS, SCHEMAS)
def test_nothing_looser_is_missed(old: JsonSchema, new: JsonSchema) -> None:
    """Whatever the new schema admits and the old one refuses, the finding loosens; and mirrored."""
    found, mirrored = compared(old, new), compared(new, old)
    assert (found.gained, found.lost) == (mirrored.lost, mirrored.gained)
    confirmed(found, old, new)
    admitted, admits = compiled(old).validator.is_valid, compiled(new).validator.is_valid
    for schema in (old, new):
        for value in islice(examples(schema), 60):
            if admits(value) and not admitted(value):
                assert found.loosens
            if admitted(value) and not admits(value):
                assert found.lost.exists != Exists.NO


@settings(deadline=None, max_examples=50)
@given(SCHEMAS)
def test_a_schema_is_the_same_as_itself(schema: JsonSchema) -> None:
    assert compared(schema, schema).direction == Direction.SAME
    assert compared(schema, {"allOf": [schema]}).direction in (Direction.SAME, Direction.UNKNOWN)
