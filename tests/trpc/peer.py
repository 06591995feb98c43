"""The parsers of the backend, all in one Node process (``peer.mjs``), and what they make of many requests."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.trpc.real_peers import HERE

SECONDS = 120


class Absent:
    """Stands for undefined."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


class Date(NamedTuple):
    """A Date of JavaScript by its ISO text, None for one that is no date."""

    text: str | None


class Other(NamedTuple):
    """A value that JSON does not have: a Map, a BigInt, a regular expression."""

    kind: str


def value_of(shown: list[Any]) -> Any:
    """The value that ``peer.mjs`` has shown."""
    kind, *rest = shown
    if kind == "object":
        return {name: value_of(member) for name, member in rest}
    if kind == "list":
        return [value_of(item) for item in rest]
    if kind == "undefined":
        return ABSENT
    if kind == "date":
        return Date(rest[0])
    return rest[0] if kind == "value" else Other(rest[0])


def readings(procedures: Mapping[str, str], requests: Sequence[bytes]) -> list[dict[str, Any]]:
    """What the parsers make of each of ``requests``: see ``peer.mjs``. ``procedures`` has the kind of each by its name."""
    node = shutil.which("node")
    assert node is not None, "node is not installed; scripts/setup brings it"
    lines = [json.dumps({"procedures": procedures}), *[base64.b64encode(raw).decode() for raw in requests]]
    done = subprocess.run(
        [node, "peer.mjs"],
        cwd=HERE,
        input="".join(f"{line}\n" for line in lines).encode(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(requests)
    return found
