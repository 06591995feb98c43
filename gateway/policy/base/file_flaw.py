"""What is found in files that a policy names beside its settings, for ``gateway check``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ReadFile = Callable[[Path, int], bytes]
"""Reads a file, of which at most so many bytes and one more. Raises OSError."""


class FileFlaw(NamedTuple):
    """One mistake in a file, as ``config.problem.Problem`` has it. ``warning``: it keeps nothing from running. A flaw
    without a ``file`` is about the setting that names the files."""

    file: str
    line: int
    column: int
    sentence: str
    hint: str = ""
    warning: bool = False
