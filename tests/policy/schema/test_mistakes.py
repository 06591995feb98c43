"""What is sound in a schema, and hardly meant."""

from pathlib import Path
from typing import Any

import pytest

from gateway.policy.schema.document import read
from gateway.policy.schema.keywords import subschemas
from gateway.policy.schema.mistakes import mistakes
from tests.processor_time import takes_at_most

SHIPPED = Path(__file__).parents[3] / "policies" / "inputs"


@pytest.mark.parametrize(
    ("schema", "keyword", "sentence", "hint"),
    [
        ({"type": "number", "minLength": 2}, "minLength", "nothing of number", "type"),
        ({"type": ["integer", "null"], "format": "email"}, "format", "nothing of integer or null", "type"),
        ({"type": "string", "minimum": 2}, "minimum", "nothing of string", "type"),
        ({"type": "string", "maxItems": 2}, "maxItems", "nothing of string", "type"),
        ({"type": "array", "required": ["a"]}, "required", "nothing of array", "type"),
        ({"type": "object", "items": {}}, "items", "nothing of object", "type"),
        ({"minLength": 20, "maxLength": 2}, "minLength", "more than maxLength", "swap"),
        ({"minimum": 0.5, "maximum": -1}, "minimum", "more than maximum", "swap"),
        ({"enum": []}, "enum", "nothing passes", "list"),
        ({"pattern": "/^[a-z]+$/"}, "pattern", "slashes", "leave them out"),
        ({"pattern": "/^[a-z]+$/iu"}, "pattern", "slashes", "leave them out"),
        ({"properties": {"lesonId": {}}, "required": ["lessonId"]}, "required", "not in properties", "lesonId?"),
        ({"properties": {"Email": {}, "e": {}}, "required": ["e", "email"]}, "required", "not in properties", "Email?"),
    ],
)
def test_a_mistake(schema: dict[str, object], keyword: str, sentence: str, hint: str) -> None:
    ((at, found, said),) = mistakes(schema)
    assert at == keyword
    assert sentence in found and hint in said


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"minLength": 2, "pattern": "/"},
        {"type": ["string", "null"], "minLength": 2, "maxLength": 2, "format": "email"},
        {"type": ["number", "string"], "minimum": 2, "minLength": 1},
        {"type": "integer", "minimum": 1, "maximum": 1},
        {"properties": {"a1": {}, "a2": {}}, "required": ["a1"]},
        {"properties": {"name": {}}, "required": ["id"]},  # its schema may stand in another part
        {"required": ["id"]},
        {"type": "text", "minLength": 2},
        {"type": ["number", "text"], "minLength": 2},
        {"type": 5, "minLength": 2},  # what is no schema is said elsewhere
        {"minimum": "1", "maximum": 0, "enum": {}, "pattern": 5, "required": "a", "properties": []},
        {"properties": {"a": {}}, "required": [5]},
    ],
)
def test_no_mistake(schema: dict[str, object]) -> None:
    assert list(mistakes(schema)) == []


def test_none_in_the_shipped_files() -> None:
    files = sorted(SHIPPED.glob("*.json"))
    assert len(files) > 56
    for file in files:
        assert [
            list(mistakes(found)) for _, found in subschemas(read(file.read_bytes())[1]) if list(mistakes(found))
        ] == []


@pytest.mark.parametrize(("count", "length"), [(5_000, 20), (22, 64), (22, 10_000)])
def test_many_names_take_no_time(count: int, length: int) -> None:
    schema: dict[str, Any] = {
        "properties": {f"{n:04}{'ab' * length}"[:length]: {} for n in range(count)},
        "required": [f"{n:04}{'ba' * length}"[:length] for n in range(count)],
    }
    assert takes_at_most(0.25, lambda: list(mistakes(schema)), 3)
