"""Values for reading a configuration without the environment: a reference that has no default is a stand-in for its name.

Two sides that are read so can be compared on every machine: the same reference has the same value on both, another one has
another value, and no secret is read at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError, create_model

from gateway.config.model import Entry
from gateway.config.shape import types_of
from gateway.config.stand_ins import StandIns
from gateway.config.tree import NodePath, format_path
from gateway.core.secret import Secret
from gateway.policy.auth.stand_in import stand_in_key
from gateway.policy.base.settings import WRITTEN, Model
from gateway.policy.kinds import SECTIONS


@dataclass(slots=True)
class ByReference(StandIns):
    """Stands in for every reference without a default, those to files that are here among them. ``unfit`` are the settings
    for which nothing was found that they take."""

    unfit: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    """The reference that each value stands in for."""

    def replaces_files(self) -> bool:
        return True

    def value(
        self, name: str, path: NodePath, secret: bool, within: Callable[[str], str] = lambda text: text
    ) -> str | None:
        """What stands in for ``name`` at ``path``, where the whole text is ``within(value)``: of the kind that the setting takes.
        None where nothing is found that it takes."""
        if name not in self.names:
            self.names.append(name)
        digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        taken = _Taken.at(path)
        candidates = _candidates(digest, taken.kinds, secret, str(path[-1]))
        if path[0] == "auth" and "public_key" in path:
            candidates = iter((stand_in_key(digest),))
        found = next((each for each in candidates if taken.takes(within(each))), None)
        if found is None:
            self.unfit.append(f"{format_path(path)} ({name})")
        else:
            self.values[found] = name
        return found


class Guesses(ByReference):
    """Stands in for what is missing alone, by values that the settings take: the configuration can be compiled, and tried."""

    def replaces_files(self) -> bool:
        return False


def _candidates(digest: str, kinds: Sequence[Any], secret: bool, key: str) -> Iterator[str]:
    """Values of many kinds that differ with ``digest``; names lead nowhere (RFC 6761 section 6.4)."""
    if secret:
        yield digest  # as strong as a secret has to be
    number = int(digest[:6], 16)
    if key in ("host", "region", "deny"):  # which take any text
        yield f"127.{number % 251}.{number // 251 % 251}.1" if key == "host" else f"n{digest[:12]}"
    yield f"https://{digest[:12]}.invalid"
    yield f"rediss://{digest[:12]}.invalid"
    yield f"10.{number % 251}.{number // 251 % 251}.{1 + number // 63001 % 251}"
    yield str(2000 + number % 40_000)
    yield str(1 + number % 97)
    yield f"{1 + number % 299}s"
    yield f"{1 + number % 3000}/minute"
    yield f"{2000 + number % 40_000}KiB"
    yield f"{1 + number % 97}%"
    yield f"n{digest[:12]}"
    yield f"127.{number % 251}.{number // 251 % 251}.1"
    yield f"/{digest[:12]}"
    yield f"2999-{1 + number % 12:02}-{1 + number // 12 % 28:02}"
    yield from ("true", "1", "GET")
    for kind in kinds:
        for inner in types_of(kind):
            if get_origin(inner) is Literal:
                yield from (str(each) for each in get_args(inner))


class _Taken:
    """What the value at one path of a file may be: each kind with all that is checked of it."""

    def __init__(self, kinds: tuple[Any, ...]) -> None:
        self.kinds = kinds
        self._any = not kinds or Secret in kinds
        self._models: list[type[Model]] = [create_model("One", __base__=Model, value=(kind, ...)) for kind in kinds]

    @staticmethod
    @lru_cache(maxsize=1024)  # making a model takes a millisecond, and two sides have much in common
    def at(path: NodePath) -> _Taken:
        return _Taken(tuple(_annotations(path)))

    def takes(self, text: str) -> bool:
        return self._any or any(_is_valid(model, text) for model in self._models)


def _is_valid(model: type[Model], text: str) -> bool:
    try:
        model.model_validate({"value": text}, context={**WRITTEN, "base": Path()})
    except ValidationError:
        return False
    return True


def _annotations(path: NodePath) -> Iterator[Any]:
    """What the value at ``path`` of a file may be, with all that is checked of it."""
    kinds: list[Any] = [Entry]
    below = path
    if path and path[0] in SECTIONS:
        settings = SECTIONS[str(path[0])].settings
        kinds, below = [settings] if settings is not None else [], path[2:]
    for step in below:
        kinds = [inner for kind in kinds for each in types_of(kind) for inner in _below(each, step)]
    yield from kinds


def _below(kind: Any, key: str | int) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if key == (field.alias or name):
                inner: Any = field.annotation
                for each in field.metadata:
                    inner = Annotated[inner, each]
                yield inner
    elif get_args(kind) and get_origin(kind) in (dict, tuple, list):
        yield get_args(kind)[1 if get_origin(kind) is dict else 0]
