"""Examples of schemas: one of the first candidates is admitted, and no schema takes long."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.policy.schema.compare import JsonSchema
from gateway.policy.schema.validator import compiled
from gateway.review.examples import examples
from tests.processor_time import processor_time


def deep(levels: int) -> JsonSchema:
    inner: JsonSchema = {"const": "here"}
    for _ in range(levels):
        inner = {"type": "object", "properties": {"a": inner}, "required": ["a"]}
    return inner


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"type": "null"},
        {"type": ["integer", "null"]},
        {"type": "string", "minLength": 1000, "maxLength": 1000},
        {"type": "string", "format": "email", "minLength": 255},
        {"type": "string", "format": "uri", "minLength": 300},
        {"type": "string", "allOf": [{"pattern": "^[a-z]+$"}, {"minLength": 3}]},
        {
            "type": "string",
            "minLength": 8,
            "allOf": [{"pattern": one} for one in ("[A-Z]", "[a-z]", r"\d", "[^A-Za-z0-9]")],
        },
        {"type": "string", "pattern": "^[a-z]+@([a-z0-9]+\\.)+[a-z]{2,}$", "minLength": 255, "maxLength": 255},
        {"type": "integer", "minimum": 7, "multipleOf": 5},
        {"type": "number", "exclusiveMinimum": 5, "exclusiveMaximum": 6},
        {"type": "array", "minItems": 3, "items": {"type": "integer"}, "uniqueItems": True},
        {"type": "array", "items": {"enum": [1, 2]}, "contains": {"const": 2}},
        {"type": "array", "prefixItems": [{"const": 1}, {"type": "boolean"}], "minItems": 2},
        {"type": "object", "minProperties": 4},
        {"type": "object", "required": ["x"], "patternProperties": {"^x-[a-z]{3}$": {"type": "integer"}}},
        {"not": {"propertyNames": {"enum": ["a"]}}, "type": "object", "properties": {"a": {"const": 1}}},
        {"oneOf": [{"type": "object", "required": ["a"]}, {"const": "b"}]},
        {
            "$ref": "#/$defs/tree",
            "$defs": {"tree": {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}}}},
        },
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 5}}},
        {"$ref": "#/$defs/a/anyOf/1", "$defs": {"a": {"anyOf": [True, {"const": 5}]}}},
        {"$ref": "#/%24defs/%C3%A9", "$defs": {"\u00e9": {"const": 5}}},
        {"allOf": [{"type": "object", "properties": {one: {"const": [one]}}, "required": [one]} for one in "ab"]},
        {"type": "object", "minProperties": 2, "propertyNames": {"enum": ["a", "b", "other"]}, "required": ["a"]},
        {"type": "object", "minProperties": 1, "propertyNames": True},
        deep(40),
    ],
    ids=lambda schema: str(schema)[:60],
)
def test_one_is_admitted(schema: JsonSchema) -> None:
    admits = compiled(schema).validator.is_valid
    assert any(admits(value) for value in examples(schema))


def everywhere() -> dict[str, Any]:
    return {f"p{at}": {"$ref": "#"} for at in range(60)}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": everywhere(), "required": [*everywhere()]},
        {"anyOf": [{"$ref": "#"}] * 60},
        {"$ref": "#"},
        {"$ref": "#/$defs/nowhere"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"type": "string", "minLength": 10**18},
        {"type": "array", "minItems": 10**18, "items": True},
        {"type": "object", "minProperties": 10**18},
        {"type": "integer", "minimum": 10**400, "multipleOf": 3},
        {"type": "number", "multipleOf": 5e-324, "minimum": 1e308},
        {"enum": list(range(50_000))},
        {"type": "object", "properties": {f"p{at}": {"type": "string"} for at in range(5_000)}},
        False,
    ],
    ids=lambda schema: str(schema)[:60],
)
def test_no_schema_takes_long(schema: JsonSchema) -> None:
    assert processor_time(lambda: list(examples(schema)), enough=1.0) < 1.0
