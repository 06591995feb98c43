"""A problem of the configuration, told so that it can be put right without the docs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.config.tree import Place, Steps, spelled


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong and where. ``hint`` says how to put it right and may be empty. Neither ever holds a secret."""

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
    """Collects the problems of one loading, so that all of them are told at once."""

    def __init__(self) -> None:
        self._problems: set[Problem] = set()
        self._spots: set[tuple[Place, str]] = set()

    def add(self, place: Place, steps: Steps, sentence: str, hint: str = "") -> None:
        path = spelled(steps)
        self._problems.add(Problem(place.file, place.line, place.column, path, sentence, hint))
        self._spots.add((place, path))

    def add_unless_told(self, place: Place, steps: Steps, sentence: str, hint: str = "") -> None:
        """Like ``add``, but only the first word on one value counts."""
        if (place, spelled(steps)) not in self._spots:
            self.add(place, steps, sentence, hint)

    def problems(self) -> list[Problem]:
        """All problems in the order of the files, from top to bottom."""
        return sorted(self._problems)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names what was probably meant, or the few names there are; empty when neither helps."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 12 else ""
