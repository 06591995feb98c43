"""Which build of the gateway this is: its version, and the revision of its source where that is known."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import gateway

REVISION_VARIABLE = "GATEWAY_REVISION"
"""Names the revision where the source is no checkout, as in the image."""

UNKNOWN_VERSION = "0+source"
_HASH = re.compile(r"[0-9a-f]{7,64}")
_NAMED = re.compile(r"ref: (refs/[A-Za-z0-9._/-]+)")
_ROOT = Path(gateway.__file__ or "").resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Build:
    """``revision`` is a commit in hex, or empty where nothing says which."""

    version: str
    revision: str = ""

    def __str__(self) -> str:
        source = f" ({self.revision[:12]})" if self.revision else ""
        return f"{self.version}{source}, Python {platform.python_version()}"


def build(env: Mapping[str, str] = os.environ, root: Path = _ROOT) -> Build:
    """The build that runs. ``root`` is the folder that the package is in."""
    try:
        version = metadata.version("tutor-gateway")
    except metadata.PackageNotFoundError:
        version = UNKNOWN_VERSION
    named = env.get(REVISION_VARIABLE, "").strip().lower()
    return Build(version, named if _HASH.fullmatch(named) else _checked_out(root))


def _checked_out(root: Path) -> str:
    """The commit that the checkout at ``root`` is of, read from its files: there may be no git here. Empty where it is no
    checkout; an edited one has the commit that was edited."""
    folder = root / ".git"
    try:
        if folder.is_file():  # a worktree's: "gitdir: PATH"
            folder = root / folder.read_text().removeprefix("gitdir:").strip()
        head = (folder / "HEAD").read_text().strip()
        name = _NAMED.fullmatch(head)
        if not name:
            return head if _HASH.fullmatch(head) else ""
        common = folder / "commondir"
        if common.is_file():
            folder = folder / common.read_text().strip()
        if (folder / name[1]).is_file():
            commit = (folder / name[1]).read_text().strip()
            return commit if _HASH.fullmatch(commit) else ""
        for line in (folder / "packed-refs").read_text().splitlines():
            commit, _, packed = line.partition(" ")
            if packed == name[1] and _HASH.fullmatch(commit):
                return commit
    except (OSError, UnicodeDecodeError):
        pass
    return ""
