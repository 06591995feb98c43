"""What the files of a configuration are like now, and in which directories a change of them shows.

A file is watched in its directory: an editor that writes another file and renames it leaves the old one, which nobody reads any
more, as it was. Where a symbolic link leads to it, the directory of each link counts too: Kubernetes swaps one link, ``..data``,
for all files of a volume at once.
"""

from __future__ import annotations

import glob
import os
import stat
from fnmatch import fnmatch
from typing import NamedTuple

from gateway.config.files_read import FILE, Contents, FilesRead, digest_of_file, digest_of_names

MOST_DIRECTORIES = 512
"""Directories that are watched; what changes in others shows in the look that is made now and then."""
MOST_LINKS = 40
"""Links that are followed for one path, as the kernel does (path_resolution(7))."""
FRESH = 2_000_000_000
"""Nanoseconds within which a file that was written is read again although it looks the same: its time may be too coarse."""

_Look = tuple[int, int, int, int, int]


class Directory(NamedTuple):
    """One that is watched: ``identity`` tells it from another one that takes its name, None where there is none now. ``names``
    are patterns of the names in it that matter."""

    identity: tuple[int, int] | None
    names: frozenset[str]


class WatchedFiles:
    """Says what is there now of what a load has read. It reads a file again only when it looks otherwise."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[_Look, int, bytes | None]] = {}

    def now(self, reads: FilesRead, wall_ns: int) -> Contents:
        """The contents as ``reads`` has them, at this moment."""
        found: Contents = {}
        for key, before in reads.contents.items():
            kind, path, pattern = key
            if kind == FILE:
                found[key] = self._file(path, reads.most[path], before, wall_ns)
            else:
                found[key] = digest_of_names(path, pattern)
        self._known = {path: known for path, known in self._known.items() if path in reads.most}
        return found

    def _file(self, path: str, most: int, before: bytes | None, wall_ns: int) -> bytes | None:
        try:
            found = os.stat(path)
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return before  # a pipe has been read to its end, and has nothing more to say
        look = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        known = self._known.get(path)
        if known is not None and known[:2] == (look, most) and wall_ns - max(look[3:]) > FRESH:
            return known[2]
        digest = digest_of_file(path, most)
        self._known[path] = look, most, digest
        return digest


def directories(reads: FilesRead) -> dict[str, Directory]:
    """The directories in which a change of what was read shows, and of each what matters in it."""
    names: dict[str, set[str]] = {}
    for kind, path, pattern in reads.contents:
        if kind == FILE:
            _add_path(path, names)
        else:
            _add_pattern(path, pattern, names)
    for directory in list(names):  # one that is removed and made anew is another one
        _add_path(directory, names)
        while not os.path.isdir(directory) and directory != os.path.dirname(directory):
            directory = os.path.dirname(directory)
            _add_path(directory, names)
    watched = sorted(names)[:MOST_DIRECTORIES]
    return {path: Directory(_identity(path), frozenset(names[path])) for path in watched}


def _add_path(path: str, names: dict[str, set[str]]) -> None:
    """``path`` in its directory, and each link on the way to it in the link's."""
    for _ in range(MOST_LINKS):
        parent, name = os.path.split(path)
        if not name:
            return
        names.setdefault(parent, set()).add(glob.escape(name))
        link = _first_link(path)
        if link is None:
            return
        parent, name = os.path.split(link)
        names.setdefault(parent, set()).add(glob.escape(name))
        try:
            target = os.path.join(parent, os.readlink(link))
        except OSError:
            return
        path = os.path.normpath(target + path[len(link) :])


def _first_link(path: str) -> str | None:
    """The first part of ``path`` that is a symbolic link."""
    parts = path.split(os.sep)
    for count in range(2, len(parts) + 1):
        part = os.sep.join(parts[:count])
        if os.path.islink(part):
            return part
    return None


def _add_pattern(folder: str, pattern: str, names: dict[str, set[str]]) -> None:
    """The directories in which a name may appear that ``pattern`` matches below ``folder``."""
    head, tail = os.path.split(os.path.join(folder, pattern))
    fixed = head
    while glob.has_magic(fixed):
        fixed = os.path.dirname(fixed)
    if fixed == head:
        names.setdefault(os.path.normpath(head), set()).add(tail or "*")
        return
    names.setdefault(os.path.normpath(fixed), set()).add("*")
    for found in glob.iglob(head, recursive=True):
        if len(names) >= MOST_DIRECTORIES:
            return
        if os.path.isdir(found):
            names.setdefault(os.path.normpath(found), set()).add("*")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


def matters(watched: dict[str, Directory], path: str) -> bool:
    """Whether a change of ``path`` may be one of what was read."""
    parent, name = os.path.split(path)
    directory = watched.get(parent)
    return directory is not None and any(fnmatch(name, pattern) for pattern in directory.names)
