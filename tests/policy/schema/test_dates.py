"""Where a schema has dates."""

import pytest

from gateway.policy.schema.dates import is_date

DATE = {"type": "string", "format": "date-time"}
SCHEMA = {
    "type": "object",
    "properties": {
        "at": DATE,
        "name": {"type": "string"},
        "either": {"anyOf": [{"type": "null"}, DATE]},
        "all": {"allOf": [{"$ref": "#/$defs/when"}]},
        "list": {"type": "array", "items": DATE},
        "free": {"additionalProperties": {"anyOf": [DATE, {}]}},
        "unknown": {"additionalProperties": {}},
        "pair": {"prefixItems": [{"type": "string"}, DATE]},
        "tree": {"$ref": "#/$defs/tree"},
    },
    "additionalProperties": {"properties": {"at": DATE}},
    "$defs": {"when": DATE, "tree": {"properties": {"at": DATE, "below": {"items": {"$ref": "#/$defs/tree"}}}}},
}


@pytest.mark.parametrize(
    "path",
    [
        "at",
        "either",
        "all",
        "list.0",
        "list.17",
        "pair.1",
        "other.at",
        "free.since",
        "tree.at",
        "tree.below.3.below.0.at",
    ],
)
def test_a_date_of_the_schema(path: str) -> None:
    assert is_date(SCHEMA, path.split("."))


@pytest.mark.parametrize(
    "path", ["name", "unknown.since", "list", "pair.0", "pair.2", "tree", "other", "at.x", "none.of.it"]
)
def test_no_date_of_the_schema(path: str) -> None:
    assert not is_date(SCHEMA, path.split("."))


def test_the_whole_input_may_be_one() -> None:
    assert is_date(DATE, ())
    assert not is_date(True, ())


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    assert not is_date({"$ref": "#"}, ["a"])
