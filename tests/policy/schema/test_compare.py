"""The set difference of jsonschema-rs, an experimental API: golden cases that hold it to what the gateway relies on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gateway.policy.schema.compare import Difference, Exists, difference
from gateway.policy.schema.validator import compiled

SIGN_UP: dict[str, Any] = {
    "type": "object",
    "properties": {
        "email": {"type": "string", "format": "email", "maxLength": 254},
        "password": {"type": "string", "minLength": 8, "maxLength": 128},
        "locale": {"type": "string", "pattern": "^[a-z]{2,3}(-[A-Z]{2})?$"},
        "level": {"enum": ["a", "b"]},
    },
    "required": ["email", "password"],
    "additionalProperties": False,
}
LOOK_AHEAD = "^(?!\\.)(?!.*\\.\\.)[a-z.]+$"


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The schema of a sign-up with one change."""
    schema = copy.deepcopy(SIGN_UP)
    change(schema)
    return schema


def of_email(**members: Any) -> Callable[[dict[str, Any]], object]:
    return lambda schema: schema["properties"]["email"].update(members)


def as_reference(schema: dict[str, Any]) -> None:
    schema["$defs"] = {"email": schema["properties"]["email"]}
    schema["properties"]["email"] = {"$ref": "#/$defs/email"}


# The change, then whether the new schema admits more, and whether the old one does.
GOLDEN: dict[str, tuple[Callable[[dict[str, Any]], object], Exists, Exists]] = {
    "nothing": (lambda schema: None, Exists.NO, Exists.NO),
    "required dropped": (lambda schema: schema.update(required=["email"]), Exists.YES, Exists.NO),
    "a longer email": (of_email(maxLength=300), Exists.UNKNOWN, Exists.NO),
    "additionalProperties opened": (lambda schema: schema.pop("additionalProperties"), Exists.UNKNOWN, Exists.NO),
    "a pattern without its end": (
        lambda schema: schema["properties"]["locale"].update(pattern="^[a-z]{2,3}(-[A-Z]{2})?"),
        Exists.UNKNOWN,
        Exists.UNKNOWN,
    ),
    "no pattern": (lambda schema: schema["properties"]["locale"].pop("pattern"), Exists.YES, Exists.NO),
    "an enum that grew": (lambda schema: schema["properties"]["level"]["enum"].append("c"), Exists.YES, Exists.NO),
    "a reference in place of a part": (as_reference, Exists.NO, Exists.NO),
    "tightened": (lambda schema: schema["properties"]["password"].update(minLength=12), Exists.NO, Exists.YES),
    "a look-ahead": (of_email(pattern=LOOK_AHEAD), Exists.NO, Exists.YES),
    "no format": (lambda schema: schema["properties"]["email"].pop("format"), Exists.YES, Exists.NO),
    "another type": (lambda schema: schema["properties"].update(level={"type": "integer"}), Exists.YES, Exists.YES),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    change, gained, lost = GOLDEN[name]
    new = changed(change)
    assert (difference(new, SIGN_UP).exists, difference(SIGN_UP, new).exists) == (gained, lost)


def test_two_look_aheads_are_not_decided() -> None:
    assert difference({"pattern": LOOK_AHEAD}, {"pattern": "^(?!x)[a-z.]+$"}).exists == Exists.UNKNOWN


def test_the_values_of_a_difference_are_a_schema() -> None:
    values = difference(changed(lambda schema: schema["properties"]["level"]["enum"].append("c")), SIGN_UP).values
    assert values is not None
    assert compiled(values).validator.is_valid({"email": "a@b.co", "password": "12345678", "level": "c"})
    assert not compiled(values).validator.is_valid({"email": "a@b.co", "password": "12345678", "level": "a"})


def test_what_cannot_be_written_down_has_no_values() -> None:
    def named(more: int) -> dict[str, Any]:
        parts = [{"type": "string", "maxLength": length + more} for length in range(80)]
        members = [{"properties": {f"p{at}": part}, "required": [f"p{at}"]} for at, part in enumerate(parts)]
        return {"type": "object", "anyOf": members}

    found = difference(named(1), named(0))
    assert (found.exists, found.values) == (Exists.UNKNOWN, None)


def test_two_schemas_that_refer_to_themselves_are_not_decided() -> None:
    tree = {"type": "array", "items": {"$ref": "#"}}
    assert difference({**tree, "maxItems": 2}, {**tree, "maxItems": 1}).exists == Exists.UNKNOWN


@pytest.mark.parametrize("schema", [{"$ref": "#/$defs/nowhere"}, {"$ref": "http://127.0.0.1:1/a"}, {"pattern": "("}])
def test_what_the_library_does_not_take_is_not_decided(schema: dict[str, Any]) -> None:
    assert difference(schema, False) == difference(True, schema) == Difference(Exists.UNKNOWN, None)
