"""Whether two settings are the same. To Python ``True``, ``1`` and ``1.0`` are equal, and not to a policy: a claim that must be
``true`` is not one that must be ``1``, and ``per_client: 100%`` is not ``per_client: 1``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from pydantic import BaseModel


def same(one: object, other: object) -> bool:
    """Whether the two are equal, and of the same types all the way down."""
    return one == other and _alike(one, other)


def _alike(one: object, other: object) -> bool:
    """Whether two that are equal are of the same types."""
    if type(one) is not type(other):
        return False
    if isinstance(one, BaseModel):
        return _alike(one.__dict__, other.__dict__)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(_alike(each, other[key]) for key, each in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return all(map(_alike, one, other))
    if is_dataclass(one):
        return all(_alike(getattr(one, each.name), getattr(other, each.name)) for each in fields(one) if each.compare)
    return True
