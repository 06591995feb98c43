"""The settings of one policy of ``schemas``, with the files that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from gateway.core.strict_json import DEEPEST
from gateway.policy.base.settings import Advice, Policy, whole

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


class Settings(Policy):
    """One entry of ``schemas``: JSON Schemas (2020-12) for the inputs of procedures, and for bodies and queries of routes."""

    files: Annotated[SchemaFiles, PlainValidator(_files), WithJsonSchema({"type": "string", "pattern": r"\.json$"})]
    """Such as ``inputs/*.json``, from the folder of this file on. ``NAME.json`` is for the input of the procedure NAME, or the
    body of the route NAME; ``NAME.query.json`` for the query of that route."""
    max_depth: Annotated[int, Field(ge=1, le=DEEPEST), BeforeValidator(whole)] = 32
    """Objects and lists inside each other, at most."""

    def reasons(self) -> frozenset[str]:
        """See ``Policy.reasons``."""
        return frozenset(("json_malformed", "schema_refused"))
