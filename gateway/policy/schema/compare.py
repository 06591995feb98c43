"""What one JSON Schema admits and another refuses: set difference by the experimental API of jsonschema-rs.

Golden tests hold the API to what is known of it. The caller bounds the time: 20,000 members of an ``enum`` take minutes.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import jsonschema_rs
from jsonschema_rs.canonical import CanonicalizationError, Containment

Schema = dict[str, Any] | bool


class Held(enum.StrEnum):
    """Whether there is a value that the one schema admits and the other refuses."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Difference(NamedTuple):
    """``values`` is a schema of what the one admits and the other refuses; None where that is nothing or cannot be written."""

    held: Held
    values: Schema | None


_HELD = {Containment.YES: Held.NO, Containment.NO: Held.YES}


def difference(schema: Schema, other: Schema) -> Difference:
    """The values that ``schema`` admits and ``other`` refuses. Raises ValueError for what is no schema.

    Formats count. NO is proved; for UNKNOWN the library proves neither.
    """
    mine, its = _canonical(schema), _canonical(other)
    held = Held.UNKNOWN
    try:
        held = _HELD.get(its.covers(mine), held)
        if held == Held.NO:
            return Difference(held, None)
        values = mine.subtract(its).to_json_schema()
    except CanonicalizationError:  # more than it can write down, or two schemas that both refer to their own "#"
        return Difference(held, None)
    return Difference(held, values if isinstance(values, dict | bool) else None)


def judge(schema: Schema) -> Callable[[object], bool]:
    """Says of a value whether ``schema`` admits it. Raises ValueError for what is no schema."""
    try:
        return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, offline=True).is_valid
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise _unreadable(error) from None


def _canonical(schema: Schema) -> jsonschema_rs.CanonicalSchema:
    draft = jsonschema_rs.Draft202012
    try:
        return jsonschema_rs.canonicalize(schema, draft=draft, validate_formats=True, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:  # its other errors are ValueErrors
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> ValueError:
    """One short line of an error, whose whole text quotes the schema."""
    lines = str(error).splitlines() or [type(error).__name__]
    return ValueError(f"is not a JSON Schema 2020-12 that can be read without a network: {lines[0][:200]}")
