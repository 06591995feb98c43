"""The rules of one subject, each with a configuration that has the finding, and its mended twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.review.lint.configurations import Case, cases_of, check


@pytest.mark.parametrize("case", cases_of("secrets"), ids=str)
def test_a_rule(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
