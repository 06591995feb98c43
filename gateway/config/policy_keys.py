"""The keys after which routes and ``defaults`` name their policies, as the rows of ``policy.kinds`` have them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema, create_model

from gateway.policy.base.settings import Advice
from gateway.policy.kinds import ROUTE_KINDS, Kind

M = TypeVar("M", bound=BaseModel)

INHERITED: tuple[Kind, ...] = tuple(kind for kind in ROUTE_KINDS if kind.inherited)
"""The kinds that ``defaults`` name for routes that say nothing."""


UNKNOWN = "?"
"""Takes the place of names that cannot be read, which is reported where they are written: no policy has this name, so
nothing is concluded from it."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """Stands where a route could name a policy: the route goes without one, and ``none`` is why."""

    none: str


def _policy_or_waiver(value: object) -> str | Waiver | None:
    """The name of a policy, or ``{none: "why"}``. Raises Advice for anything else."""
    if value is None or isinstance(value, Waiver):
        return value
    if isinstance(value, str) and value not in ("", "none"):
        return value
    reason = value.get("none") if isinstance(value, dict) and len(value) == 1 else None
    if isinstance(reason, str) and reason.strip():
        return Waiver(reason)
    if value == "none" or (isinstance(value, dict) and "none" in value):
        raise Advice("gives no reason", 'write {none: "why"}: a reviewer reads it')
    raise Advice("is neither a name nor a reason to go without", 'write the name of a policy, or {none: "why"}')


_WAIVABLE: Mapping[str, object] = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"none": {"type": "string", "minLength": 1, "description": "Why the route goes without."}},
            "required": ["none"],
            "additionalProperties": False,
        },
        {"type": "null"},
    ]
}


def keys_of_routes() -> Callable[[type[M]], type[M]]:
    """Adds a key for each kind of policy that routes name."""
    return _with(
        {kind.route_key: (_type_of(kind), Field(default=None, description=kind.about or None)) for kind in ROUTE_KINDS}
    )


def _type_of(kind: Kind) -> Any:
    if kind.many:
        return tuple[str, ...] | None
    if kind.waivable:
        return Annotated[str | Waiver | None, PlainValidator(_policy_or_waiver), WithJsonSchema(dict(_WAIVABLE))]
    return str | None


def keys_of_defaults() -> Callable[[type[M]], type[M]]:
    """Adds a key for each kind of policy that routes inherit."""
    return _with(
        {
            kind.route_key: (tuple[str, ...], Field(default=(), description=kind.about))
            if kind.many
            else (str | None, Field(default=None, description=kind.about))
            for kind in INHERITED
        }
    )


def _with(fields: Mapping[str, Any]) -> Callable[[type[M]], type[M]]:
    def add(model: type[M]) -> type[M]:
        with warnings.catch_warnings():
            # BaseModel.schema(), which a key of that name hides, is deprecated since pydantic 2 and not used here.
            warnings.filterwarnings("ignore", 'Field name "schema" in ', UserWarning)
            return create_model(
                model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **fields
            )

    return add


def names_of(written: BaseModel, kind: Kind) -> tuple[str, ...] | None:
    """The policies of ``kind`` that a route or the defaults name; None where they name none."""
    value = getattr(written, kind.route_key)
    if isinstance(value, Waiver):
        return ()
    return ((value,) if value else None) if isinstance(value, str) else value


def waivers_of(written: BaseModel) -> dict[str, str]:
    """Why a route goes without the policies of a kind, by section."""
    found = ((kind.section, getattr(written, kind.route_key)) for kind in ROUTE_KINDS if kind.waivable)
    return {section: value.none for section, value in found if isinstance(value, Waiver)}


def policies_of(defaults: BaseModel) -> dict[str, tuple[str, ...]]:
    """The names of the policies of ``defaults`` by section, without a word such as ``public`` that is none."""
    return {
        kind.section: tuple(name for name in names_of(defaults, kind) or () if not kind.opt_out or name != kind.opt_out)
        for kind in INHERITED
    }
