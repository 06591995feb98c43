"""Reading what the configuration consists of: files, and pipes that somebody writes to. A supervisor that reloads reads it
on its event loop, so that neither the wait nor the length may be without a bound."""

from __future__ import annotations

import errno
import os
import select
import time
from pathlib import Path

WITHIN = 2.0
"""Seconds in which a pipe, such as ``<(...)`` of a shell, has to be written to its end."""

_PIECE = 65536


def read_bytes(path: Path, most: int) -> bytes:
    """The content of ``path``, of which at most ``most`` and one more bytes are read: with more it is too long.

    Raises OSError, for a pipe that is not written to its end within ``WITHIN`` too.
    """
    descriptor = os.open(
        path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    )  # opening a pipe waits for its writer otherwise
    try:
        return _read(descriptor, most + 1)
    finally:
        os.close(descriptor)


def _read(descriptor: int, most: int) -> bytes:
    until = time.monotonic() + WITHIN
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    pieces = []
    while most > 0:
        if not ready.poll(max(0.0, until - time.monotonic()) * 1000):
            raise OSError(errno.ETIMEDOUT, "it is a pipe that nobody writes to")
        piece = os.read(descriptor, min(most, _PIECE))
        if not piece:
            break
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)
