"""What one JSON Schema admits and another refuses: set difference by the experimental API of jsonschema-rs.

Golden tests hold the API to what is known of it. The caller bounds the time: 20,000 members of an ``enum`` take minutes.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import jsonschema_rs
from jsonschema_rs.canonical import Containment

JsonSchema = dict[str, object] | bool


class Exists(enum.StrEnum):
    """Whether there is a value that the one schema admits and the other refuses."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Difference(NamedTuple):
    """``values`` is a schema of what the one admits and the other refuses; None where that is nothing or cannot be written."""

    exists: Exists
    values: JsonSchema | None


_EXISTS = {Containment.YES: Exists.NO, Containment.NO: Exists.YES}


def difference(schema: JsonSchema, other: JsonSchema) -> Difference:
    """The values that ``schema`` admits and ``other`` refuses; both are valid (``policy.schema.validator``).

    NO is proved, as far as formats are those of the library; for UNKNOWN it proves neither.
    """
    exists = Exists.UNKNOWN
    try:
        mine, its = _canonical(schema), _canonical(other)
        exists = _EXISTS.get(its.covers(mine), exists)
        if exists == Exists.NO:
            return Difference(exists, None)
        values: object = mine.subtract(its).to_json_schema()
    except ValueError:  # more than it can write down, or two schemas that both refer to their own "#"
        return Difference(exists, None)
    return Difference(exists, values if isinstance(values, dict | bool) else None)


def _canonical(schema: JsonSchema) -> jsonschema_rs.CanonicalSchema:
    draft = jsonschema_rs.Draft202012
    return jsonschema_rs.canonicalize(schema, draft=draft, validate_formats=True, offline=True)
