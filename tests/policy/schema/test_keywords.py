"""The schemas below a schema."""

import pytest

from gateway.policy.schema.keywords import subschemas, target

SCHEMA = {
    "properties": {"a": {"items": {"not": {"const": 1}}}, "properties": {}},
    "anyOf": [True, {"required": ["x"]}],
    "enum": [{"properties": {"no": {}}}],
    "$defs": {"b/c": {}},
}


def test_every_schema_is_found_and_no_value() -> None:
    assert {path for path, _ in subschemas(SCHEMA)} == {
        (),
        ("properties", "a"),
        ("properties", "properties"),
        ("properties", "a", "items"),
        ("properties", "a", "items", "not"),
        ("anyOf", 1),
        ("$defs", "b/c"),
    }


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("#", ()),
        ("#/$defs/b~1c", ("$defs", "b/c")),
        ("#/%24defs/b~1c", ("$defs", "b/c")),
        ("#/anyOf/1", ("anyOf", 1)),
        ("#/properties%2Fa/items", ("properties", "a", "items")),
        ("#/$defs/b%7E1c", ("$defs", "b/c")),
        ("#/$defs/b%2Fc", None),
        ("#/anyOf/2", None),
        ("#/nothing", None),
        ("#anchor", None),
        ("http://a/b", None),
        (5, None),
    ],
)
def test_where_a_reference_leads(reference: object, path: tuple[str | int, ...] | None) -> None:
    found = target(SCHEMA, reference)
    assert (found and found[0]) == path
