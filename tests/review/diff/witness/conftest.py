"""Two sides that are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.review.diff.written import Compare


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    return Compare(tmp_path)
