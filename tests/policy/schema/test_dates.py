"""Where a schema has dates."""

import json
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from gateway.policy.schema.dates import MOST_KEPT, Positions, are_dates
from tests.processor_time import takes_at_most

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
        "named": {
            "properties": {"at_note": {"type": "string"}},
            "patternProperties": {"^at_": DATE, "_text$": {"type": "string"}},
            "additionalProperties": DATE,
        },
        "pair": {"prefixItems": [{"type": "string"}, DATE]},
        "tree": {"$ref": "#/$defs/tree"},
    },
    "additionalProperties": {"properties": {"at": DATE}},
    "$defs": {"when": DATE, "tree": {"properties": {"at": DATE, "below": {"items": {"$ref": "#/$defs/tree"}}}}},
}


def is_date(schema: object, path: Iterable[str]) -> bool:
    return Positions(schema).has_date(path)


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
    "path",
    [
        "name",
        "unknown.since",
        "named.some_text",
        "list",
        "pair.0",
        "pair.2",
        "list.\u0662",
        "tree",
        "other",
        "at.x",
        "none.of.it",
    ],
)
def test_no_date_of_the_schema(path: str) -> None:
    assert not is_date(SCHEMA, path.split("."))


def test_the_whole_input_may_be_one() -> None:
    assert is_date(DATE, ())
    assert not is_date(True, ())


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    assert not is_date({"$ref": "#"}, ["a"])


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("2026-01-02T03:04:05.678Z", True),
        ("2026-01-02t03:04:05+01:00", True),
        ("soon", False),
        ("2026-01-02", False),
        ("2026-02-30T00:00:00Z", False),
        ("", False),
    ],
)
@pytest.mark.parametrize(
    ("path", "value"),
    [(("either",), {"either": "?"}), (("free", "a.b"), {"free": {"a.b": "?"}}), (("list", "1"), {"list": ["x", "?"]})],
)
def test_what_another_alternative_takes_is_no_date(path: tuple[str, ...], value: Any, text: str, good: bool) -> None:
    value = json.loads(json.dumps(value).replace("?", text))
    open_schema = Positions({"anyOf": [True, SCHEMA]})
    assert are_dates(Positions(SCHEMA), value, [path]) is good
    assert are_dates(open_schema, value, [path]) is good
    assert not are_dates(open_schema, {**value, "name": text}, [path, ("name",)])


TIME = "2026-01-01T00:00:00Z"
MANY = 1_200  # dates of 64 KiB, each with its path beside it


@pytest.mark.parametrize(
    ("schema", "value", "path"),
    [
        ({"properties": {"l": {"items": {"anyOf": [{"type": "null"}, DATE]}}}}, {"l": [TIME] * MANY}, "l.{}"),
        ({"additionalProperties": DATE}, {str(number): TIME for number in range(MANY)}, "{}"),
        ({"patternProperties": {"^[0-9]+$": DATE}}, {str(number): TIME for number in range(MANY)}, "{}"),
        (
            {"items": {"$ref": "#/$defs/one"}, "$defs": {"one": {"properties": {"a": DATE}}}},
            [{"a": TIME}] * MANY,
            "{}.a",
        ),
    ],
)
def test_as_many_dates_as_a_body_may_have_take_milliseconds(schema: object, value: object, path: str) -> None:
    paths = [tuple(path.format(number).split(".")) for number in range(MANY)]
    assert are_dates(Positions(schema), value, paths)
    assert takes_at_most(0.0025, lambda: are_dates(Positions(schema), value, paths), 5)


def test_what_is_kept_of_names_that_requests_bring_has_a_bound() -> None:
    positions = Positions({"properties": {"at": DATE}, "additionalProperties": DATE})
    value = {f"n{number}": "2026-01-02T03:04:05Z" for number in range(3 * MOST_KEPT)} | {
        "x" * 300: "2026-01-02T03:04:05Z"
    }
    assert are_dates(positions, value, [("x" * 300,)])
    alone = sys.getsizeof(positions._steps)
    for name in value:
        assert are_dates(positions, value, [(name,)])
        assert not are_dates(positions, {**value, "m": "x"}, [("m",)]) if name.endswith("000") else True
    assert len(positions._steps) <= MOST_KEPT + 1
    assert alone == sys.getsizeof({}), "a long name is not kept"
