"""The settings of one policy of ``schemas``, with the files that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from gateway.core.strict_json import DEEPEST
from gateway.policy.base.order import Danger, Effect, Orders, SettingChange, below, changed, more_is_looser
from gateway.policy.base.settings import Advice, Policy, whole
from gateway.policy.base.written import NONE

SUFFIX = ".json"
QUERY = ".query"
"""What the names of the files end with, the second of those for queries before the first."""


@dataclass(frozen=True, slots=True)
class SchemaFiles:
    """The files that ``pattern`` names: the bytes of each by its name, as it was when the configuration was read."""

    pattern: str
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return self.pattern


def _files(value: Any) -> SchemaFiles:
    if isinstance(value, SchemaFiles):
        return value
    if not isinstance(value, str) or not value.endswith(".json") or "**" in value:
        raise Advice("names no files of JSON", "write a pattern such as inputs/*.json, from the folder of this file on")
    return SchemaFiles(value)


def _canonical(octets: bytes) -> str:
    """The same text for the same JSON, however it is laid out."""
    try:
        return json.dumps(json.loads(octets), sort_keys=True)
    except ValueError:  # which is reported where the file is read
        return repr(octets)


def _digest(octets: bytes | None) -> str:
    return NONE if octets is None else f"sha256:{sha256(_canonical(octets).encode()).hexdigest()[:16]}"


def _file_changes(old: SchemaFiles, new: SchemaFiles) -> Iterator[SettingChange]:
    """The schemas that differ as text. What two of them admit, ``review.inputs`` compares; without that nobody can tell."""
    for stem in sorted(old.contents.keys() | new.contents.keys()):
        octets, others = old.contents.get(stem), new.contents.get(stem)
        if octets == others:
            continue
        before, after = _digest(octets), _digest(others)
        if before == after:
            continue
        # An input without a schema is refused, and a query without one is not looked at.
        looser = NONE not in (before, after) or (after == NONE) is stem.endswith(QUERY)
        effect = Effect.LOOSENS if looser else Effect.TIGHTENS
        yield below(stem, changed(effect, before, after, Danger.CHECK, _why(stem, before, after)))


def _why(stem: str, before: str, after: str) -> str:
    if NONE not in (before, after):
        return "Its schema is another, and may admit what was refused."
    if stem.endswith(QUERY):
        return "Nothing looks at its query any more." if after == NONE else "Its query has to fit a schema."
    if after == NONE:
        return "It has no schema any more, and what has none is refused."
    return "It had no schema, and what has none was refused: now it passes."


class Settings(Policy):
    """One entry of ``schemas``: JSON Schemas (2020-12) for the inputs of procedures, and for bodies and queries of routes."""

    files: Annotated[SchemaFiles, PlainValidator(_files), WithJsonSchema({"type": "string", "pattern": r"\.json$"})]
    """Such as ``inputs/*.json``, from the folder of this file on. ``NAME.json`` is for the input of the procedure NAME, or the
    body of the route NAME; ``NAME.query.json`` for the query of that route."""
    max_depth: Annotated[int, Field(ge=1, le=DEEPEST), BeforeValidator(whole)] = 32
    """Objects and lists inside each other, at most."""

    ORDERS: ClassVar[Orders] = {
        "files": _file_changes,
        "max_depth": more_is_looser(
            Danger.LOAD, "Inputs that are nested deeper pass.", "Inputs that are nested deeper are refused."
        ),
    }

    def reasons(self) -> frozenset[str]:
        """See ``Policy.reasons``."""
        return frozenset(("json_malformed", "schema_refused"))
