"""What an upload may hold: the parts of a form. YAML section ``uploads``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.policy.base.order import Orders
from gateway.policy.base.settings import Advice, ByteSize, Model, Policy
from gateway.policy.upload import orders
from gateway.policy.upload.pattern import check
from gateway.policy.upload.signatures import ANY, FAMILIES, KNOWN_TYPES

MEDIA_TYPE = "multipart/form-data"

LONGEST_VALUE = 64 * 1024
"""Bytes of a text part, at most: it is held until it is judged."""

MOST_VALUES = 256 * 1024
"""Bytes of all text parts of a form together, at most."""

MOST_PARTS = 64
"""Parts of a form, at most."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\[\]-]{0,63}").fullmatch


def _part_name(name: str) -> str:
    if not _NAME(name):
        raise Advice("is no name of a part", "write letters, digits and _ . - [ ], at most 64 of them")
    return name


def _file_type(name: str) -> str:
    name = name.lower()
    if name not in KNOWN_TYPES and name != ANY:
        raise Advice("is a type whose content the gateway cannot tell", _meant(name))
    return name


def _meant(name: str) -> str:
    """What to write in place of the type ``name``: the nearest ones, else those of its kind."""
    bare, parameters, _ = name.partition(";")
    if parameters and bare in KNOWN_TYPES:
        return f"write {bare}: parameters do not count"
    known = sorted(KNOWN_TYPES)
    close = [each for each in known if each.endswith(f"/{bare}")] or difflib.get_close_matches(bare, known, 3, 0.8)
    if close:
        return f"did you mean {' or '.join(close)}?"
    kind = [each for each in known if each.startswith(bare.partition("/")[0] + "/")]
    return f"write types in full, of {', '.join(kind or known)}"


PartName = Annotated[str, AfterValidator(_part_name)]
FileType = Annotated[str, AfterValidator(_file_type)]


class Part(Model):
    """One part of a form: a file where it has ``types``, else a text."""

    types: tuple[FileType, ...] = ()
    """The media types that a file may have, by its declaration and by its content."""
    max: ByteSize
    """The most bytes of it."""
    required: bool = False
    """A form without it is refused."""
    as_: Annotated[dict[FileType, FileType], Field(alias="as")] = Field(default_factory=dict)
    """Declared types that are accepted too, and what the upstream is given in their place, without parameters."""
    pattern: str | None = None
    """The whole of a text must match it. ``\\d``, ``\\w`` and ``\\s`` are of ASCII, as in JavaScript."""

    ORDERS: ClassVar[Orders] = orders.OF_PARTS

    @model_validator(mode="after")
    def _makes_sense(self) -> Part:
        if self.max < 1:
            raise ValueError("max must be at least 1: an empty part says nothing")
        if not self.types and self.as_:
            raise ValueError("as is for files, and a part without types is a text: write types beside it")
        if self.types and self.pattern is not None:
            raise ValueError("pattern is for texts, and a part with types is a file: write one of the two")
        if self.types and ANY in self.types and not KNOWN_TYPES & {*self.types, *self.as_}:
            raise Advice(f"types has nothing but {ANY}, which says nothing", "add the types that a file may be")
        for source, target in self.as_.items():
            self._check_rename(source, target)
        if not self.types and self.max > LONGEST_VALUE:
            raise ValueError("max of a text must be at most 64KiB: it is held until it is judged")
        if self.pattern is not None and (wrong := check(self.pattern, self.max)):
            raise Advice(f"pattern {wrong}", "write one such as [a-z]{2,3}(-[A-Z]{2})?, with few and bounded repeats")
        return self

    def _check_rename(self, source: str, target: str) -> None:
        if target not in self.types:
            raise Advice(f"as leads to {target}, which is not among types", f"add {target} to types")
        if not FAMILIES.get(source, frozenset()) & FAMILIES.get(target, frozenset()):
            raise Advice(
                f"as leads from {source} to {target}, which names another kind of file",
                f"add {source} to types where the upstream takes it",
            )


class Settings(Policy):
    """A form, by the parts that it may have, each of them once."""

    parts: Annotated[dict[PartName, Part], Field(min_length=1, max_length=MOST_PARTS)]
    """The parts by their names."""
    others: Literal["refuse"] = "refuse"
    """What becomes of a form with other parts."""

    ORDERS: ClassVar[Orders] = orders.ORDERS

    def reasons(self) -> frozenset[str]:
        """See ``Policy.reasons``."""
        found = {"upload_malformed", "upload_too_large"}
        if any(part.types for part in self.parts.values()):
            found.add("upload_type_refused")
        return frozenset(found)

    @model_validator(mode="after")
    def _makes_sense(self) -> Settings:
        if sum(part.max for part in self.parts.values() if not part.types) > MOST_VALUES:
            raise ValueError(
                "the max of all texts together must be at most 256KiB: they are held until they are judged"
            )
        return self


Parts = Mapping[str, Part]
