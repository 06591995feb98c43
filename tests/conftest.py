"""What holds for all tests."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

FOLLOWED = 3
"""Rows of a test whose lines are counted."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count the lines of the first rows of a test only, and none of a property's: the others run the same lines again, and
    counting doubles what they cost. So the coverage that is required is reached by less than what is run."""
    rows: Counter[str] = Counter()
    for item in items:
        test = item.nodeid.partition("[")[0]
        rows[test] += 1
        function = getattr(item, "function", None)
        if rows[test] > FOLLOWED or getattr(function, "is_hypothesis_test", False):
            item.add_marker("no_cover")
