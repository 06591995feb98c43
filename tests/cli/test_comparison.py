"""The process that compares: what takes too long, or kills it, is unknown, and the next pair is compared."""

from __future__ import annotations

import os
import signal

from gateway.cli.comparison import Comparison
from gateway.review.inputs import Direction

SHORT = {"type": "string", "maxLength": 1}
LONG = {"type": "string", "maxLength": 2}


def test_what_takes_too_long_is_unknown_and_the_next_pair_is_compared() -> None:
    with Comparison(limit=0.5) as comparison:
        assert comparison.of(SHORT, LONG).direction == Direction.LOOSER
        found = comparison.of({"enum": list(range(30_000))}, {"enum": list(range(1, 30_001))})
        assert found.direction == Direction.UNKNOWN and found.loosens
        assert found.sentence == "could not be compared within 0.5 seconds"
        assert comparison.of(LONG, SHORT).direction == Direction.TIGHTER


def test_a_process_that_dies_is_replaced() -> None:
    with Comparison() as comparison:
        assert comparison.of(SHORT, SHORT).direction == Direction.SAME
        process = comparison._process
        assert process is not None and process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        found = comparison.of(SHORT, LONG)
        assert found.direction == Direction.UNKNOWN
        assert found.sentence == "could not be compared: it takes more memory than there is for it, or is too deep"
        assert comparison.of(SHORT, LONG).direction == Direction.LOOSER
        process = comparison._process
        assert process is not None
    assert comparison._process is None
