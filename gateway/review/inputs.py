"""Where two sets of input schemas differ in what they admit, name by name."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import NamedTuple

from gateway.policy.schema.compare import Difference, Exists, JsonSchema, difference
from gateway.policy.schema.validator import compiled
from gateway.review.examples import examples


class Direction(enum.StrEnum):
    """How what a name admits has changed."""

    SAME = "same"
    TIGHTER = "tighter"
    LOOSER = "looser"
    BOTH = "both"
    UNKNOWN = "unknown"
    ADDED = "added"
    REMOVED = "removed"


class Side(NamedTuple):
    """Values that the one schema admits and the other refuses.

    ``example`` is one of them as JSON, tried against both schemas; empty where none was found.
    """

    exists: Exists
    example: str = ""


NOTHING = Side(Exists.NO)
NOT_KNOWN = Side(Exists.UNKNOWN)


class SchemaChange(NamedTuple):
    """``gained``: what the new schema admits and the old one refuses; ``lost`` the other way round. ``sentence`` says what
    there is to say of it beside that."""

    direction: Direction
    gained: Side = NOTHING
    lost: Side = NOTHING
    sentence: str = ""

    @property
    def loosens(self) -> bool:
        """Whether more may pass than before: what is not known counts too."""
        return self.gained.exists != Exists.NO


ADDED = SchemaChange(Direction.ADDED, sentence="had no schema before")
# Whatever is sent was refused or admitted by a schema, and now is by none.
REMOVED = SchemaChange(Direction.REMOVED, gained=NOT_KNOWN, sentence="has no schema any more")


def compared(old: JsonSchema, new: JsonSchema) -> SchemaChange:
    """How ``new`` differs from ``old`` in what it admits; both are valid.

    The caller bounds the time: there are schemas that take minutes.
    """
    admitted, admits = compiled(old).validator.is_valid, compiled(new).validator.is_valid

    def shows(value: object, more: bool) -> bool:
        try:
            return admits(value) == more and admitted(value) != more
        except ValueError:  # of a text that is none, such as half a surrogate pair
            return False

    def side(found: Difference, schema: JsonSchema, more: bool) -> Side:
        for source in (found.values, schema):
            for value in examples(source) if source is not None else ():
                if shows(value, more):
                    return Side(Exists.YES, json.dumps(value))
        return Side(found.exists)

    if _text(old) == _text(new):
        return SchemaChange(Direction.SAME)
    # The values of a side are looked for in its schema too: the library knows less of formats than the validator does.
    gained = side(difference(new, old), new, True)
    lost = side(difference(old, new), old, False)
    return SchemaChange(_direction(gained.exists, lost.exists), gained, lost)


def unknown(sentence: str) -> SchemaChange:
    """Of schemas that could not be compared; ``sentence`` says why."""
    return SchemaChange(Direction.UNKNOWN, NOT_KNOWN, NOT_KNOWN, sentence)


def names(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """All names of both sets, in order."""
    return sorted({*old, *new})


def _direction(gained: Exists, lost: Exists) -> Direction:
    if gained == Exists.UNKNOWN:
        return Direction.UNKNOWN
    if gained == Exists.YES:
        return Direction.BOTH if lost == Exists.YES else Direction.LOOSER
    return Direction.SAME if lost == Exists.NO else Direction.TIGHTER


def _text(schema: JsonSchema) -> str:
    """One spelling of a schema. Python's equality would not do: for it 1, 1.0 and true are equal."""
    return json.dumps(schema, sort_keys=True)
