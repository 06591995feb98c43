"""Problems of the configuration: where each one is, what it is, and how to put it right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.config.tree import Node, NodePath, Position, follow, format_path


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem. ``hint`` names the remedy and may be empty. Neither sentence ever holds a secret."""

    file: str
    line: int
    column: int
    path: str
    sentence: str
    hint: str = ""

    def __str__(self) -> str:
        parts = (f"{self.file}:{self.line}:{self.column}", self.path, self.sentence, self.hint)
        return "  ".join(part for part in parts if part)

    def as_dict(self) -> dict[str, str | int]:
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "sentence": self.sentence,
            "hint": self.hint,
        }


class Report:
    """Collects all problems of one loading, so that they are reported together."""

    def __init__(self) -> None:
        self._problems: set[Problem] = set()
        self._warnings: set[Problem] = set()
        self._reported: set[tuple[Position, str]] = set()

    def add(self, position: Position, path: NodePath, sentence: str, hint: str = "") -> None:
        """Adds the problem ``sentence`` of the value at ``path``; the same problem twice counts once."""
        written = format_path(path)
        self._problems.add(Problem(position.file, position.line, position.column, written, sentence, hint))
        self._reported.add((position, written))

    def add_unless_reported(self, position: Position, path: NodePath, sentence: str, hint: str = "") -> None:
        """Like ``add``, but adds nothing when the value has a problem already: one mistake has one message."""
        if (position, format_path(path)) not in self._reported:
            self.add(position, path, sentence, hint)

    def has(self, path: NodePath) -> bool:
        """Whether a problem is reported at ``path`` or below it, in any file."""
        written = format_path(path)
        return any(at == written or at.startswith((f"{written}.", f"{written}[")) for _, at in self._reported)

    def warn(self, position: Position, path: NodePath, sentence: str, hint: str = "") -> None:
        """Adds a warning: what ``sentence`` says of the value at ``path`` is likely a mistake, but keeps nothing from running."""
        written = format_path(path)
        self._warnings.add(Problem(position.file, position.line, position.column, written, sentence, hint))

    def warnings(self) -> list[Problem]:
        """All warnings in the order of the files, from top to bottom."""
        return sorted(self._warnings)

    def problems(self) -> list[Problem]:
        """All problems in the order of the files, from top to bottom."""
        return sorted(self._problems)


@dataclass(frozen=True, slots=True)
class Location:
    """One written value, such as a route, with a report that takes problems of its parts."""

    node: Node
    path: NodePath
    report: Report

    def add(self, below: NodePath, sentence: str, hint: str = "") -> None:
        """Adds a problem at ``below``, or at the deepest written value above it, unless it has one already."""
        node, _ = follow(self.node, below)
        self.report.add_unless_reported(node.position, (*self.path, *below), sentence, hint)

    def warn(self, below: NodePath, sentence: str, hint: str = "") -> None:
        """Adds a warning at ``below``, or at the deepest written value above it."""
        node, _ = follow(self.node, below)
        self.report.warn(node.position, (*self.path, *below), sentence, hint)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint with the name in ``known`` that is closest to ``name``, or with all of them if they are few, or empty."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 12 else ""
