"""The tutor's reading of a request target: that of the URL class of browsers and Node (WHATWG URL, section 4.4).

Kept apart from the gateway's own canonical path on purpose: the demo is the second parser behind a gateway.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\\?#]*", re.I)
_HERE = frozenset({".", "%2e"})
_UP = frozenset({"..", ".%2e", "%2e.", "%2e%2e"})
_ESCAPE = re.compile(r"%(?![0-9a-f]{2})", re.I)


def read_target(target: str) -> tuple[str, str]:
    """Path (still percent-encoded, dot segments resolved) and query of a target in origin or absolute form."""
    target = _ORIGIN.sub("", target, count=1) if _ORIGIN.match(target) else target
    path, _, query = target.partition("#")[0].partition("?")
    kept: list[str] = []
    segments = path.replace("\\", "/").split("/")[1:]
    for index, segment in enumerate(segments):
        dots = segment.lower()
        if dots in _UP:
            del kept[-1:]
        if dots not in _UP and dots not in _HERE:
            kept.append(segment)
        elif index == len(segments) - 1:
            kept.append("")
    return "/" + "/".join(kept), query


def procedure_path(path: str, prefix: str) -> str:
    """What follows the prefix, one slash trimmed at each end twice over, as tRPC's fetch adapter does it.

    Decoded once. Raises ValueError on a bad escape or on bytes that are not UTF-8, for which the real one responds with 500.
    """
    rest = _trim(_trim(path)[len(prefix.strip("/")) :])
    if _ESCAPE.search(rest):
        raise ValueError("URI malformed")
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda hit: bytes([int(hit[1], 16)]), rest.encode()).decode()


def _trim(path: str) -> str:
    return path.removeprefix("/").removesuffix("/")


def first(query: str, name: str) -> str | None:
    """The first parameter of that name, decoded, as ``URLSearchParams.get`` finds it."""
    return next((value for key, value in parse_qsl(query, keep_blank_values=True) if key == name), None)
