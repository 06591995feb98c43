"""What a load has read: each file with a digest of its content, and each pattern with the names that it matched.

Comparing it with what is there now says whether another load would read something else.
"""

from __future__ import annotations

import glob
import os
import stat
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from gateway.config.file_bytes import read_bytes

FILE, NAMES = "file", "names"

Key = tuple[str, str, str]
"""A file and its path, or the names below a folder that a pattern matches."""

Contents = dict[Key, bytes | None]
"""A digest of each; None for what is not there or cannot be read."""


@dataclass(slots=True)
class FilesRead:
    """The reading of one load. ``contents`` is what it has met; ``most`` is up to how many bytes each file counts."""

    contents: Contents = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)

    def read(self, path: Path, most: int) -> bytes:
        """``file_bytes.read_bytes``, noted. Raises OSError."""
        key = self._key(path, most)
        self.contents[key] = None
        octets = read_bytes(path, most)
        self.contents[key] = digest_of(octets)
        return octets

    def note(self, path: Path, most: int) -> None:
        """Note a file that is read by somebody else."""
        self.contents[self._key(path, most)] = digest_of_file(str(path), most)

    def match(self, folder: Path, pattern: str) -> None:
        """Note which names below ``folder`` match ``pattern`` (``glob``)."""
        key = (NAMES, os.path.abspath(folder), pattern)
        self.contents[key] = digest_of_names(folder, pattern)

    def _key(self, path: Path, most: int) -> Key:
        absolute = os.path.abspath(path)
        self.most[absolute] = most
        return (FILE, absolute, "")


def digest_of(octets: bytes) -> bytes:
    """A digest that stands for the content of a file. It stays in the process that reads them."""
    return blake2b(octets, digest_size=16).digest()


def digest_of_file(path: str, most: int) -> bytes | None:
    """The digest of a file's content, None where there is none to be read. What is no file, such as a pipe, is not read a second
    time."""
    try:
        if stat.S_ISREG(os.stat(path).st_mode):
            return digest_of(read_bytes(Path(path), most))
    except OSError:
        pass
    return None


def digest_of_names(folder: Path | str, pattern: str) -> bytes:
    """A digest of the names below ``folder`` that match ``pattern``."""
    names = sorted(glob.iglob(pattern, root_dir=folder, recursive=True))
    return digest_of("\n".join(names).encode("utf-8", "surrogateescape"))
