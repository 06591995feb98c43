"""The tree of a YAML file: its values, each with its position in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

NodePath = tuple[str | int, ...]
"""The path from the root of a file to one of its values: keys of mappings and indexes of lists."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """One point of a file. Lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. Its ``repr`` leaves the value out, because after expansion it may be a secret."""

    value: str | int | float | bool | None = field(repr=False)
    position: Position
    quoted: bool = False
    marks: tuple[Position, ...] = ()  # the position of each "${" in the text
    expanded: bool = False  # at least one reference was replaced
    defaults: tuple[str, ...] = ()  # variables that are not set, whose written default was taken
    sources: tuple[str, ...] = ()  # what replaced the references, such as "environment NAME"
    written: str = field(default="", repr=False)  # the text with its references, whose defaults may be secrets
    flaws: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """What the values in place of references have that no secret has, each a sentence and a hint (``core.secret_text``)."""
    broken: bool = False  # a reference could not be replaced, and the problem is reported


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    position: Position
    sources: tuple[str, ...] = ()
    """Where items come from that are not there: references that are empty now."""


@dataclass(frozen=True, slots=True)
class Mapping:
    entries: dict[str, Node]
    keys: dict[str, Position]
    position: Position

    def only(self, names: Iterator[str] | list[str]) -> Mapping:
        """The same mapping, reduced to the keys in ``names``."""
        kept = {name: self.entries[name] for name in names if name in self.entries}
        return Mapping(kept, {name: self.keys[name] for name in kept}, self.position)


Node = Scalar | Sequence | Mapping


def plain(node: Node) -> Any:
    """``node`` as plain Python values, without positions."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


def child(node: Node | None, key: str | int) -> Node | None:
    """The value under ``key`` (a key of a mapping, an index of a list), or None when nothing is written there."""
    if isinstance(node, Mapping) and isinstance(key, str):
        return node.entries.get(key)
    if isinstance(node, Sequence) and isinstance(key, int) and 0 <= key < len(node.items):
        return node.items[key]
    return None


def follow(node: Node, path: NodePath) -> tuple[Node, NodePath]:
    """The deepest written value along ``path``, and the part of ``path`` that leads to it."""
    for depth, key in enumerate(path):
        below = child(node, key)
        if below is None:
            return node, path[:depth]
        node = below
    return node, path


def broken(node: Node) -> bool:
    """Whether some reference at or below ``node`` could not be replaced."""
    if isinstance(node, Mapping):
        return any(broken(value) for value in node.entries.values())
    if isinstance(node, Sequence):
        return any(broken(item) for item in node.items)
    return node.broken


def format_path(path: NodePath) -> str:
    """``path`` as text, such as ``routes[2].rate_limits[0]``."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text
