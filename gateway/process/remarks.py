"""What is worth a line in the log each time that a configuration comes into force."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.model import Config
from gateway.config.reporting import reporting
from gateway.process.descriptors import room

Remark = tuple[str, dict[str, object]]
"""The name of an event, and its fields."""


def remarks(config: Config, descriptors: int, now: float) -> Iterator[Remark]:
    """What the ``descriptors`` of a worker carry where that is less than is written, and which policies only report at ``now``
    (Unix seconds)."""
    found = room(config, descriptors)
    if not found.enough:
        yield (
            "connections_limited",
            {"descriptors": found.limit, "connections": found.connections, "why": found.sentence()},
        )
    trials = reporting(config, now)
    if trials:
        yield "reporting_only", {"policies": [str(one) for one in trials]}
