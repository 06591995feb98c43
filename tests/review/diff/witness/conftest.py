"""Two sides that are compared."""

from __future__ import annotations

import pytest

from tests.review.diff.written import Compare


@pytest.fixture(scope="session")
def compare(tmp_path_factory: pytest.TempPathFactory) -> Compare:
    return Compare(tmp_path_factory.mktemp("sides"))
