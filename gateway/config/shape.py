"""The shape of a settings class, compared with a written tree: its known keys and its secrets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from gateway.config.tree import Mapping, Node, NodePath, Scalar, Sequence
from gateway.core.secret import Secret


def types_of(annotation: Any) -> Iterator[Any]:
    """The types of an annotation, with ``Annotated`` removed and unions taken apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from types_of(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for arm in get_args(annotation):
            yield from types_of(arm)
    else:
        yield annotation


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _below(kind: Any, key: str | int) -> Any:
    """The annotation of the value under ``key`` in a value of type ``kind``; None when it is not known."""
    if _is_model(kind):
        field = kind.model_fields.get(key)
        return field.annotation if field else None
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return arguments[1]
    return arguments[0] if get_origin(kind) in (tuple, list) and arguments else None


def known_keys(model: type[BaseModel], path: NodePath) -> list[str]:
    """The keys that the mapping at ``path`` in ``model`` may have; empty when it may have any key."""
    kinds: list[Any] = [model]
    for key in path:
        kinds = [inner for kind in kinds for inner in types_of(_below(kind, key))]
    return sorted(
        {field.alias or name for kind in kinds if _is_model(kind) for name, field in kind.model_fields.items()}
    )


def models_below(model: type[BaseModel], path: NodePath = ()) -> Iterator[tuple[NodePath, type[BaseModel]]]:
    """``model`` and every settings class below it, each with the path to it; keys of a user's own are ``NAME``."""
    yield path, model
    for name, field in model.model_fields.items():
        for kind in types_of(field.annotation):
            origin = get_origin(kind)
            inner = get_args(kind)[-1] if origin is dict else get_args(kind)[0] if origin in (tuple, list) else kind
            below = (*path, field.alias or name, *(("NAME",) if origin is dict else ()))
            for one in types_of(inner):
                if _is_model(one):
                    yield from models_below(one, below)


def holds_secret(annotation: Any, path: NodePath) -> bool:
    """Whether ``annotation`` declares the value at ``path`` below it a secret."""
    kinds = list(types_of(annotation))
    for key in path:
        kinds = [inner for kind in kinds for inner in types_of(_below(kind, key))]
    return Secret in kinds


@cache
def holds_secrets(model: type[BaseModel]) -> bool:
    """Whether a secret may be anywhere in ``model``."""
    fields = (field for _, below in models_below(model) for field in below.model_fields.values())
    return any(_is_secret(field.annotation) for field in fields)


def _is_secret(annotation: Any) -> bool:
    return any(kind is Secret or any(_is_secret(inner) for inner in get_args(kind)) for kind in types_of(annotation))


def secrets(annotation: Any, node: Node, path: NodePath = ()) -> Iterator[tuple[NodePath, Scalar]]:
    """Path and value of every scalar below ``node`` that ``annotation`` declares a secret."""
    for kind in types_of(annotation):
        if kind is Secret and isinstance(node, Scalar):
            yield path, node
        elif isinstance(node, Mapping):
            for key, value in node.entries.items():
                yield from secrets(_below(kind, key), value, (*path, key))
        elif isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                yield from secrets(_below(kind, index), item, (*path, index))
