"""The process of an explanation, ``python -m gateway.process.explaining_main SECONDS``: a configuration and a request on standard
input, the explanation on standard output. Started by the supervisor, never by hand.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.config.model import Config
from gateway.process.comparison_main import bound
from gateway.review.explain.explain import explain
from gateway.review.explain.order import moment, request_of
from gateway.review.explain.recorded import Recorded


def explained(config: Config, order: dict[str, Any], line: Mapping[str, Any] | None, now: float) -> dict[str, Any]:
    """The explanation as JSON, or ``error``: a sentence on what is wrong with ``order``."""
    try:
        if line is not None:
            return Recorded(config, now).explanation(line).as_dict()
        at = order.get("at", "")
        if not isinstance(at, str):
            raise ValueError("at must be a text: RFC 3339 or Unix seconds")
        return explain(config, request_of(order), moment(at, now)).as_dict()
    except ValueError as error:
        return {"error": str(error)}


def main(arguments: list[str]) -> int:
    """Explain, with so many seconds of processor time at most. Returns the exit code."""
    bound(int(arguments[0]))
    # By the process that has started this one, which is its only writer (``process.channel``).
    found = explained(*pickle.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(orjson.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
