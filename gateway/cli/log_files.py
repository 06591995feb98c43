"""Files of a log, one after the other or beside each other, compressed or not, and standard input: as lines in their order."""

from __future__ import annotations

import contextlib
import gzip
import heapq
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from gateway.ops.plain import clean
from gateway.review.replay.recorded import MOST_BYTES, Where
from gateway.review.replay.replay import Line

STDIN = "-"

_GZIP = b"\x1f\x8b"
_PIECE = 64 * 1024
_STAMP = slice(7, 31)  # of a line, with which the gateway begins all of its own: {"ts":"2026-11-28T10:00:00.000Z"


class LogError(ValueError):
    """A log that cannot be read; the message is a sentence."""


class LogFiles:
    """The log in the files of ``paths``, a context manager. Of several files the older lines come first, whichever file has
    them: the files of a rotation, and of several gateways. ``names`` are theirs by ``Where.file``."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.names = ("", *("standard input" if path == STDIN else clean(path) for path in paths))
        self.damaged: list[str] = []
        """Files whose rest cannot be read."""
        self._paths = tuple(paths)
        self._open = contextlib.ExitStack()
        self._raw: list[BinaryIO] = []
        self._files: list[BinaryIO] = []
        self.size: int | None = 0
        """Bytes in all files as they are, None where that is not known."""

    def __enter__(self) -> LogFiles:
        """Raises LogError."""
        twice = next((path for path in self._paths if self._paths.count(path) > 1), None)
        if twice is not None:  # each of its requests would count twice
            raise LogError(f"{'standard input' if twice == STDIN else clean(twice)} is named twice")
        try:
            for path in self._paths:
                self._add(path)
        except LogError:
            self._open.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def _add(self, path: str) -> None:
        try:
            if path == STDIN:
                raw = cast(BinaryIO, sys.stdin.buffer)
                self.size = None
            else:
                raw = self._open.enter_context(open(path, "rb"))  # noqa: SIM115  # closed with the others
                if self.size is not None:
                    self.size += Path(path).stat().st_size
            buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
            packed = buffered.peek(2)[:2] == _GZIP
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise LogError(f"{clean(path)} cannot be read: {why}") from None
        self._raw.append(buffered)
        self._files.append(
            cast(BinaryIO, self._open.enter_context(gzip.GzipFile(fileobj=buffered))) if packed else buffered
        )

    @property
    def done(self) -> int:
        """Bytes that were read of the files as they are."""
        return sum(raw.seek(0, io.SEEK_CUR) for raw in self._raw) if self.size is not None else 0

    def lines(self) -> Iterator[Line]:
        """The lines of all files."""
        each = [self._lines(number, file) for number, file in enumerate(self._files, 1)]
        return each[0] if len(each) == 1 else _merged(each)

    def _lines(self, number: int, file: BinaryIO) -> Iterator[Line]:
        line = 0
        try:
            while octets := file.readline(MOST_BYTES):
                line += 1
                if len(octets) == MOST_BYTES and octets[-1:] != b"\n":
                    while (rest := file.readline(_PIECE)) and rest[-1:] != b"\n":
                        pass
                    yield Line(Where(number, line), None)
                else:
                    yield Line(Where(number, line), octets)
        except (OSError, EOFError, zlib.error):
            self.damaged.append(self.names[number])


def _merged(each: Sequence[Iterator[Line]]) -> Iterator[Line]:
    """The lines of all, by their times; one without a time stays behind the one before it in its file."""

    def stamped(lines: Iterator[Line]) -> Iterator[tuple[bytes, Line]]:
        stamp = b""
        for line in lines:
            octets = line.octets
            if octets is not None and octets.startswith(b'{"ts":"'):
                stamp = octets[_STAMP]
            yield stamp, line

    for _, line in heapq.merge(*map(stamped, each), key=lambda one: one[0]):
        yield line
