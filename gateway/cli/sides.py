"""One side of a comparison: a file, a folder or a git revision, and the configuration in it.

Both sides are read as they are written, without the environment of this process: a reference that has a default is that
default, and one that has none is a stand-in for its name (``config.by_reference``). So the result is the same on every machine,
a default that changes is seen where the variable is set, and no secret is in it.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from gateway.cli.revision import Repository, RevisionError
from gateway.config.by_reference import ByReference
from gateway.config.files_read import FILE, FilesRead
from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.problem import Problem, Report
from gateway.config.source import read
from gateway.config.tree import Scalar, Sequence, child
from gateway.ops.plain import clean
from gateway.policy.base.written import code

ENTRY = "upstreams.yaml"
"""The entry file of a folder."""

_SHORT = 7  # characters of a commit that people read

_SUFFIXES = frozenset((".yaml", ".yml", ".json"))
"""What the files of a configuration are named; others only where ``include`` names them."""


class SideError(ValueError):
    """A side that is no configuration: a sentence, or the ``problems`` of its files."""

    def __init__(self, name: str, sentence: str, problems: list[Problem] | None = None) -> None:
        super().__init__(f"{clean(name)} {sentence}")
        self.name = clean(name)
        self.problems = problems or []


@dataclass(frozen=True, slots=True)
class LoadedSide:
    """A configuration, how people call it (``name``), and where its files are: in ``folder`` of the ``revision``, or from this
    process's folder on where that is empty."""

    name: str
    config: Config
    folder: str
    revision: str = ""
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    """What stands in for variables and files: the name of each by the value in its place."""
    commit: str = ""
    contents: Mapping[str, bytes | None] = field(default_factory=dict)
    """A digest of each file that was read, by its path from the folder of the entry file on."""

    @property
    def in_words(self) -> str:
        """What it is, for people."""
        if not self.revision:
            return f"the working files ({code(self.name)})"
        short = self.commit[:_SHORT]
        if self.name.startswith(short):
            return code(self.name.replace(self.commit, short, 1))
        return f"{code(self.name)} ({short})"

    def edited(self, other: LoadedSide) -> tuple[str, ...]:
        """The files that differ from those of ``other``, as people find them."""
        paths = self.contents.keys() | other.contents.keys()
        return tuple(sorted(self.at(path) for path in paths if self.contents.get(path) != other.contents.get(path)))

    def at(self, where: str) -> str:
        """``where`` (``file:line``, from the folder of the entry file on) as people find it; empty for nowhere."""
        return os.path.normpath(os.path.join(self.folder, where)) if where else ""

    def at_root(self, where: str) -> str:
        """``where``, as ``at`` returns it, from the root of the repository on, if there is one."""
        prefix = None if self.revision else Repository(Path()).prefix()
        return os.path.normpath(os.path.join(prefix, where)) if prefix and where else where


def entry_of(written: str) -> Path | None:
    """The entry file of the file or folder that ``written`` names; None where there is none of that name."""
    path = Path(written)
    if not written or not path.exists():
        return None
    return path / ENTRY if path.is_dir() else path


def working_side(entry: Path) -> LoadedSide:
    """The side of the file ``entry``, whatever revision has its name too. Raises SideError."""
    return _of_files(str(entry), entry)


def read_side(written: str, entry: Path) -> LoadedSide:
    """The side that ``written`` names. A revision without a path has the file that ``entry`` is in the working files, in the
    repository that this is in. Raises SideError."""
    if written.startswith("-"):
        raise SideError(written, "begins with a hyphen, as neither a revision does nor a file: write ./ before a file")
    path = Path(written)
    revision, colon, within = written.partition(":")
    plain = written.startswith(("/", "./", "../")) or written in (".", "..") or not written
    repository = Repository(entry.parent)
    commit = None if plain else repository.commit(revision)
    if os.path.lexists(path) and written:
        if commit is not None:
            hint = f"write ./{clean(written)} for the file, or {clean(written)}:{ENTRY} for the revision"
            raise SideError(written, f"is both a file and a revision: {hint}")
        return _of_files(written, path)
    if commit is None:
        raise SideError(written, _nothing(plain, repository))
    prefix = repository.prefix() or ""
    if colon:
        # As git has it: from the root of the repository on, or from this folder on with ./ and ../
        inside = within if not within.startswith(("./", "../")) else os.path.join(prefix, within)
    else:
        inside = os.path.join(prefix, entry.name)
    return _of_revision(written, revision, repository, commit, os.path.normpath(inside or "."))


