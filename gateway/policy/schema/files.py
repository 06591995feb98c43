"""Reading the files of a policy: which there are, what is in them, and every mistake in them, each with its line."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.core.issue import Token
from gateway.policy.base.file_flaw import FileFlaw, ReadFile
from gateway.policy.schema.document import Flaw, line_and_column, offset_of, read
from gateway.policy.schema.lint import MOST_SHOWN, remarks
from gateway.policy.schema.settings import SUFFIX, SchemaFiles, Settings
from gateway.policy.schema.validator import SchemaError, compiled, mistakes_beside

MOST_FILES = 1000
LARGEST = 256 * 1024
"""Bytes of one file."""
LARGEST_ALL = 8 * 1024 * 1024
"""Bytes of all files of a policy: a reload reads them on the supervisor's event loop."""


def read_files(settings: Settings, folder: Path, read_file: ReadFile) -> tuple[Settings, list[FileFlaw]]:
    """``settings`` with the contents of its files, and what is wrong with them. Patterns start at ``folder``."""
    pattern = settings.files.pattern
    found = sorted(name for name in glob.iglob(pattern, root_dir=folder) if not os.path.isdir(folder / name))
    flaws: list[FileFlaw] = []
    contents: dict[str, bytes] = {}
    if not found:
        flaws.append(FileFlaw("", 0, 0, "matches no file", "patterns start at the folder of this file"))
    if len(found) > MOST_FILES:
        flaws.append(FileFlaw("", 0, 0, f"matches {len(found)} files, and may match at most {MOST_FILES}"))
        found = []
    left = LARGEST_ALL
    for name in found:
        path = folder / name
        octets = _octets(path, read_file)
        if isinstance(octets, FileFlaw):
            flaws.append(octets)
            continue
        stem = os.path.basename(name).removesuffix(SUFFIX)
        if stem in contents:
            flaws.append(_at(path, f"is a second file of the name {stem}", "keep one of them"))
        left -= len(octets)
        if left < 0:
            flaws.append(FileFlaw("", 0, 0, f"matches files of more than {LARGEST_ALL // 2**20} MiB together"))
            break
        contents[stem] = octets
        flaws += mistakes(str(path), octets, settings.max_depth)
    return settings.model_copy(update={"files": SchemaFiles(pattern, contents)}), flaws


def _octets(path: Path, read_file: ReadFile) -> bytes | FileFlaw:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return _at(path, "is no file")
        octets = read_file(path, LARGEST)
    except OSError as error:
        return _at(path, f"cannot be read ({error.strerror})")
    return octets if len(octets) <= LARGEST else _at(path, f"is larger than {LARGEST // 1024} KiB")


def _at(path: Path, sentence: str, hint: str = "") -> FileFlaw:
    return FileFlaw(str(path), 1, 1, sentence, hint)


def mistakes(file: str, octets: bytes, max_depth: int) -> Iterator[FileFlaw]:
    """What is wrong with one schema file, and what looks like a mistake."""
    try:
        text, schema = read(octets)
    except Flaw as flaw:
        text = octets.decode("utf-8", "replace")
        yield FileFlaw(file, *line_and_column(text, flaw.offset), str(flaw), flaw.hint)
        return
    sound = True
    for remark in remarks(schema, max_depth):
        sound = sound and remark.warning
        at = line_and_column(text, offset_of(text, remark.at))
        yield FileFlaw(file, *at, _named(remark.at, remark.sentence), remark.hint, remark.warning)
    if not sound:
        return
    try:
        backtracks = compiled(schema).backtracks
    except SchemaError as first:
        for error in mistakes_beside(first, schema)[:MOST_SHOWN]:
            at = line_and_column(text, offset_of(text, error.at))
            yield FileFlaw(file, *at, _named(error.at, str(error)), error.hint)
        return
    if backtracks:
        sentence = (
            "has a pattern with look-around or a back reference, which is searched for with a bound on the steps back"
        )
        yield FileFlaw(file, 1, 1, sentence, "write it without, so that it takes linear time", True)


def _named(at: Sequence[Token], sentence: str) -> str:
    """``sentence`` about the keyword at ``at``."""
    name = next((str(token) for token in reversed(at) if isinstance(token, str)), "")
    return f"{name}: {sentence}" if name and name.isprintable() else sentence
