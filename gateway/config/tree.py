"""What was written in YAML, as values that still know where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

NodePath = tuple[str | int, ...]
"""The way from the root of a file to one of its values: keys and list positions."""


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
    """One value. It does not print itself: after expansion it may hold a secret."""

    value: str | int | float | bool | None = field(repr=False)
    position: Position
    quoted: bool = False
    marks: tuple[Position, ...] = ()  # where each "${" of the text stands
    expanded: bool = False  # at least one reference was replaced
    defaults: tuple[str, ...] = ()  # variables that were not set, so that their written default was taken
    broken: bool = False  # a reference could not be replaced; the problem is already told


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class Mapping:
    entries: dict[str, Node]
    keys: dict[str, Position]
    position: Position

    def only(self, names: Iterator[str] | list[str]) -> Mapping:
        """The same mapping with no keys but ``names``."""
        kept = {name: self.entries[name] for name in names if name in self.entries}
        return Mapping(kept, {name: self.keys[name] for name in kept}, self.position)


Node = Scalar | Sequence | Mapping


def plain(node: Node) -> Any:
    """The bare values below ``node``, without their places."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


def child(node: Node | None, step: str | int) -> Node | None:
    """The value one step down, or None when nothing is written there."""
    if isinstance(node, Mapping) and isinstance(step, str):
        return node.entries.get(step)
    if isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def follow(node: Node, path: NodePath) -> tuple[Node, NodePath]:
    """The deepest written value on the way ``path``, and how much of the way leads to it."""
    for depth, step in enumerate(path):
        below = child(node, step)
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
    """``path`` as people read it: ``routes[2].rate_limits[0]``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
