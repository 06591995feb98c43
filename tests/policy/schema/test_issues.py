"""What is wrong with a value: few issues, bounded work, and nothing of what was sent."""

import json
from typing import Any

import pytest

from gateway.core.issue import Issue
from gateway.policy.schema.cost import cost_of
from gateway.policy.schema.issues import MOST, issues_of, values_of
from gateway.policy.schema.validator import compiled
from tests.processor_time import takes_at_most


def issues(schema: object, value: object, call: int = 0) -> list[Issue]:
    return issues_of(compiled(schema).validator, schema, cost_of(schema, 32), value, call, False)


SIGNUP = {
    "type": "object",
    "properties": {
        "email": {"type": "string", "format": "email"},
        "password": {"type": "string", "minLength": 8},
        "bio": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "extra": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"n": {"type": "number"}}},
        },
    },
    "required": ["email", "password"],
    "additionalProperties": False,
}


def test_each_field_has_its_issue() -> None:
    found = issues(SIGNUP, {"email": "x", "bio": "long", "tags": ["a", 5], "hush": 1}, 3)
    assert {issue.path: issue.code for issue in found} == {
        ("email",): "invalid_format",
        ("password",): "invalid_type",
        ("bio",): "too_big",
        ("tags", 1): "invalid_type",
        (): "unrecognized_keys",
    }
    assert {issue.call for issue in found} == {3}
    assert "hush" not in json.dumps(found)


def test_a_name_that_the_client_has_chosen_is_not_repeated() -> None:
    (found,) = issues(SIGNUP, {"email": "a@b.co", "password": "12345678", "extra": {"hush": {"n": "x"}}})
    assert found.path == ("extra",)
    assert "hush" not in json.dumps(found)


@pytest.mark.parametrize("value", [5, [], True])
def test_alternatives_of_which_none_is_meant_are_one_issue(value: object) -> None:
    (found,) = issues({"anyOf": [{"type": "string"}, {"type": "null"}]}, value)
    assert found.code == "invalid_union"


def test_the_alternative_with_the_right_discriminator_is_meant() -> None:
    kinds = [
        {
            "type": "object",
            "properties": {"kind": {"const": kind}, "n": {"type": "number", "minimum": 5}},
            "required": ["kind"],
        }
        for kind in ("a", "b")
    ]
    (found,) = issues({"oneOf": kinds}, {"kind": "b", "n": 1})
    assert (found.path, found.code) == (("n",), "too_small")


def test_there_are_ten_at_most() -> None:
    assert len(issues({"items": {"type": "string"}}, list(range(100)))) == MOST


def test_values_are_counted_to_a_bound() -> None:
    assert values_of({"a": [1, {"b": 2}], "c": 3}, 100) == 6
    assert values_of([0] * 50_000, 2000) > 2000
    assert takes_at_most(0.0005, lambda: values_of([[[]] * 1000] * 1000, 2000))


def tower(count: int) -> dict[str, Any]:
    return {
        "anyOf": [
            {"type": "object", "properties": {"k": {"const": index}}, "required": ["k"]} for index in range(count)
        ]
    }


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"type": "string"}}, list(range(2500))),
        ({"items": {"type": "string"}}, list(range(1900))),
        ({"items": {"type": "string"}}, [1e300, -1e300] * 950),
        ({"items": {"type": "string"}}, [1e-300, -5e-324] * 950),
        ({"items": {"maximum": 100}}, [1.7976931348623157e308] * 1900),
        ({"items": tower(8)}, [{"k": 99}] * 1200),
        ({"items": {"enum": [f"{index}" for index in range(1000)]}}, ["x"] * 2500),
        ({"enum": [{"a": list(range(100))}] * 50}, {"a": list(range(2400))}),
        ({"uniqueItems": True}, [{"a": index} for index in range(1250)] + [{"a": 0}]),
        ({"uniqueItems": True}, [{"a": [index]} for index in range(800)] + [{"a": [0]}]),
        ({"items": {"pattern": "^(a+)+$"}}, ["a" * 60_000 + "b"]),
        ({"items": {"pattern": r"^(?=(a+)+\1$)b"}}, ["a" * 1000 + "c"] * 60),
        ({"additionalProperties": False}, {f"k{index}": 1 for index in range(2500)}),
        ({"required": [f"r{index}" for index in range(60)]}, {"a": "x" * 65_000}),
        ({"items": {"format": "email"}}, ["a." * 30_000 + "@b.co"]),
        ({"items": {"format": "email"}}, ["a@b"] * 2500),
        ({"items": {"format": "date-time"}}, ["2026-01-01T00:00:00Z"] * 2499 + ["x"]),
        ({"propertyNames": {"maxLength": 1}}, {f"k{index}": 1 for index in range(2500)}),
        ({"unevaluatedProperties": False, "anyOf": tower(8)["anyOf"]}, {f"k{index}": 1 for index in range(2500)}),
        ({"items": {"not": {"type": "number"}}}, list(range(2500))),
        ({"contains": {"const": "x"}}, list(range(2500))),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_hostile_value_is_judged_in_time(schema: object, value: object) -> None:
    """64 KiB of JSON in 2,500 values, which is what the reading before lets pass."""
    validator, cost = compiled(schema).validator, cost_of(schema, 32)

    def judge() -> list[Issue]:
        return [] if validator.is_valid(value) else issues_of(validator, schema, cost, value, 0, False)

    assert judge()
    assert takes_at_most(0.003, judge)
