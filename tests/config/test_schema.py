"""The JSON Schemas of the files: each stands alone, and takes what the language takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.config.load import shipped_kinds
from gateway.config.schema import schema_of_file, schemas
from gateway.core.units import DURATION_PATTERN
from gateway.policy.base.settings import Duration, Model, Policy
from gateway.policy.kinds import ROUTE_KINDS, SECTIONS


class Settings(Policy):
    """How long, and which."""

    after: Duration = 90.0
    which: str = "a"


def test_every_part_stands_in_place() -> None:
    text = json.dumps(schemas(shipped_kinds()))
    assert "$ref" not in text and "$defs" not in text and "x-secret" not in text


def values(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Every schema below ``schema`` that is a mapping with named keys."""
    found = [schema] if "properties" in schema else []
    for inner in schema.values():
        for part in inner if isinstance(inner, list) else inner.values() if isinstance(inner, dict) else ():
            found += values(part) if isinstance(part, dict) else []
        found += values(inner) if isinstance(inner, dict) and "properties" in inner else []
    return found


def test_no_mapping_takes_unknown_keys() -> None:
    for schema in schemas(shipped_kinds()).values():
        assert values(schema)
        for part in values(schema):
            assert part["additionalProperties"] is False


def undescribed(schema: Any, path: str) -> list[str]:
    """The paths of the keys below ``schema`` of which an editor would show nothing."""
    found = []
    for name, part in schema.get("properties", {}).items():
        arms = [part, *part.get("anyOf", ())]
        found += [] if any(arm.get("description") for arm in arms) else [f"{path}.{name}"]
        found += undescribed(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        found += undescribed(schema[key], f"{path}.NAME") if isinstance(schema.get(key), dict) else []
    for arm in schema.get("anyOf", ()):
        found += undescribed(arm, path)
    return found


@pytest.mark.parametrize("name", ["upstreams", *SECTIONS])
def test_every_key_has_a_text_for_editors(name: str) -> None:
    assert undescribed(schemas(shipped_kinds())[name], name) == []


def test_no_editor_completes_null() -> None:
    text = json.dumps(schemas(shipped_kinds()))
    assert '"default": null' not in text and "``" not in text


def test_what_comes_several_times_in_another_file_stands_apart() -> None:
    class Toys(Model):
        first: Settings
        second: Settings

    found = schema_of_file(Toys, "Toys.")
    assert found["description"] == "Toys." and list(found["$defs"]) == ["Settings"]
    assert found["properties"]["first"] == {"$ref": "#/$defs/Settings"}
    assert found["$defs"]["Settings"]["properties"]["after"] == {
        "type": "string", "pattern": DURATION_PATTERN, "default": "90s"
    }  # fmt: skip


def test_there_is_one_for_the_entry_file_and_one_for_each_kind() -> None:
    assert list(schemas(shipped_kinds())) == ["upstreams", *SECTIONS]


def test_a_kind_becomes_the_schema_of_its_file() -> None:
    found = schemas({"toys": Settings})["toys"]
    assert found["description"] == "Policies of the kind toys."
    assert list(found["properties"]) == ["toys", "acknowledge"]
    toys = found["properties"]["toys"]
    assert toys["description"] == "How long, and which."
    assert toys["additionalProperties"]["properties"]["after"]["default"] == "90s"


@pytest.mark.parametrize("key", [kind.route_key for kind in ROUTE_KINDS])
def test_a_route_may_name_a_policy_of_each_kind(key: str) -> None:
    route = schemas({})["upstreams"]["properties"]["routes"]["items"]
    assert key in route["properties"]


def test_a_reference_stands_in_for_every_value_but_free_text() -> None:
    properties = schemas({"toys": Settings})["toys"]["properties"]["toys"]["additionalProperties"]["properties"]
    assert {"type": "string", "pattern": r"\$\{"} in properties["after"]["anyOf"]
    assert properties["which"]["type"] == "string"


def test_every_file_may_acknowledge() -> None:
    found = schemas(shipped_kinds())
    one = found["upstreams"]["properties"]["acknowledge"]
    assert all(schema["properties"]["acknowledge"] == one for schema in found.values())
    assert set(one["items"]["required"]) == {"by", "reason", "until"}
    assert set(one["items"]["properties"]) == {"by", "reason", "until", "loosens", "finding", "at"}
