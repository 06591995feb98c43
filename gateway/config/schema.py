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
_AS_THEY_ARE = frozenset(("enum", "required", "const", "propertyNames", "markdownEnumDescriptions"))
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


def schema_of_file(model: type[Model], description: str) -> Schema:
    """The schema of a file that is one ``model``, whose values are not replaced by ``${NAME}``. What comes several times in it
    stands in ``$defs``."""
    schema = model.model_json_schema(mode="validation", schema_generator=_Described)
    definitions = {name: _simple(one, {}, False) for name, one in schema.pop("$defs", {}).items()}
    return {**_file(_simple(schema, {}, False), description), "$defs": definitions}


def _file(schema: Schema, description: str) -> Schema:
    return {"$schema": _DIALECT, "description": description, **{k: v for k, v in schema.items() if k != "description"}}


def _section(kind: type[Policy]) -> Schema:
    return {
        "type": "object",
        "description": _markdown(inspect.cleandoc(kind.__doc__ or "")),
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
    flat: Schema = _simple(schema, definitions, True)
    return flat


def _simple(part: Any, definitions: Schema, references: bool) -> Any:
    """``part`` without the generator's titles, with those of ``definitions`` in place, and with texts in Markdown.

    With ``references`` a ``${NAME}`` is allowed for every value."""
    if isinstance(part, list):
        return [_simple(item, definitions, references) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part and definitions:
        target = definitions[part["$ref"].rpartition("/")[2]]
        part = {**target, **{key: value for key, value in part.items() if key not in ("$ref", "default")}}
    kept = {
        key: _keyword(key, value, part, definitions, references)
        for key, value in part.items()
        if key not in ("title", "x-secret") and (key, value) != ("default", None)  # an editor would complete null
    }
    return _or_reference(kept) if references else kept


def _keyword(key: str, value: Any, part: Schema, definitions: Schema, references: bool) -> Any:
    """The ``value`` of one keyword of ``part``, made simple."""
    if key == "properties":
        return {name: _simple(inner, definitions, references) for name, inner in value.items()}
    if key == "default":
        return _default(value, part)
    if key == "description":
        return _markdown(value)
    return value if key in _AS_THEY_ARE else _simple(value, definitions, references)


def _markdown(text: str) -> str:
    """A docstring as editors show it."""
    return text.replace("``", "`")


def _default(value: Any, part: Schema) -> Any:
    """A default as people write it: durations are kept as seconds, and what is not there as None."""
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if inner is not None}
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
