"""What holds for all tests."""

import gc
import os
from collections import Counter
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

FOLLOWED = 3
"""Rows of a test whose lines are counted."""
WITH_PROCESSES = 2
"""Tests of a file whose processes count theirs too: that doubles the 0.4 s that a process takes to begin."""

gc.disable()  # while tests are collected, which is 15,000 of them and makes next to no garbage

_MEASURED = pytest.StashKey[bool]()
_FOR_PROCESSES = "COVERAGE_PROCESS_CONFIG"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count the lines of the first rows of a test only, and none of a property's: the others run the same lines again, and
    counting doubles what they cost. So the coverage that is required is reached by less than what is run."""
    rows: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for item in items:
        test = item.nodeid.partition("[")[0]
        file = test.partition("::")[0]
        rows[test] += 1
        files[file] += 1
        item.stash[_MEASURED] = files[file] <= WITH_PROCESSES
        function = getattr(item, "function", None)
        if rows[test] > FOLLOWED or getattr(function, "is_hypothesis_test", False):
            item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """Have the collector leave alone what was collected: it would go through millions of objects each time a test asks for it."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Leave out of the count the processes that a test starts, its fixtures included, but for the first tests of a file."""
    kept = None if item.stash[_MEASURED] else os.environ.pop(_FOR_PROCESSES, None)
    try:
        return (yield)
    finally:
        if kept is not None:
            os.environ[_FOR_PROCESSES] = kept
