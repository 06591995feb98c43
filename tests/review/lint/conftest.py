"""Findings in edits of a configuration that has none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from gateway.review.lint.finding import Finding
from gateway.review.lint.findings import findings
from tests.review.lint.configurations import CLEAN, NOW, Judged, Tree, edited, loaded


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    def judge(*edits: str | Tree, now: float = NOW, **schemas: str) -> Sequence[Finding]:
        tree = CLEAN
        for edit in edits:
            tree = edited(tree, yaml.safe_load(edit) if isinstance(edit, str) else edit)
        named = {stem.replace("__", "."): text for stem, text in schemas.items()}
        return findings(loaded(tmp_path, tree, named), now)

    return judge
