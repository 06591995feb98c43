"""What a schema may cost, before it judges anything."""

import json
from typing import Any

import pytest

from gateway.policy.schema.cost import MOST_VISITS, Endless, cost_of
from gateway.policy.schema.schema import MOST_JUDGED
from gateway.policy.schema.validator import compiled
from tests.processor_time import takes_at_most

VALUES = [{"type": "null"}, {"type": "string"}, {"type": "number"}]
JSON = {"anyOf": [*VALUES, {"items": {"$ref": "#"}}, {"additionalProperties": {"$ref": "#"}}]}


def alternatives(count: int) -> dict[str, Any]:
    """A tree whose nodes are of so many kinds, each of which has nodes below it."""
    node = {"properties": {"below": {"$ref": "#"}}}
    return {"anyOf": [{**node, "required": [str(index)]} for index in range(count)]}


def test_values_without_alternatives_are_judged_once() -> None:
    assert cost_of({"properties": {"a": {"type": "string"}, "b": {"items": {"type": "string"}}}}, 32).visits == 1


def test_alternatives_of_different_types_do_not_multiply() -> None:
    assert cost_of(JSON, 32).visits <= 8


def test_alternatives_that_lead_back_do() -> None:
    assert cost_of(alternatives(2), 3).visits <= MOST_VISITS
    assert cost_of(alternatives(2), 32).visits > MOST_VISITS


def test_a_tower_of_alternatives_is_counted_without_climbing_it() -> None:
    tower: dict[str, Any] = {"$defs": {"0": {"type": "string"}}, "$ref": "#/$defs/30"}
    for level in range(1, 31):
        below = {"$ref": f"#/$defs/{level - 1}"}
        tower["$defs"][str(level)] = {"anyOf": [below, below]}
    assert takes_at_most(0.05, lambda: cost_of(tower, 32))
    assert cost_of(tower, 32).visits > MOST_VISITS


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, {"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#"}}}}],
)
def test_a_schema_without_an_end_is_named(schema: object) -> None:
    with pytest.raises(Endless):
        cost_of(schema, 32)


def test_what_may_be_judged_often_enough_is_judged_in_time() -> None:
    """The bound is a bound: a document of 2,500 values, each judged as often as may be."""
    schema = {"items": {"anyOf": [{"required": ["x"]} for _ in range(MOST_VISITS - 2)]}}
    assert cost_of(schema, 32).visits <= MOST_VISITS
    validator = compiled(schema).validator
    value = [{"y": 1}] * 1000 + [{"x": 1}]
    assert takes_at_most(0.003, lambda: validator.is_valid([{"x": 1}] * 2500))
    assert takes_at_most(0.003, lambda: validator.is_valid(value))
    deep = json.loads("[" * 32 + "]" * 32)
    assert takes_at_most(0.003, lambda: compiled(JSON).validator.is_valid([deep] * 78))


def test_the_names_of_a_schema_are_known() -> None:
    assert cost_of({"properties": {"a": {"required": ["b"]}}, "patternProperties": {"c": {}}}, 32).names == {"a", "b"}


def test_errors_are_counted_with_what_they_copy() -> None:
    assert cost_of({"items": {"enum": list(range(1000))}}, 32).errors == 126
    assert cost_of({"type": "string", "maxLength": 5}, 32).errors == 2


def test_what_takes_long_counts_more() -> None:
    assert cost_of({"items": {"multipleOf": 0.1}}, 32).work > 20
    assert cost_of({"items": {"multipleOf": 5}}, 32).work == 1
    assert cost_of({"enum": [{"a": index} for index in range(500)]}, 32).work == 1501
    assert cost_of({"enum": list(range(500))}, 32).work == 1
    assert cost_of({"enum": ["a", "b"]}, 32).work == 1
    assert cost_of({"enum": ["a", 1, None]}, 32).work == 4
    assert cost_of({"minimum": 0, "maximum": 5}, 32).work == 1
    assert cost_of({"dependentRequired": {"a": ["b"], "b": ["a"]}}, 32).work == 3


@pytest.mark.parametrize(
    "schema",
    [
        {"minimum": 0.5, "maximum": 1000.5, "exclusiveMinimum": 0.1},
        {"not": {"const": 0.25}},
        {"not": {"enum": [index + 0.25 for index in range(500)]}},
        {"not": {"enum": [2**64 + index for index in range(500)]}},
        {"enum": [*(f"v{index}" for index in range(498)), None, "v"]},
        {"dependentRequired": {f"p{index}": ["x"] for index in range(1000)}},
    ],
    ids=lambda schema: str(schema)[:40],
)
def test_what_takes_long_is_counted_as_long_as_it_takes(schema: object) -> None:
    """As many values as ``MOST_JUDGED`` lets pass are judged in time."""
    items = {"items": schema}
    validator = compiled(items).validator
    count = min(6_500, MOST_JUDGED // cost_of(items, 32).work)
    samples: list[object] = [499.25, 7, "v", {}]
    for value in samples:
        content = [value] * count
        assert takes_at_most(0.003, lambda content=content: validator.is_valid(content))  # type: ignore[misc]  # the content of now


def test_a_long_way_of_references_is_counted_without_going_it() -> None:
    way: dict[str, Any] = {str(index): {"$ref": f"#/$defs/{index + 1}"} for index in range(1100)}
    assert cost_of({"$ref": "#/$defs/0", "$defs": {**way, "1100": {}}}, 32).visits > MOST_VISITS
    assert cost_of({"$defs": {**way, "1100": {}}}, 32).visits == 1


def test_each_item_of_a_tuple_is_judged_by_its_own_schema() -> None:
    many = {"prefixItems": [{"type": "string"}] * 100, "items": {"type": "number"}}
    assert cost_of(many, 32).visits == 1
    assert cost_of({**many, "contains": {"const": 1}}, 32).visits == 2
