"""Configurations from a text, for the tests of single checks."""

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.model import Config
from tests.config.problems import Problems


@pytest.fixture
def problems_of(tmp_path: Path) -> Problems:
    """Loads an entry file with the text that is handed in and returns its problems, each as path and sentence."""

    def problems(text: str, **env: str) -> list[str]:
        entry = tmp_path / "upstreams.yaml"
        entry.write_text(f"version: 1\n{text}")
        loaded = load(entry, env)
        return [] if isinstance(loaded, Config) else [f"{problem.path} {problem.sentence}" for problem in loaded]

    return problems


@pytest.fixture
def warnings_of(tmp_path: Path) -> Problems:
    """The same for the warnings of an entry file without problems, those of what it has and does not use apart."""

    def warnings(text: str, **env: str) -> list[str]:
        entry = tmp_path / "upstreams.yaml"
        entry.write_text(f"version: 1\n{text}")
        loaded = load(entry, env)
        assert isinstance(loaded, Config), "\n".join(map(str, loaded))
        found = [f"{warning.path} {warning.sentence}" for warning in loaded.warnings]
        return [warning for warning in found if not warning.endswith(" is used by nothing")]

    return warnings
