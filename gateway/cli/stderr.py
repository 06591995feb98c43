"""Standard error, where what is for people goes: a full disk under it or a reader that is gone costs lines and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def write_line(line: str) -> None:
    """Write ``line`` to standard error, if that can be written to."""
    with lossy():
        print(line, file=sys.stderr, flush=True)


@contextmanager
def lossy() -> Iterator[None]:
    """Go on behind the block where standard error cannot be written to in it. Nothing is written there any more then."""
    try:
        yield
    except OSError:
        # What is buffered would fail once more when the interpreter ends, and make 120 of the exit code.
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # for as long as the process lives
