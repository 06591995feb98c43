"""Reading the files of a policy: which there are, what is in them, and every mistake in them, each with its line."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.policy.base.file_flaw import FileFlaw, ReadFile
from gateway.policy.schema.document import Flaw, line_and_column, offset_of, read
from gateway.policy.schema.settings import SchemaFiles, Settings
from gateway.policy.schema.validator import SchemaError, compiled

MOST_FILES = 1000
LARGEST = 256 * 1024
"""Bytes of one file."""
LARGEST_ALL = 8 * 1024 * 1024
"""Bytes of all files of a policy: a reload reads them on the supervisor's event loop."""

SUFFIX = ".json"
QUERY = ".query"


def read_files(settings: Settings, folder: Path, read_file: ReadFile) -> tuple[Settings, list[FileFlaw]]:
    """``settings`` with the contents of its files, and what is wrong with them. Patterns start at ``folder``."""
    pattern = settings.files.pattern
    found = sorted(name for name in glob.iglob(pattern, root_dir=folder) if not os.path.isdir(folder / name))
    findings: list[FileFlaw] = []
    contents: dict[str, bytes] = {}
    if not found:
        findings.append(FileFlaw("", 0, 0, "matches no file", "patterns start at the folder of this file"))
    if len(found) > MOST_FILES:
        findings.append(FileFlaw("", 0, 0, f"matches {len(found)} files, and may match at most {MOST_FILES}"))
        found = []
    left = LARGEST_ALL
    for name in found:
        path = folder / name
        octets = _octets(path, read_file)
        if isinstance(octets, FileFlaw):
            findings.append(octets)
            continue
        stem = os.path.basename(name).removesuffix(SUFFIX)
        if stem in contents:
            findings.append(_at(path, f"is a second file of the name {stem}", "keep one of them"))
        left -= len(octets)
        if left < 0:
            findings.append(FileFlaw("", 0, 0, f"matches files of more than {LARGEST_ALL // 2**20} MiB together"))
            break
        contents[stem] = octets
        findings += mistakes(str(path), octets)
    return settings.model_copy(update={"files": SchemaFiles(pattern, contents)}), findings


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


def mistakes(file: str, octets: bytes) -> Iterator[FileFlaw]:
    """What is wrong with one schema file, and what looks like a mistake."""
    try:
        text, schema = read(octets)
    except Flaw as flaw:
        text = octets.decode("utf-8", "replace")
        yield FileFlaw(file, *line_and_column(text, flaw.offset), str(flaw), flaw.hint)
        return
    try:
        compiled(schema)
    except SchemaError as error:
        yield FileFlaw(file, *line_and_column(text, offset_of(text, error.at)), str(error), error.hint)
