"""Files of a git revision, read without running anything that the repository brings along.

Only ``rev-parse``, ``ls-tree`` and ``cat-file`` are called. They give blobs as they are stored: no smudge filter, no textconv, no
``export-ignore`` of ``.gitattributes``, no hook and no index, and so nothing of a hostile repository is executed and nothing of
it is left out. Nothing is written into the repository, and nothing is fetched.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.config.source import MOST_BYTES

WITHIN = 30.0
"""Seconds that one git command may take."""

MOST_FILES = 20_000
MOST_TOTAL = 64 * 1024 * 1024  # bytes of all files that are read of one revision
MOST_LISTED = 64 * 1024 * 1024  # bytes of the list of a revision's files
LONGEST_NAME = 250

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LINK, _FILE = "120000", ("100644", "100755", "100664")

# Whatever the repository's own configuration says: it may come from whoever opened the pull request.
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    # In a container the checkout often belongs to another user. That git refuses to look at it protects from what its
    # configuration may have executed, and none of that is done here.
    "safe.directory=*",
)
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # A partial clone would fetch what is missing, by any command that its configuration names.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}


class RevisionError(ValueError):
    """A sentence that says why a revision cannot be read."""


class TreeEntry(NamedTuple):
    """One entry of a tree: its mode in octal digits, the id of its object, and its path from the root."""

    mode: str
    object: str
    path: str


class Repository:
    """The repository that ``folder`` is in, read with the git of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prefix(self) -> str | None:
        """The path of the folder from the root of the repository, ``""`` for the root; None where there is no repository."""
        try:
            found = self._git("rev-parse", "--show-prefix")
        except RevisionError:
            return None
        return os.fsdecode(found).removesuffix("\n").rstrip("/")

    def commit(self, revision: str) -> str | None:
        """The id of the commit that ``revision`` names, None where it names none. Raises RevisionError for what no name of a
        revision looks like."""
        if revision.startswith("-"):
            raise RevisionError("begins with a hyphen, as no revision does")
        if not revision or len(revision) > LONGEST_NAME or not revision.isprintable() or revision.startswith(":"):
            return None
        try:
            found = (
                self._git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
                .decode("ascii", "replace")
                .strip()
            )
        except RevisionError:
            return None
        return found if _COMMIT.fullmatch(found) else None

    def write(self, entries: Sequence[TreeEntry], folder: Path) -> frozenset[str]:
        """Write ``entries`` below ``folder``, which is empty. Returns the paths of links that lead out of it: a file without
        content is there for each. Raises RevisionError."""
        if len(entries) > MOST_FILES:
            raise RevisionError(f"has more than {MOST_FILES:,} files that may be of the configuration")
        _refuse_crooked(entries)
        sizes = self._sizes(dict.fromkeys(entry.object for entry in entries))
        read = {each: size for each, size in sizes.items() if size <= MOST_BYTES}
        # Of all that is written: one blob may have thousands of names.
        if sum(read.get(entry.object, 0) for entry in entries) > MOST_TOTAL:
            raise RevisionError(f"has more than {MOST_TOTAL >> 20} MiB of files that may be of the configuration")
        contents = self._contents(read)
        try:
            for entry in entries:
                if entry.mode in _FILE:
                    _write(folder / entry.path, contents.get(entry.object), sizes[entry.object])
            return _link(folder, {e.path: contents.get(e.object, b"") for e in entries if e.mode == _LINK})
        except OSError as error:
            raise RevisionError(f"cannot be read: {error.strerror}") from None

    def content(self, entry: TreeEntry) -> bytes:
        """The content of a file, or nothing of one that is too large to be read. Raises RevisionError."""
        sizes = self._sizes([entry.object])
        return self._contents(sizes)[entry.object] if sizes[entry.object] <= MOST_BYTES else b""

    def entries(self, commit: str) -> list[TreeEntry]:
        """The files and links of a commit. Raises RevisionError."""
        listed = self._git("ls-tree", "-r", "-z", "--full-tree", commit, most=MOST_LISTED)
        found = []
        for line in listed.decode("utf-8", "surrogateescape").split("\0"):
            if line:
                head, _, path = line.partition("\t")
                mode, _, name = head.split(" ")
                found.append(TreeEntry(mode, name, path))
        return [
            entry for entry in found if entry.mode in (*_FILE, _LINK)
        ]  # a submodule is a commit of another repository

    def _sizes(self, names: Iterable[str]) -> dict[str, int]:
        found = {}
        for line in self._git("cat-file", "--batch-check", given=names).decode("ascii", "replace").splitlines():
            name, *rest = line.split(" ")
            if len(rest) != 2:
                raise RevisionError("is not here whole: fetch it, with its files")
            found[name] = int(rest[1])
        return found

    def _contents(self, sizes: dict[str, int]) -> dict[str, bytes]:
        octets = self._git("cat-file", "--batch", given=sizes, most=sum(sizes.values()) + 200 * len(sizes))
        found: dict[str, bytes] = {}
        at = 0
        for name, size in sizes.items():
            at = octets.index(b"\n", at) + 1
            found[name] = octets[at : at + size]
            at += size + 1
        return found

    def _git(self, *words: str, given: Iterable[str] = (), most: int = 1 << 20) -> bytes:
        """What git writes. Raises RevisionError where it fails, takes too long or writes more than ``most`` bytes."""
        options = [each for setting in _SETTINGS for each in ("-c", setting)]
        with (
            tempfile.TemporaryFile() as lines
        ):  # and no pipe, which would have to be written to while the other is read
            lines.writelines(f"{name}\n".encode() for name in given)
            lines.seek(0)
            try:
                process = subprocess.Popen(
                    ["git", "-C", self._folder, "--no-pager", "--literal-pathspecs", *options, *words],
                    env={"PATH": os.environ.get("PATH", os.defpath), **_ENVIRONMENT},
                    stdin=lines,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            except FileNotFoundError:
                raise RevisionError("needs the command git, which is not here") from None
            except OSError as error:
                raise RevisionError(f"cannot be read: {error.strerror}") from None
            with process:
                try:
                    return _output(process, most)
                finally:
                    process.kill()


def _output(process: subprocess.Popen[bytes], most: int) -> bytes:
    """All that ``process`` writes. Raises RevisionError."""
    assert process.stdout is not None
    until = time.monotonic() + WITHIN
    ready = select.poll()
    ready.register(process.stdout, select.POLLIN)
    pieces: list[bytes] = []
    while most >= 0:
        if not ready.poll(max(0.0, until - time.monotonic()) * 1000):
            raise RevisionError(f"cannot be read: git takes more than {WITHIN:g} seconds")
        piece = os.read(process.stdout.fileno(), 1 << 20)
        if not piece:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if process.wait(max(0.0, until - time.monotonic())) == 0:
                    return b"".join(pieces)
            raise RevisionError("cannot be read: git refuses it")
        pieces.append(piece)
        most -= len(piece)
    raise RevisionError("is too large to be read")


def _refuse_crooked(entries: Sequence[TreeEntry]) -> None:
    """Raises RevisionError for a tree that no git makes, whose files would be written elsewhere than they seem to be."""
    links = {entry.path for entry in entries if entry.mode == _LINK}
    for entry in entries:
        parts = entry.path.split("/")
        above = {"/".join(parts[:end]) for end in range(1, len(parts))}
        if above & links or any(part in ("", ".", "..") for part in parts):
            raise RevisionError("holds a file whose name leads elsewhere")


def _write(path: Path, octets: bytes | None, size: int) -> None:
    """Write one file, before there are links. One that is too large to be read has its size and no content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        if octets is None:
            file.truncate(min(size, MOST_BYTES + 1))
        else:
            file.write(octets)


def _link(folder: Path, links: Mapping[str, bytes]) -> frozenset[str]:
    """Make the ``links``, each a path and its target. What leads out of ``folder`` is an empty file instead, and returned."""
    for path, target in links.items():
        link = folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.fsdecode(target.partition(b"\0")[0]) or "/")
    # One link may lead over others, so that only the whole shows where it ends. What is there instead leads nowhere.
    root = Path(os.path.realpath(folder))
    outside = [path for path in links if not Path(os.path.realpath(folder / path)).is_relative_to(root)]
    for path in outside:
        (folder / path).unlink()
        (folder / path).touch()
    return frozenset(outside)