def _nothing(plain: bool, repository: Repository) -> str:
    if plain:
        return "is neither a file nor a folder"
    if repository.prefix() is None:
        return "is neither a file nor a folder, and no revision: there is no git repository here"
    return "is neither a file nor a folder, and no revision that is here: perhaps git fetch brings it"


def _of_files(name: str, path: Path) -> LoadedSide:
    entry = entry_of(str(path)) or path
    return _loaded(name, "", entry.parent, entry.name, str(entry.parent))


def _of_revision(name: str, revision: str, repository: Repository, commit: str, inside: str) -> LoadedSide:
    if inside.startswith(("/", "..")):
        raise SideError(name, "leads out of the repository")
    try:
        entries = {entry.path: entry for entry in repository.entries(commit)}
        file = inside if inside in entries else os.path.normpath(os.path.join(inside, ENTRY))
        if file not in entries:
            raise SideError(name, f"has no file {clean(inside)}: name it, as in {clean(revision)}:PATH/{ENTRY}")
        others = _patterns(repository.content(entries[file]), os.path.dirname(file))
        wanted = [entry for entry in entries.values() if _is_wanted(entry.path, file, others)]
        with tempfile.TemporaryDirectory(prefix="gateway-") as made:  # for this user alone
            outside = repository.write(wanted, Path(made))
            side = _loaded(
                name, revision, Path(made, file).parent, PurePosixPath(file).name, os.path.dirname(file), outside
            )
            return replace(side, commit=commit)
    except RevisionError as error:
        raise SideError(name, str(error)) from None


def _patterns(entry: bytes, folder: str) -> list[str]:
    """What ``include`` of an entry file names, as patterns from the root of the repository on."""
    tree = read(entry, ENTRY, Report())
    include = child(tree, "include")
    items = include.items if isinstance(include, Sequence) else ()
    texts = [re.sub(r"\$\{[^}]*\}", "*", str(item.value)) for item in items if isinstance(item, Scalar)]
    return [os.path.normpath(os.path.join(folder, text)) for text in texts]


def _is_wanted(path: str, entry: str, patterns: list[str]) -> bool:
    """Whether the file at ``path`` may be of the configuration; fnmatch's ``*`` takes slashes too, so rather one too many."""
    return path == entry or PurePosixPath(path).suffix in _SUFFIXES or any(fnmatchcase(path, each) for each in patterns)


def _loaded(
    name: str, revision: str, base: Path, file: str, folder: str, outside: frozenset[str] = frozenset()
) -> LoadedSide:
    """The side of the entry ``file`` in ``base``, which people know as ``folder``. No file of it may be one of ``outside``."""
    made = ByReference()
    reads = FilesRead()
    try:
        # From its own folder on, so that what differs in the place of the two alone differs nowhere.
        with contextlib.chdir(base):
            loaded = load(Path(file), {}, stand_ins=made, reads=reads)
            contents = {
                os.path.relpath(path): digest for (kind, path, _), digest in reads.contents.items() if kind == FILE
            }
            contents = {path: digest for path, digest in contents.items() if not path.startswith(os.pardir)}
    except OSError as error:
        raise SideError(name, f"cannot be read: {error.strerror}") from None
    if made.unfit:
        raise SideError(
            name, f"has references without a default that nothing can stand in for: {', '.join(made.unfit)}"
        )
    if isinstance(loaded, Config):
        side = LoadedSide(clean(name), loaded, folder, revision, made.values, contents=contents)
        led_out = sorted({side.at(str(each)) for each in loaded.files} & outside)
        if not led_out:
            return side
        sentence = "is a link that leads out of the revision"
        loaded = [Problem(each, 1, 1, "", sentence) for each in led_out]
    else:
        loaded = [replace(each, file=os.path.normpath(os.path.join(folder, each.file))) for each in loaded]
    raise SideError(name, "cannot be compared", loaded)
