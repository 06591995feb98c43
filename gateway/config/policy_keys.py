"""The keys after which routes and ``defaults`` name their policies, as the rows of ``policy.kinds`` have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, Field, create_model

from gateway.policy.kinds import ROUTE_KINDS, Kind

M = TypeVar("M", bound=BaseModel)

INHERITED: tuple[Kind, ...] = tuple(kind for kind in ROUTE_KINDS if kind.inherited)
"""The kinds that ``defaults`` name for routes that say nothing."""


UNKNOWN = "?"
"""Takes the place of names that cannot be read, which is reported where they are written: no policy has this name, so
nothing is concluded from it."""


def keys_of_routes() -> Callable[[type[M]], type[M]]:
    """Adds a key for each kind of policy that routes name."""
    return _with(
        {
            kind.route_key: (
                tuple[str, ...] | None if kind.many else str | None,
                Field(default=None, description=kind.about or None),
            )
            for kind in ROUTE_KINDS
        }
    )


def keys_of_defaults() -> Callable[[type[M]], type[M]]:
    """Adds a key for each kind of policy that routes inherit."""
    return _with({kind.route_key: (tuple[str, ...], ()) if kind.many else (str | None, None) for kind in INHERITED})


def _with(fields: Mapping[str, Any]) -> Callable[[type[M]], type[M]]:
    def add(model: type[M]) -> type[M]:
        return create_model(
            model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **fields
        )

    return add


def names_of(written: BaseModel, kind: Kind) -> tuple[str, ...] | None:
    """The policies of ``kind`` that a route or the defaults name; None where they name none."""
    value = getattr(written, kind.route_key)
    return ((value,) if value else None) if isinstance(value, str) else value


def policies_of(defaults: BaseModel) -> dict[str, tuple[str, ...]]:
    """The names of the policies of ``defaults`` by section, without a word such as ``public`` that is none."""
    return {
        kind.section: tuple(name for name in names_of(defaults, kind) or () if not kind.opt_out or name != kind.opt_out)
        for kind in INHERITED
    }
