"""JSON Schemas of the files, made from the settings classes, so that editors complete and check while typing.

They are a help and not the judge: ``gateway check`` knows more, such as whether a name refers to something.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping as Named
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from gateway.config.acknowledgements import KEY
from gateway.config.attribute_docs import attribute_docs
from gateway.config.model import Entry
from gateway.config.names import NAME_PATTERN
from gateway.core.units import DURATION_PATTERN
from gateway.policy.base.settings import Model, Policy

Schema = dict[str, Any]

ENTRY = "upstreams"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = {"type": "string", "pattern": r"\$\{"}


def schemas(kinds: Named[str, type[Policy]]) -> dict[str, Schema]:
    """The schema of the entry file under ``upstreams``, and that of a policies file under the name of each section."""
    sections = {name: _section(kind) for name, kind in kinds.items()}
    found = {ENTRY: _file(_of(Entry), "The entry file: listeners, state, upstreams, routes.")}
    acknowledge = found[ENTRY]["properties"][KEY]
    for name, section in sections.items():
        properties = {name: section, KEY: acknowledge}
        schema = {"type": "object", "additionalProperties": False, "properties": properties}
        found[name] = _file(schema, f"Policies of the kind {name}.")
    return found


def _file(schema: Schema, description: str) -> Schema:
    return {"$schema": _DIALECT, "description": description, **{k: v for k, v in schema.items() if k != "description"}}


def _section(kind: type[Policy]) -> Schema:
    return {
        "type": "object",
        "description": inspect.cleandoc(kind.__doc__ or ""),
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": _of(kind),
    }


class _Described(GenerateJsonSchema):
    """Pydantic's generator, with the text under an attribute as the description of its property."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        fields = schema["cls"].model_fields
        for name, text in attribute_docs(schema["cls"]).items():
            if name in fields:
                made["properties"][fields[name].alias or name].setdefault("description", text)
        return made


def _of(model: type[Model]) -> Schema:
    schema = model.model_json_schema(mode="validation", schema_generator=_Described)
    definitions = schema.pop("$defs", {})
    flat: Schema = _simple(schema, definitions)
    return flat


def _simple(part: Any, definitions: Schema) -> Any:
    """``part`` without the generator's titles, with definitions in place, and with ``${NAME}`` allowed for every value."""
    if isinstance(part, list):
        return [_simple(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        target = definitions[part["$ref"].rpartition("/")[2]]
        part = {**target, **{key: value for key, value in part.items() if key not in ("$ref", "default")}}
    kept: Schema = {}
    for key, value in part.items():
        if key == "properties":
            kept[key] = {name: _simple(inner, definitions) for name, inner in value.items()}
        elif key == "default":
            kept[key] = _default(value, part)
        elif key != "title" and key != "x-secret":
            kept[key] = (
                _simple(value, definitions) if key not in ("enum", "required", "const", "propertyNames") else value
            )
    return _or_reference(kept)


def _default(value: Any, part: Schema) -> Any:
    """A default as people write it: durations are kept as seconds."""
    if part.get("pattern") == DURATION_PATTERN and isinstance(value, int | float):
        return f"{value:g}s"
    return value


def _or_reference(schema: Schema) -> Schema:
    """``schema`` for one value, or a reference to the environment in its place."""
    free_text = schema.get("type") == "string" and "pattern" not in schema and "enum" not in schema
    is_value = "enum" in schema or "const" in schema or schema.get("type") in ("string", "integer", "number", "boolean")
    if not is_value or free_text:
        return schema
    outside: Schema = {key: schema.pop(key) for key in ("description", "default") if key in schema}
    return {**outside, "anyOf": [schema, dict(_REFERENCE)]}
