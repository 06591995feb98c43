"""The process of a comparison, ``python -m gateway.process.comparison_main SECONDS``: two configurations on standard input, what
differs on standard output. Started by the supervisor, never by hand.
"""

from __future__ import annotations

import os
import pickle
import resource
import sys

import orjson

NICE = 10  # the workers on this host come first
MEMORY = 4 * 1024**3
"""Bytes of address space."""


def bound(seconds: int) -> None:
    """Let this process have so many seconds of processor time, ``MEMORY``, and no precedence."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(NICE)


def main(arguments: list[str]) -> int:
    """Compare, with so many seconds of processor time at most. Returns the exit code."""
    bound(int(arguments[0]))
    # By the process that has started this one, which is its only writer (``process.channel``).
    old, new, witnesses = pickle.loads(sys.stdin.buffer.read())
    from gateway.review.diff.diff import differences
    from gateway.review.diff.record import as_record

    found = [as_record(change) for change in differences(old, new, witnesses=witnesses)]
    sys.stdout.buffer.write(orjson.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
