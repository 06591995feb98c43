"""The line of one request in a log."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

LONGEST = 1024 * 1024
"""Bytes of a line that are read; the gateway writes no longer ones."""


def line_of(file: BinaryIO, request_id: str) -> dict[str, Any] | None:
    """The line of the request of that id, None where it has none. Lines that are no JSON, as of a container's runtime, are
    passed over, and what stands before the object in a line too."""
    wanted = request_id.encode()
    while line := file.readline(LONGEST):
        if wanted in line:
            found = _read(line)
            if found is not None and found.get("id") == request_id and found.get("event") == "request":
                return found
    return None


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line[line.index(b"{") :])
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
